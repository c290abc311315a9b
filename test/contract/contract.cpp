// Implementation of what the contract's test cases are written with.
#include <contract/contract.hpp>

namespace aether::test {

auto all_readers() -> decltype(all_stores()) {
  static std::vector<store_provider> const readers = [] {
    auto chosen = providers();
    std::erase_if(chosen, [](store_provider const& p) { return !p.reads_at_length; });
    return chosen;
  }();
  return boost::unit_test::data::make(readers);
}

void with_data(store_provider const& provider,
               std::function<awaitable<void>(store_data&, boost::asio::io_context&)> body, run_options options) {
  if (std::string const reason = provider.why_not ? provider.why_not() : ""; !reason.empty()) {
    BOOST_TEST_MESSAGE("skipped over " << provider.name << ": " << reason);
    return;
  }
  BOOST_TEST_CONTEXT("store: " << provider.name) {
    auto const data = provider.make();
    run([&](boost::asio::io_context& context) { return body(*data, context); }, options);
  }
}

void with_store(store_provider const& provider, store_settings settings,
                std::function<awaitable<void>(event_store&)> body) {
  with_data(provider, [&](store_data& data, boost::asio::io_context& context) -> awaitable<void> {
    store_ptr const store = co_await data.open(context.get_executor(), settings);
    co_await body(*store);
  });
}

awaitable<std::vector<call_result>> call_everything(event_store& store, std::string actor_id) {
  std::vector<call_result> results;
  auto const add = [&results](std::string name, boost::system::error_code error) {
    results.push_back({std::move(name), error});
  };
  boost::system::error_code ec = co_await error_of(store.save_event(event_of(actor_id, 1)));
  add("save_event", ec);
  ec = co_await error_of(store.try_save_event(event_of(actor_id, 2)));
  add("try_save_event", ec);
  ec = co_await error_of(store.save_events(events_of(actor_id, 3, 3)));
  add("save_events", ec);
  ec = co_await error_of(store.try_save_events(events_of(actor_id, 4, 4)));
  add("try_save_events", ec);
  ec = co_await error_of(store.get_events(actor_id));
  add("get_events", ec);
  ec = co_await error_of(store.get_events_with_errors(actor_id));
  add("get_events_with_errors", ec);
  ec = co_await error_of(store.latest_version(actor_id));
  add("latest_version", ec);
  ec = co_await error_of(store.find_event(actor_id, 1));
  add("find_event", ec);
  ec = co_await error_of(store.find_latest_event(actor_id));
  add("find_latest_event", ec);
  ec = co_await error_of(store.save_snapshot(snapshot_of(actor_id, 1)));
  add("save_snapshot", ec);
  ec = co_await error_of(store.latest_snapshot(actor_id));
  add("latest_snapshot", ec);
  ec = co_await error_of(store.find_snapshot(actor_id));
  add("find_snapshot", ec);
  co_return results;
}

awaitable<std::vector<call_result>> call_every_reader(event_store& store, std::string actor_id) {
  std::vector<call_result> results;
  auto const add = [&results](std::string name, boost::system::error_code error) {
    results.push_back({std::move(name), error});
  };
  event_reader reader = store.read_events(actor_id);
  boost::system::error_code ec = co_await error_of(reader.next());
  add("read_events", ec);
  event_reader other = store.read_events(actor_id);
  ec = co_await error_of(other.next_with_errors());
  add("read_events with errors", ec);
  ec = co_await error_of(store.subscribe());
  add("subscribe", ec);
  actor_list actors = store.list_actors();
  ec = co_await error_of(actors.next());
  add("list_actors", ec);
  co_return results;
}

} // namespace aether::test
