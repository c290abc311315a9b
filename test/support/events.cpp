// Implementation of the events to save and of the checks how a call ended.
#include <support/events.hpp>

#include <sstream>

namespace aether::test {
namespace {

std::string text_of(save_outcome const& outcome) {
  std::ostringstream text;
  if (auto const* s = std::get_if<saved>(&outcome))
    text << (s->already_saved ? "already saved" : "saved") << " at version " << s->version << ", sequence "
         << s->sequence;
  else
    text << "conflict with version " << std::get<version_conflict>(outcome).current_version;
  return text.str();
}

boost::test_tools::assertion_result verdict(bool good, save_outcome const& outcome) {
  boost::test_tools::assertion_result result(good);
  result.message() << text_of(outcome);
  return result;
}

} // namespace

event event_of(std::string actor_id, std::int64_t version, std::string id) {
  boost::json::object data;
  data["amount"] = version;
  event e = make_event("AmountChanged", std::move(actor_id), version, std::move(data));
  if (!id.empty())
    e.id = std::move(id);
  return e;
}

std::vector<event> events_of(std::string const& actor_id, std::int64_t first, std::int64_t last) {
  std::vector<event> events;
  for (std::int64_t version = first; version <= last; ++version)
    events.push_back(event_of(actor_id, version));
  return events;
}

actor_snapshot snapshot_of(std::string actor_id, std::int64_t version, std::int64_t balance) {
  boost::json::object state;
  state["balance"] = balance;
  return make_snapshot(std::move(actor_id), version, std::move(state));
}

save_options expecting(std::int64_t version) {
  save_options options;
  options.expected_version = version;
  return options;
}

boost::test_tools::assertion_result stored(save_outcome const& outcome, std::int64_t version) {
  auto const* s = std::get_if<saved>(&outcome);
  return verdict(s != nullptr && !s->already_saved && s->version == version && s->sequence > 0, outcome);
}

boost::test_tools::assertion_result already(save_outcome const& outcome, std::int64_t version) {
  auto const* s = std::get_if<saved>(&outcome);
  return verdict(s != nullptr && s->already_saved && s->version == version && s->sequence > 0, outcome);
}

boost::test_tools::assertion_result refused(save_outcome const& outcome, std::int64_t current_version) {
  auto const* c = std::get_if<version_conflict>(&outcome);
  return verdict(c != nullptr && c->current_version == current_version, outcome);
}

template <> awaitable<boost::system::error_code> error_of(awaitable<void> call) {
  boost::system::error_code thrown;
  try {
    co_await std::move(call);
  } catch (boost::system::system_error const& e) {
    thrown = e.code();
  }
  co_return thrown;
}

awaitable<std::vector<std::int64_t>> versions_of(event_store& store, std::string actor_id, std::int64_t after) {
  std::vector<event> const events = co_await store.get_events(std::move(actor_id), after);
  std::vector<std::int64_t> versions;
  for (event const& e : events)
    versions.push_back(e.version);
  co_return versions;
}

} // namespace aether::test
