// Reads the stream, saves everything again, and reads it once more.
#include "fault/campaign/save_book.hpp"

#include "fault/read_stream.hpp"

#include <support/run.hpp>

#include <aether/nats/jetstream_event_store.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <map>

namespace aether::fault {
namespace {

using namespace std::chrono_literals;

// The sequences at which each event is stored, by its id.
using places = std::map<std::string, std::vector<std::uint64_t>>;

places read_places(std::uint16_t port, std::string const& stream) {
  wire_client client(port);
  places found;
  for (auto const& m : stored_events(read_stream(client, stream)))
    found[m.event.id].push_back(m.sequence);
  return found;
}

std::string name_of(told_save const& told, char const* what) {
  auto const& e = told.batch.back();
  std::string text = e.actor_id + " version " + std::to_string(e.version) + ", told ";
  if (told.outcome)
    text += told.is_saved() ? "saved" : "conflict";
  else
    text += told.error ? told.error.message() : std::string("nothing");
  return text + ": " + what;
}

void check_told(told_save const& told, places const& stored, std::vector<std::string>& wrong) {
  auto const last = stored.find(told.batch.back().id);
  if (told.is_saved() && (last == stored.end() || last->second.front() != std::get<saved>(*told.outcome).sequence))
    wrong.push_back(name_of(told, "it is not where it was said to be"));
  if (told.is_not_stored() &&
      std::any_of(told.batch.begin(), told.batch.end(), [&](event const& e) { return stored.contains(e.id); }))
    wrong.push_back(name_of(told, "it is there"));
}

void check_once(told_save const& told, places const& stored, std::vector<std::string>& wrong) {
  for (auto const& e : told.batch) {
    auto const found = stored.find(e.id);
    auto const times = found == stored.end() ? 0u : found->second.size();
    if (times != (told.may_conflict ? 0u : 1u))
      wrong.push_back(name_of(told, ("in the end it is there " + std::to_string(times) + " times").c_str()));
  }
}

awaitable<void> save_again(std::string url, std::string stream, std::vector<told_save> const& list,
                           std::vector<std::string>& wrong) {
  auto on = co_await nats::connection::connect(std::move(url));
  auto store = co_await nats::jetstream_event_store::open(std::move(on), std::move(stream));
  for (auto const& told : list) {
    save_outcome const outcome = co_await store.try_save_events(told.batch, told.options);
    bool const conflict = std::holds_alternative<version_conflict>(outcome);
    if (conflict != told.may_conflict)
      wrong.push_back(name_of(told, conflict ? "saved again it conflicts" : "saved again it is saved"));
    else if (!conflict && told.is_saved() && !std::get<saved>(outcome).already_saved)
      wrong.push_back(name_of(told, "saved again it is new"));
    else if (!conflict && told.is_not_stored() && std::get<saved>(outcome).already_saved)
      wrong.push_back(name_of(told, "saved again it was there"));
  }
  co_await store.close();
}

} // namespace

bool told_save::is_not_stored() const {
  if (outcome)
    return std::holds_alternative<version_conflict>(*outcome);
  return error && error != errc::outcome_unknown && error != boost::asio::error::operation_aborted;
}

void save_book::add(told_save told) {
  std::lock_guard lock(mutex_);
  list_.push_back(std::move(told));
}

std::size_t save_book::size() const {
  std::lock_guard lock(mutex_);
  return list_.size();
}

void save_book::clear() {
  std::lock_guard lock(mutex_);
  list_.clear();
}

std::vector<std::string> save_book::check(std::uint16_t port, std::string const& stream) const {
  std::vector<std::string> wrong;
  auto stored = read_places(port, stream);
  for (auto const& told : list_)
    check_told(told, stored, wrong);
  auto const url = "nats://127.0.0.1:" + std::to_string(port);
  test::run([&](boost::asio::io_context&) -> awaitable<void> { co_await save_again(url, stream, list_, wrong); },
            {1, 120s});
  stored = read_places(port, stream);
  for (auto const& told : list_)
    check_once(told, stored, wrong);
  return wrong;
}

} // namespace aether::fault
