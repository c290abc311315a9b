// The table of operations.
#include "fault/campaign/cancel_operations.hpp"

#include "fault/campaign/logged_store.hpp"

#include <support/events.hpp>
#include <support/run.hpp>

#include <aether/json.hpp>

#include <stdexcept>

namespace aether::fault {
namespace {

using nats::jetstream_event_store;

contract save_contract(std::int64_t version, bool may_conflict) {
  contract c;
  c.is_save = true;
  c.right = [=](watched const& w) {
    if (!w.outcome)
      return false;
    auto const* s = std::get_if<saved>(&*w.outcome);
    return s ? !may_conflict && s->version == version && !s->already_saved : may_conflict;
  };
  return c;
}

contract value_contract(std::int64_t value) {
  contract c;
  c.right = [=](watched const& w) { return w.value == value; };
  return c;
}

contract void_contract() {
  contract c;
  c.right = [](watched const&) { return true; };
  return c;
}

// The actor's first event, by this store: it knows the actor then.
awaitable<void> save_first(stage& s, scene const& at) { co_await s.store.save_event(fault_event(at.actor, 1)); }

// Another writer's event behind it, of which this store knows nothing.
awaitable<void> be_overtaken(stage& s, scene const& at) {
  co_await s.store.save_event(fault_event(at.actor, 1));
  auto const answer = at.others->request(at.stream + ".events.order." + at.actor, to_json(fault_event(at.actor, 2)));
  if (!answer || answer->data.find("\"seq\"") == std::string::npos)
    throw std::runtime_error("another writer's event was not stored");
}

tried_call save_of(std::string name, std::int64_t version, std::size_t events = 1, bool may_conflict = false) {
  tried_call o;
  o.name = std::move(name);
  o.version = version;
  o.events = events;
  o.may_conflict = may_conflict;
  auto const last = version + static_cast<std::int64_t>(events) - 1;
  o.begin = [=](stage& s, scene const& at) {
    if (events > 1)
      s.launch(save_contract(last, may_conflict), s.store.try_save_events(at.batch, at.options));
    else
      s.launch(save_contract(last, may_conflict), s.store.try_save_event(at.batch.front(), at.options));
  };
  return o;
}

tried_call other(std::string name, std::function<void(stage&, scene const&)> begin) {
  tried_call o;
  o.name = std::move(name);
  o.begin = std::move(begin);
  return o;
}

awaitable<void> fill(jetstream_event_store store, std::string actor, std::int64_t events) {
  for (std::int64_t version = 1; version <= events; ++version)
    co_await store.save_event(test::event_of(actor, version));
}

awaitable<void> fill_all(std::string url) {
  auto on = co_await nats::connection::connect(std::move(url));
  auto store = co_await jetstream_event_store::open(std::move(on), history_stream);
  co_await fill(store, "one-1", 1);
  co_await fill(store, "several-1", 5);
  co_await fill(store, "long-1", long_history);
  co_await store.save_snapshot(test::snapshot_of("long-1", 7));
  co_await store.close();
}

tried_call history_of(std::string const& actor, std::int64_t events) {
  auto o = other("get_events, " + std::to_string(events) + " events", [=](stage& s, scene const& at) {
    s.launch(value_contract(events), s.store.get_events(actor, 0, at.call));
  });
  o.patience = events > 100 ? 4 : 1;
  return o;
}

awaitable<std::int64_t> read_through(jetstream_event_store store, std::string actor, read_options options,
                                     call_options call) {
  auto reader = store.read_events(std::move(actor), options);
  std::int64_t events = 0;
  while (co_await reader.next(call))
    ++events;
  co_return events;
}

awaitable<std::int64_t> list_all(jetstream_event_store store, call_options call) {
  auto actors = store.list_actors();
  std::int64_t count = 0;
  while (co_await actors.next(call))
    ++count;
  co_return count;
}

awaitable<std::int64_t> follow(jetstream_event_store store, std::string actor, call_options call) {
  subscribe_options options;
  options.filter.actor_id = std::move(actor);
  options.timeout = call.timeout;
  auto subscription = co_await store.subscribe(std::move(options));
  for (std::int64_t events = 0;; ++events) {
    auto const item = co_await subscription.next(call);
    if (!item)
      throw error(errc::timed_out);
    if (std::holds_alternative<caught_up>(*item))
      co_return events;
  }
}

tried_call reader_of(std::string const& actor, std::int64_t events, read_options options, std::string const& how) {
  auto o = other("read_events, " + std::to_string(events) + " events" + how, [=](stage& s, scene const& at) {
    s.launch(value_contract(events), read_through(s.store, actor, options, at.call));
  });
  o.patience = events > 100 ? 4 : 1;
  return o;
}

// Subscribed before; the message comes while it is waited for.
awaitable<void> subscribe(stage& s, scene const&) {
  auto made = co_await s.on.subscribe("news");
  s.inbox = std::make_shared<nats::subscription>(std::move(made));
}

void publish_and_receive(stage& s, scene const& at) {
  s.launch(void_contract(), s.on.publish(nats::message("news", "x"), at.call));
  contract received;
  received.right = [](watched const& w) { return w.value == 1 || w.value == 0; }; // none: it was not published
  received.also = {errc::closed};                                                 // the handles go
  s.launch(std::move(received), s.inbox->receive(at.call));
}

void save_and_close(stage& s, scene const& at) {
  auto save = save_contract(at.batch.back().version, false);
  save.also = {errc::closed, errc::outcome_unknown};
  s.launch(std::move(save), s.store.try_save_event(at.batch.front(), at.options));
  contract closing;
  closing.right = [](watched const& w) { return w.report && w.report->unknown.size() <= 1; };
  s.launch(std::move(closing), s.store.close(at.call));
}

} // namespace

void make_history(std::string url) {
  test::run([&](boost::asio::io_context&) -> awaitable<void> { co_await fill_all(url); },
            {1, std::chrono::seconds(60)});
}

std::vector<tried_call> save_operations(bool batches) {
  std::vector<tried_call> all;
  all.push_back(save_of("save, first version", 1));
  all.push_back(save_of("save, next version of a known actor", 2));
  all.back().prepare = save_first;
  all.push_back(save_of("save, expecting a version", 2));
  all.back().prepare = save_first;
  all.back().expects = 1;
  all.push_back(save_of("save, its version another's", 2, 1, true));
  all.back().prepare = be_overtaken;
  all.push_back(save_of("save, behind another's", 3));
  all.back().prepare = be_overtaken;
  if (batches) {
    all.push_back(save_of("batch, first versions", 1, 3));
    all.push_back(save_of("batch, behind another's", 3, 3));
    all.back().prepare = be_overtaken;
  }
  return all;
}

std::vector<tried_call> read_operations() {
  std::vector<tried_call> all;
  for (auto const& [actor, events] :
       {std::pair<char const*, std::int64_t>{"none-1", 0}, {"one-1", 1}, {"several-1", 5}, {"long-1", long_history}})
    all.push_back(history_of(actor, events));
  all.push_back(reader_of("none-1", 0, {}, ""));
  all.push_back(reader_of("several-1", 5, {}, ""));
  all.push_back(reader_of("long-1", long_history, {}, ""));
  read_options tail;
  tail.after_version = long_history - 4;
  all.push_back(reader_of("long-1", 4, tail, ", after a version"));
  read_options last;
  last.direction = read_direction::backwards;
  last.max_events = 3;
  all.push_back(reader_of("long-1", 3, last, ", backwards"));
  all.push_back(other("subscribe, 5 events", [](stage& s, scene const& at) {
    s.launch(value_contract(5), follow(s.store, "several-1", at.call));
  }));
  all.push_back(
      other("list_actors", [](stage& s, scene const& at) { s.launch(value_contract(3), list_all(s.store, at.call)); }));
  all.push_back(other("get_events_with_errors", [](stage& s, scene const& at) {
    s.launch(value_contract(2), s.store.get_events_with_errors("several-1", 3, at.call));
  }));
  all.push_back(other("latest_version", [](stage& s, scene const& at) {
    s.launch(value_contract(5), s.store.latest_version("several-1", at.call));
  }));
  all.push_back(other("find_event", [](stage& s, scene const& at) {
    s.launch(value_contract(700), s.store.find_event("long-1", 700, at.call));
  }));
  all.push_back(other("find_latest_event", [](stage& s, scene const& at) {
    s.launch(value_contract(1), s.store.find_latest_event("one-1", at.call));
  }));
  all.push_back(other("find_snapshot", [](stage& s, scene const& at) {
    s.launch(value_contract(7), s.store.find_snapshot("long-1", at.call));
  }));
  all.push_back(other("save_snapshot", [](stage& s, scene const& at) {
    s.launch(void_contract(), s.store.save_snapshot(test::snapshot_of("several-1", 4), at.call));
  }));
  return all;
}

std::vector<tried_call> store_operations() {
  std::vector<tried_call> all;
  for (bool const there : {false, true}) {
    all.push_back(other(there ? "open, stream there" : "open, new stream", [=](stage& s, scene const& at) {
      nats::jetstream_config config;
      config.operation_timeout = at.call.timeout;
      auto const stream = there ? std::string(history_stream) : "OPEN-" + at.actor;
      s.launch(value_contract(1), jetstream_event_store::open(s.on, stream, std::move(config)));
    }));
    all.back().needs_store = false;
  }
  all.push_back(other("close, a save in flight", save_and_close));
  all.back().version = 2;
  all.back().prepare = save_first;
  return all;
}

std::vector<tried_call> connection_operations() {
  std::vector<tried_call> all;
  all.push_back(other("connect", [](stage& s, scene const& at) {
    auto options = s.options();
    options.connect_timeout = at.call.timeout;
    s.launch(value_contract(1), nats::connection::connect(std::move(options)));
  }));
  all.back().is_given_context = true;
  all.push_back(other("request", [](stage& s, scene const& at) {
    s.launch(value_contract(1), s.on.request(nats::message("$JS.API.INFO", ""), at.call));
  }));
  all.push_back(other("publish", [](stage& s, scene const& at) {
    s.launch(void_contract(), s.on.publish(nats::message("nobody", "x"), at.call));
  }));
  all.push_back(other("flush", [](stage& s, scene const& at) { s.launch(void_contract(), s.on.flush(at.call)); }));
  all.push_back(
      other("subscribe", [](stage& s, scene const&) { s.launch(value_contract(1), s.on.subscribe("news")); }));
  all.push_back(other("publish and receive", publish_and_receive));
  all.back().prepare = subscribe;
  all.push_back(
      other("connection: close", [](stage& s, scene const& at) { s.launch(void_contract(), s.on.close(at.call)); }));
  for (auto& o : all)
    o.needs_store = false;
  return all;
}

} // namespace aether::fault
