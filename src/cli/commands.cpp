// What each command asks a server, and what it says.
#include "cli/commands.hpp"

#include "cli/doctor_rows.hpp"
#include "cli/event_rows.hpp"
#include "cli/journal_view.hpp"
#include "cli/session.hpp"
#include "cli/stream_check.hpp"
#include "cli/workflow_status.hpp"
#include "nats/option_defaults.hpp"

#include <aether/nats/doctor.hpp>
#include <aether/task_group.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <span>
#include <utility>
#include <variant>
#include <vector>

namespace aether::cli {
namespace {

using report_ptr = std::shared_ptr<report>;
using store_ptr = std::shared_ptr<nats::jetstream_event_store>;

/// What comes next of a subscription that is read to its end; none: that is reached. Lists and checks do not wait for
/// a server that is gone, and never take what they have for everything.
awaitable<std::optional<subscription_item>> next_until_end(event_subscription& from, options const& given) {
  call_options limit;
  limit.timeout = given.timeout;
  auto item = co_await from.next(limit);
  if (!item)
    throw error(errc::timed_out, "nothing came within " + std::to_string(given.timeout / std::chrono::milliseconds(1)) +
                                     " ms, and the end was not reached");
  if (std::holds_alternative<caught_up>(*item))
    item.reset();
  co_return item;
}

void say_if_empty(report& out, std::string_view what) {
  if (out.rows() == 0)
    out.say(what);
}

awaitable<int> list_streams(options given, report_ptr out) {
  auto connection = co_await connect(given);
  auto const streams = co_await nats::detail::list_streams(connection);
  for (auto const& s : streams) {
    bool const wanted = given.name_space.empty() ||
                        (s.has_record == nats::detail::record_state::read && s.record.name_space == given.name_space);
    if (s.holds_events && wanted)
      out->add(stream_row(s));
  }
  say_if_empty(*out, "no stream holds events");
  co_await connection.close();
  co_return exit_code::done;
}

/// How many actors are asked about side by side.
constexpr std::size_t actors_at_once = 64;

struct listed_with_last {
  listed_actor actor;
  std::optional<event> last;

  listed_with_last() = default;
};

awaitable<void> find_last(store_ptr store, std::shared_ptr<listed_with_last> of) {
  of->last = co_await store->find_latest_event(of->actor.actor_id);
}

awaitable<int> list_actors(options given, report_ptr out) {
  auto const at = co_await open_session(given);
  auto const executor = co_await boost::asio::this_coro::executor;
  list_options wanted;
  wanted.type = given.type;
  auto list = at.store->list_actors(wanted);
  for (bool more = true; more;) {
    std::vector<std::shared_ptr<listed_with_last>> some;
    while (more && some.size() < actors_at_once) {
      auto next = co_await list.next();
      more = next.has_value();
      if (!more)
        break;
      some.push_back(std::make_shared<listed_with_last>());
      some.back()->actor = *std::move(next);
    }
    task_group group(executor);
    for (auto const& one : some)
      group.spawn(find_last(at.store, one));
    co_await group.join();
    for (auto const& one : some)
      out->add(actor_row(one->actor, one->last));
  }
  say_if_empty(*out, "no actor has events");
  co_return exit_code::done;
}

awaitable<int> show_history(options given, report_ptr out) {
  auto const at = co_await open_session(given);
  read_options wanted;
  wanted.after_version = given.after;
  wanted.max_events = given.limit;
  wanted.direction = given.reverse ? read_direction::backwards : read_direction::forwards;
  auto reader = at.store->read_events(given.actor, wanted);
  for (;;) {
    auto const item = co_await reader.next_with_errors();
    if (!item)
      break;
    if (auto const* e = std::get_if<recorded_event>(&*item))
      out->add(event_row(*e, false));
    else
      out->add(malformed_row(std::get<replay_error>(*item), false));
  }
  say_if_empty(*out, "the actor has no events");
  co_return exit_code::done;
}

/// The journal's last events, back to one that says how the workflow is.
awaitable<workflow_status> read_status(store_ptr store, recorded_event last) {
  std::deque<recorded_event> events;
  events.push_front(std::move(last));
  if (!says_all(events.front().event.event_type)) {
    read_options wanted;
    wanted.direction = read_direction::backwards;
    wanted.up_to_version = events.front().event.version - 1;
    auto reader = store->read_events(events.front().event.actor_id, wanted);
    while (wanted.up_to_version > 0 && !says_all(events.front().event.event_type)) {
      auto before = co_await reader.next();
      if (!before)
        break;
      events.push_front(*std::move(before));
    }
  }
  workflow_status status;
  for (auto const& e : events)
    apply(status, e.event, e.stored);
  co_return status;
}

awaitable<int> list_workflows(options given, report_ptr out) {
  auto const at = co_await open_session(given);
  subscribe_options wanted;
  wanted.start = start_from::latest_of_each_actor();
  if (!given.type.empty())
    wanted.filter.actor_types.push_back(given.type);
  wanted.timeout = given.timeout;
  auto subscription = co_await at.store->subscribe(std::move(wanted));
  for (;;) {
    auto const item = co_await next_until_end(subscription, given);
    if (!item)
      break;
    if (auto const* bad = std::get_if<replay_error>(&*item)) {
      out->note("message " + std::to_string(bad->sequence) + " is the last of its actor and no event: " + bad->reason);
      continue;
    }
    auto const& e = std::get<recorded_event>(*item);
    if (!is_of_workflow(e.event.event_type))
      continue;
    workflow_status status;
    std::string wrong;
    try {
      status = co_await read_status(at.store, e);
    } catch (error const& what) {
      if (what.code() != errc::malformed_event)
        throw;
      wrong = what.what();
    }
    if (!wrong.empty())
      out->note("the journal of " + e.event.actor_id + " cannot be read: " + wrong);
    else if (given.state == workflow_state::unknown || given.state == status.state)
      out->add(workflow_row(e.event.actor_id, status));
  }
  say_if_empty(*out, "there is no such workflow");
  co_return exit_code::done;
}

awaitable<int> show_journal(options given, report_ptr out) {
  auto const at = co_await open_session(given);
  auto reader = at.store->read_events(given.actor);
  journal_view view;
  for (;;) {
    auto const item = co_await reader.next_with_errors();
    if (!item)
      break;
    if (auto const* e = std::get_if<recorded_event>(&*item)) {
      for (auto const& r : view.on_event(*e))
        out->add(r);
    } else {
      out->add(view.on_error(std::get<replay_error>(*item)));
    }
  }
  if (view.is_empty())
    throw error(errc::workflow_not_found, "there is no workflow \"" + given.actor + '"');
  if (out->is_json())
    out->add(summary_row(given.actor, view));
  for (auto const& line : summary_lines(view))
    out->say(line);
  co_return exit_code::done;
}

/// Tells of what whoever follows should know: the connection was lost, and is there again.
class follow_logger final : public logger {
public:
  explicit follow_logger(report_ptr out) : logger(log_level::info), out_(std::move(out)) {}

private:
  void write(log_level level, std::string_view message, std::span<log_field const> fields) noexcept override {
    bool const first = level < log_level::warning && !was_lost_;
    was_lost_ = was_lost_ || level >= log_level::warning;
    if (first) // that it is connected needs no word
      return;
    try {
      out_->note(to_line(message, fields));
    } catch (...) { // nobody reads it
    }
  }

  report_ptr const out_;
  std::atomic<bool> was_lost_{false};
};

start_from start_of(options const& given) {
  if (given.from == "beginning")
    return start_from::beginning();
  if (given.from == "now")
    return start_from::now();
  return start_from::position(position::from_text(given.from));
}

awaitable<int> follow(options given, report_ptr out, std::function<void()> flush) {
  auto const at = co_await open_session(given, std::make_shared<follow_logger>(out));
  subscribe_options wanted;
  wanted.start = start_of(given);
  wanted.on_expired = given.from == "beginning" ? expired_start::first : expired_start::refuse;
  if (!given.type.empty())
    wanted.filter.actor_types.push_back(given.type);
  wanted.filter.actor_id = given.actor;
  wanted.timeout = given.timeout;
  auto subscription = co_await at.store->subscribe(std::move(wanted));
  for (;;) {
    auto item = subscription.try_next();
    if (!item) {
      out->flush();
      flush();
      co_await subscription.wait();
      continue;
    }
    if (auto const* e = std::get_if<recorded_event>(&*item))
      out->add(event_row(*e, true));
    else if (auto const* bad = std::get_if<replay_error>(&*item))
      out->add(malformed_row(*bad, true));
  }
}

awaitable<int> check(options given, report_ptr out) {
  auto const at = co_await open_session(given);
  check_options how;
  how.contiguous = given.contiguous;
  how.may_begin_anywhere = at.stream.first_sequence > 1 || at.stream.deleted > 0;
  how.encoding = at.encoding;
  stream_check checked(how);
  subscribe_options wanted;
  wanted.on_expired = expired_start::first;
  wanted.timeout = given.timeout;
  auto subscription = co_await at.store->subscribe(std::move(wanted));
  for (;;) {
    auto const item = co_await next_until_end(subscription, given);
    if (!item)
      break;
    if (auto const* bad = std::get_if<replay_error>(&*item))
      out->add(finding_row(checked.on_error(*bad)));
    else if (auto const found = checked.on_event(std::get<recorded_event>(*item)))
      out->add(finding_row(*found));
  }
  if (auto const found = checked.on_deleted(at.stream.deleted))
    out->add(finding_row(*found));
  if (out->is_json())
    out->add(summary_row(checked));
  out->say(summary_text(checked));
  co_return checked.findings() == 0 ? exit_code::done : exit_code::found;
}

awaitable<int> examine(options given, report_ptr out) {
  auto connection = co_await connect(given);
  nats::doctor_options wanted;
  wanted.name_space = given.name_space;
  wanted.monitoring_urls = nats::detail::split_servers(given.monitoring_urls);
  if (!given.system_creds.empty() || !given.system_user.empty()) {
    auto system = given;
    system.url.clear();
    for (auto const& server : nats::detail::split_servers(given.url)) // what stands before its @ is another user's
      system.url += (system.url.empty() ? "" : ",") + nats::detail::without_credentials(server);
    system.creds = given.system_creds;
    system.user = given.system_user;
    system.password_file = given.system_password_file;
    system.inbox_prefix.clear(); // which is for the other user
    wanted.system_account = co_await connect(std::move(system));
  }
  doctor_counts counts;
  auto examined = nats::examine(connection, given.stream, std::move(wanted));
  auto const findings = co_await or_parts(std::move(examined), connection, given);
  for (auto const& f : findings) {
    counts.count(f.level);
    for (auto const& r : doctor_rows(f, out->is_json()))
      out->add(r);
  }
  if (out->is_json())
    out->add(summary_row(counts));
  out->say(summary_text(counts));
  co_await connection.close();
  co_return counts.critical == 0 ? exit_code::done : exit_code::found;
}

} // namespace

awaitable<int> run_command(options given, std::shared_ptr<report> out, std::function<void()> flush) {
  switch (given.command) {
  case command::streams:
    return list_streams(std::move(given), std::move(out));
  case command::actors:
    return list_actors(std::move(given), std::move(out));
  case command::history:
    return show_history(std::move(given), std::move(out));
  case command::workflows:
    return list_workflows(std::move(given), std::move(out));
  case command::journal:
    return show_journal(std::move(given), std::move(out));
  case command::follow:
    return follow(std::move(given), std::move(out), std::move(flush));
  case command::check:
    return check(std::move(given), std::move(out));
  case command::doctor:
    break;
  }
  return examine(std::move(given), std::move(out));
}

} // namespace aether::cli
