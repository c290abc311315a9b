// What the store tells, in the words of the history.
#include "fault/campaign/logged_store.hpp"

#include <aether/error.hpp>
#include <aether/json.hpp>

#include <boost/asio/error.hpp>

#include <chrono>

namespace aether::fault {
namespace {

written_event as_written(event const& e) {
  written_event w;
  w.version = e.version;
  w.id = e.id;
  w.digest = digest_of(to_json(e));
  return w;
}

void note(operation& o, save_outcome const& outcome) {
  if (auto const* won = std::get_if<saved>(&outcome)) {
    o.end = won->already_saved ? call_end::already_saved : call_end::saved;
    o.sequence = won->sequence;
    o.version = won->version;
  } else {
    o.end = call_end::conflict;
    o.version = std::get<version_conflict>(outcome).current_version;
  }
}

// A cancelled call says nothing about what it had begun.
call_end end_of(boost::system::error_code error) {
  return error == errc::outcome_unknown || error == boost::asio::error::operation_aborted ? call_end::unknown
                                                                                          : call_end::failed;
}

} // namespace

event fault_event(std::string actor_id, std::int64_t version) {
  boost::json::object data;
  data["amount"] = version * 100;
  auto e = make_event("Deposited", std::move(actor_id), version, std::move(data));
  e.timestamp = std::chrono::system_clock::now();
  return e;
}

awaitable<operation> logged_store::save(event e, save_options options) const {
  operation o;
  o.actor_id = e.actor_id;
  o.events.push_back(as_written(e));
  o.expected_version = options.expected_version;
  o.contiguous = contiguous_ && !o.expected_version; // an expectation stands in the policy's place
  log_->begin(o);
  try {
    save_outcome const outcome = co_await store_->try_save_event(std::move(e), std::move(options));
    note(o, outcome);
  } catch (boost::system::system_error const& thrown) {
    o.end = end_of(thrown.code());
    o.error = thrown.code().value();
  }
  log_->end(o);
  co_return o;
}

awaitable<operation> logged_store::latest_version(std::string actor_id, call_options options) const {
  operation o;
  o.kind = call_kind::latest_version;
  o.actor_id = actor_id;
  log_->begin(o);
  try {
    o.version = co_await store_->latest_version(std::move(actor_id), std::move(options));
    o.end = call_end::answered;
  } catch (boost::system::system_error const& thrown) {
    o.end = call_end::failed;
    o.error = thrown.code().value();
  }
  log_->end(o);
  co_return o;
}

awaitable<operation> logged_store::get_events(std::string actor_id, std::int64_t after_version,
                                              call_options options) const {
  operation o;
  o.kind = call_kind::get_events;
  o.actor_id = actor_id;
  o.expected_version = after_version;
  log_->begin(o);
  try {
    std::vector<event> const events =
        co_await store_->get_events(std::move(actor_id), after_version, std::move(options));
    for (auto const& e : events)
      o.events.push_back(as_written(e));
    o.end = call_end::answered;
  } catch (boost::system::system_error const& thrown) {
    o.end = call_end::failed;
    o.error = thrown.code().value();
  }
  log_->end(o);
  co_return o;
}

} // namespace aether::fault
