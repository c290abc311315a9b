// Checkpoints: found again as they were stored, one writer at a time, whatever the names.
#include <contract/checkpoint_providers.hpp>
#include <support/events.hpp>
#include <support/run.hpp>

#include <aether/error.hpp>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <limits>

BOOST_AUTO_TEST_SUITE(contract_checkpoints)

using namespace aether;
using namespace aether::test;

namespace {

std::vector<checkpoint_provider> const& providers() {
  static auto const all = [] {
    std::vector<checkpoint_provider> list{memory_checkpoints(), jetstream_checkpoints()};
    if (auto sqlite = sqlite_checkpoints())
      list.push_back(*sqlite);
    return list;
  }();
  return all;
}
auto all_checkpoints() { return boost::unit_test::data::make(providers()); }

void with_checkpoints(checkpoint_provider const& provider, std::function<awaitable<void>(checkpoint_data&)> body) {
  if (auto const reason = provider.why_not ? provider.why_not() : ""; !reason.empty()) {
    BOOST_TEST_MESSAGE("skipped over " << provider.name << ": " << reason);
    return;
  }
  BOOST_TEST_CONTEXT("checkpoints: " << provider.name) {
    auto const data = provider.make();
    run([&](boost::asio::io_context&) -> awaitable<void> { co_await body(*data); });
  }
}

position at(std::uint64_t sequence) {
  std::vector<stream_place> places;
  places.emplace_back("orders", time_point(std::chrono::nanoseconds(1'700'000'000'123'456'789)), sequence,
                      "id-\"" + std::to_string(sequence));
  return position(std::move(places));
}

awaitable<void> commit(checkpoint_session& session, std::uint64_t sequence) {
  checkpoint next(at(sequence));
  co_await session.commit(std::move(next), {});
}

BOOST_DATA_TEST_CASE(what_is_stored_is_found_again_whole, all_checkpoints(), provider) {
  with_checkpoints(provider, [](checkpoint_data& data) -> awaitable<void> {
    auto const store = co_await data.open();
    auto found = co_await store->find("totals");
    BOOST_TEST(!found.has_value());
    auto session = co_await store->take_over("totals");
    BOOST_TEST((session->last() == checkpoint()));
    found = co_await store->find("totals");
    BOOST_TEST((found && *found == checkpoint())); // taken, and nothing handled
    checkpoint const wanted(at(std::numeric_limits<std::uint64_t>::max()));
    auto next = wanted;
    co_await session->commit(std::move(next), {});
    BOOST_TEST((session->last() == wanted));
    auto const other = co_await data.open();
    found = co_await other->find("totals");
    BOOST_TEST((found && *found == wanted));
    checkpoint cleared;
    cleared.reset_due = true;
    next = cleared;
    co_await session->commit(std::move(next), {});
    found = co_await other->find("totals");
    BOOST_TEST((found && *found == cleared));
    next = checkpoint(position());
    co_await session->commit(std::move(next), {});
    found = co_await other->find("totals");
    BOOST_TEST((found && found->position && found->position->is_beginning()));
  });
}

BOOST_DATA_TEST_CASE(many_in_a_row_and_each_by_its_name, all_checkpoints(), provider) {
  with_checkpoints(provider, [](checkpoint_data& data) -> awaitable<void> {
    auto const store = co_await data.open();
    std::vector<std::string> const names{
        "totals", "to.tals", "to tals", "to*tals>", "Zo\xC3\xAB", "a'b\"c;--", std::string(255, 'n')};
    std::vector<std::unique_ptr<checkpoint_session>> sessions;
    for (auto const& name : names) {
      auto session = co_await store->take_over(name);
      sessions.push_back(std::move(session));
    }
    for (std::uint64_t round = 1; round <= 20; ++round)
      for (std::size_t i = 0; i < names.size(); ++i)
        co_await commit(*sessions[i], 100 * i + round);
    for (std::size_t i = 0; i < names.size(); ++i) {
      auto const found = co_await store->find(names[i]);
      BOOST_TEST((found && found->position == at(100 * i + 20)));
    }
  });
}

BOOST_DATA_TEST_CASE(whoever_takes_over_is_the_only_one_to_write, all_checkpoints(), provider) {
  with_checkpoints(provider, [](checkpoint_data& data) -> awaitable<void> {
    auto const one = co_await data.open();
    auto const two = co_await data.open();
    auto first = co_await one->take_over("totals");
    co_await commit(*first, 5);
    auto second = co_await two->take_over("totals");
    BOOST_TEST((second->last().position == at(5)));
    for (int i = 0; i < 2; ++i) {
      auto const refused = co_await error_of(commit(*first, 6));
      BOOST_TEST(refused == make_error_code(errc::projection_taken_over));
    }
    auto found = co_await one->find("totals");
    BOOST_TEST((found && found->position == at(5)));
    co_await commit(*second, 7);
    auto third = co_await one->take_over("totals");
    BOOST_TEST((third->last().position == at(7)));
    auto const refused = co_await error_of(commit(*second, 8));
    BOOST_TEST(refused == make_error_code(errc::projection_taken_over));
    co_await commit(*third, 9);
    auto other = co_await two->take_over("another"); // which is nobody's
    co_await commit(*other, 1);
    co_await commit(*third, 10);
  });
}

BOOST_DATA_TEST_CASE(one_that_was_removed_is_noticed, all_checkpoints(), provider) {
  if (!provider.can_remove)
    return;
  with_checkpoints(provider, [](checkpoint_data& data) -> awaitable<void> {
    auto const store = co_await data.open();
    auto session = co_await store->take_over("totals");
    co_await commit(*session, 5);
    co_await data.remove("totals");
    auto const refused = co_await error_of(commit(*session, 6));
    BOOST_TEST(refused == make_error_code(errc::projection_taken_over));
    auto again = co_await store->take_over("totals");
    BOOST_TEST((again->last() == checkpoint()));
    co_await commit(*again, 1);
  });
}

BOOST_DATA_TEST_CASE(a_group_of_events_ends_with_one_commit, all_checkpoints(), provider) {
  auto const transactional = provider.transactional;
  with_checkpoints(provider, [=](checkpoint_data& data) -> awaitable<void> {
    auto const store = co_await data.open();
    auto session = co_await store->take_over("totals");
    BOOST_TEST(session->is_transactional() == transactional);
    co_await session->begin({});
    for (int i = 0; i < 3; ++i) {
      session->begin_event();
      session->keep_event();
      session->begin_event();
      session->undo_event();
    }
    co_await commit(*session, 3);
    session->rollback(); // nothing was begun
    co_await session->begin({});
    session->begin_event();
    session->rollback();
    auto const found = co_await store->find("totals");
    BOOST_TEST((found && found->position == at(3)));
    co_await session->begin({});
    co_await commit(*session, 4);
    session.reset();
    auto again = co_await store->take_over("totals");
    BOOST_TEST((again->last().position == at(4)));
  });
}

BOOST_DATA_TEST_CASE(a_session_outlives_its_store, all_checkpoints(), provider) {
  with_checkpoints(provider, [](checkpoint_data& data) -> awaitable<void> {
    auto store = co_await data.open();
    auto session = co_await store->take_over("totals");
    store.reset();
    co_await commit(*session, 3);
    auto const other = co_await data.open();
    auto const found = co_await other->find("totals");
    BOOST_TEST((found && found->position == at(3)));
  });
}

BOOST_DATA_TEST_CASE(nonsense_is_refused, all_checkpoints(), provider) {
  with_checkpoints(provider, [](checkpoint_data& data) -> awaitable<void> {
    auto const store = co_await data.open();
    std::vector<std::string> const names{"", std::string(256, 'n'), std::string("a\0b", 3), "\xFF"};
    for (auto const& name : names) {
      auto const taking = co_await error_of(store->take_over(name));
      BOOST_TEST(taking == make_error_code(errc::invalid_id));
      auto const finding = co_await error_of(store->find(name));
      BOOST_TEST(finding == make_error_code(errc::invalid_id));
    }
    call_options negative;
    negative.timeout = std::chrono::nanoseconds(-1);
    auto const thrown = co_await error_of(store->take_over("totals", negative));
    BOOST_TEST(thrown == make_error_code(errc::invalid_argument));
    if (auto const none = data.default_made()) {
      auto const taking = co_await error_of(none->take_over("totals"));
      BOOST_TEST(taking == make_error_code(errc::not_open));
      auto const finding = co_await error_of(none->find("totals"));
      BOOST_TEST(finding == make_error_code(errc::not_open));
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
