// Projections over every store: in order, going on behind the checkpoint, over what the filter drops, and exactly what
// was stored.
#include <contract/reading.hpp>
#include <support/projections.hpp>

BOOST_AUTO_TEST_SUITE(contract_projections)

using namespace aether;
using namespace aether::test;
using boost::test_tools::per_element;

namespace {

using texts = std::vector<std::string>;

awaitable<void> note_text(std::shared_ptr<texts> seen, std::string text) {
  co_await hop();
  seen->push_back(std::move(text));
}

projection::handler noting(std::shared_ptr<texts> seen) {
  return [seen](recorded_event const& e) {
    return note_text(seen, e.event.actor_id + "@" + std::to_string(e.event.version));
  };
}

/// One life of a projection, from here until it has seen so much.
awaitable<void> live(store_ptr events, std::shared_ptr<checkpoint_store> checkpoints, projection_options options,
                     std::shared_ptr<texts> seen, std::size_t until_seen) {
  projection p(std::move(events), std::move(checkpoints), std::move(options), noting(seen));
  auto executor = co_await boost::asio::this_coro::executor;
  task_group group(executor);
  group.spawn(p.run());
  auto const done = [&] { return seen->size() >= until_seen; };
  co_await until(done);
  p.stop();
  co_await group.join();
}

BOOST_DATA_TEST_CASE(each_event_once_over_several_lives, all_readers(), provider) {
  with_data(provider, [](store_data& data, boost::asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    auto const store = co_await data.open(context.get_executor(), settings);
    auto const seen = std::make_shared<texts>();
    auto const checkpoints = std::make_shared<memory_checkpoint_store>();
    texts all;
    for (std::int64_t life = 0; life < 5; ++life) {
      for (std::int64_t v = life * 10 + 1; v <= life * 10 + 10; ++v)
        for (char const* actor : {"order-1", "customer-1"}) {
          co_await fill(*store, actor, v, v);
          all.push_back(std::string(actor) + "@" + std::to_string(v));
        }
      auto options = named("totals");
      options.checkpoint_events = 7;
      co_await live(store, checkpoints, options, seen, all.size());
    }
    BOOST_TEST(*seen == all, per_element());
    auto const found = co_await checkpoints->find("totals");
    BOOST_TEST(sequence_of(found) >= all.size());
  });
}

BOOST_DATA_TEST_CASE(filters_and_their_checkpoints, all_readers(), provider) {
  with_data(provider, [](store_data& data, boost::asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    auto const store = co_await data.open(context.get_executor(), settings);
    co_await fill(*store, "order-1", 1, 10);
    co_await fill(*store, "customer-1", 1, 10);
    co_await fill(*store, "order-1", 11, 21);
    auto options = named("even orders");
    options.filter.actor_types.push_back("order");
    options.filter.event_types.push_back("Even");
    options.checkpoint_interval = std::chrono::milliseconds(1);
    auto const seen = std::make_shared<texts>();
    auto const checkpoints = std::make_shared<memory_checkpoint_store>();
    projection p(store, checkpoints, options, noting(seen));
    task_group group(context.get_executor());
    group.spawn(p.run());
    // Behind the last order, which is odd.
    std::optional<checkpoint> found;
    auto const last = co_await store->find_event("order-1", 21);
    auto const is_behind_it = [&] {
      auto const places = found && found->position ? found->position->places() : std::vector<stream_place>();
      return std::any_of(places.begin(), places.end(), [&](auto const& place) { return place.event_id == last->id; });
    };
    while (!is_behind_it()) {
      co_await hop();
      found = co_await checkpoints->find("even orders");
    }
    p.stop();
    co_await group.join();
    texts wanted;
    for (int v = 2; v <= 20; v += 2)
      wanted.push_back("order-1@" + std::to_string(v));
    BOOST_TEST(*seen == wanted, per_element());
  });
}

BOOST_DATA_TEST_CASE(a_checkpoint_of_another_store_is_refused, all_readers(), provider) {
  auto const other = provider.make();
  with_data(provider, [&](store_data& data, boost::asio::io_context& context) -> awaitable<void> {
    store_settings const settings;
    auto const first = co_await data.open(context.get_executor(), settings);
    auto const second = co_await other->open(context.get_executor(), settings);
    co_await fill(*first, "order-1", 1, 3);
    co_await fill(*second, "order-1", 1, 3);
    auto const seen = std::make_shared<texts>();
    auto const checkpoints = std::make_shared<memory_checkpoint_store>();
    co_await live(first, checkpoints, named("totals"), seen, 3);
    projection p(second, checkpoints, named("totals"), noting(seen));
    auto const refused = co_await error_of(p.run());
    BOOST_TEST(refused == make_error_code(errc::position_invalid));
    BOOST_TEST(seen->size() == 3u);
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
