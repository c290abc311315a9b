// Listings over scripted pages; and the list of the embedded store that only grows.
#include "event_list.hpp"
#include "stored_event.hpp"

#include <aether/actor_list.hpp>
#include <aether/error.hpp>
#include <support/events.hpp>
#include <support/run.hpp>

#include <boost/test/unit_test.hpp>

#include <deque>

BOOST_AUTO_TEST_SUITE(actor_list_handle)

using namespace aether;
using namespace aether::test;

namespace {

class scripted_pages final : public actor_pages {
public:
  awaitable<std::vector<listed_actor>> next_page(call_options options) override {
    timeouts.push_back(options.timeout);
    std::vector<listed_actor> page;
    bool const fails = pages.empty() ? false : pages.front().empty();
    if (!pages.empty()) {
      page = std::move(pages.front());
      pages.pop_front();
    }
    return give(std::move(page), fails);
  }

  std::deque<std::vector<listed_actor>> pages; // an empty one fails, once
  std::vector<std::chrono::nanoseconds> timeouts;

private:
  static awaitable<std::vector<listed_actor>> give(std::vector<listed_actor> page, bool fails) {
    if (fails)
      throw error(errc::connection_lost);
    co_return page;
  }
};

std::vector<listed_actor> page_of(int first, int last) {
  std::vector<listed_actor> page;
  for (int i = first; i <= last; ++i)
    page.emplace_back("order-" + std::to_string(i), static_cast<std::uint64_t>(i));
  return page;
}

BOOST_AUTO_TEST_CASE(page_after_page_and_on_after_a_failure) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    auto pages = std::make_shared<scripted_pages>();
    pages->pages.push_back(page_of(1, 3));
    pages->pages.emplace_back();
    pages->pages.push_back(page_of(4, 700));
    actor_list list(pages);
    call_options options;
    options.timeout = std::chrono::seconds(7);
    int failures = 0;
    for (int i = 1; i <= 700;) {
      if (i == 4 && failures == 0) {
        boost::system::error_code const thrown = co_await error_of(list.next(options));
        BOOST_TEST(thrown == make_error_code(errc::connection_lost));
        ++failures;
        continue;
      }
      std::optional<listed_actor> const next = co_await list.next(options);
      BOOST_TEST_REQUIRE(next.has_value());
      BOOST_TEST(next->actor_id == "order-" + std::to_string(i));
      BOOST_TEST(next->events == static_cast<std::uint64_t>(i));
      ++i;
    }
    for (int i = 0; i < 2; ++i) {
      std::optional<listed_actor> const end = co_await list.next(options);
      BOOST_TEST(!end.has_value());
    }
    BOOST_TEST(pages->timeouts.size() == 4u); // the end is asked for once
    BOOST_TEST((pages->timeouts[0] == std::chrono::seconds(7)));
  });
}

BOOST_AUTO_TEST_CASE(a_default_made_one_is_not_open) {
  run([](boost::asio::io_context&) -> awaitable<void> {
    actor_list none;
    boost::system::error_code thrown = co_await error_of(none.next());
    BOOST_TEST(thrown == make_error_code(errc::not_open));
    actor_list list(std::make_shared<scripted_pages>());
    call_options options;
    options.timeout = std::chrono::seconds(-1);
    thrown = co_await error_of(list.next(options));
    BOOST_TEST(thrown == make_error_code(errc::invalid_argument));
  });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(event_list_of_memory)

using namespace actor_list_handle;

BOOST_AUTO_TEST_CASE(entries_stay_where_they_are) {
  std::vector<std::unique_ptr<detail::stored_event>> events;
  detail::event_list list;
  for (std::uint64_t i = 1; i <= 20000; ++i) {
    events.push_back(std::make_unique<detail::stored_event>(event(), 0));
    events.back()->sequence = 2 * i;
    list.reserve(i % 7 + 1); // more than is used now and then
    list.push(events.back().get());
    BOOST_TEST_REQUIRE(list.size() == i);
  }
  for (std::size_t i = 0; i < 20000; ++i)
    BOOST_TEST_REQUIRE(list[i] == events[i].get());
  for (std::uint64_t s : {0u, 1u, 2u, 3u, 8183u, 8184u, 8185u, 39999u, 40000u, 40001u}) {
    auto const found = list.find([s](detail::stored_event const& e) { return e.sequence > s; });
    BOOST_TEST(found == std::min<std::size_t>(s / 2, 20000));
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
