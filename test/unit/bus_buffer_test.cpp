// A subscriber's buffer: order, bound, and that what was lost is told where it was lost.
#include "bus_buffer.hpp"

#include <boost/test/unit_test.hpp>

#include <limits>
#include <random>
#include <string>

BOOST_AUTO_TEST_SUITE(bus_buffers)

using namespace aether;
using namespace aether::detail;

namespace {

broadcast numbered(std::int64_t n) {
  static auto const where = std::make_shared<std::string const>("a");
  auto e = std::make_shared<event>();
  e->version = n;
  return broadcast(where, std::move(e));
}

std::string text_of(bus_item const& item) {
  if (auto const* b = std::get_if<broadcast>(&item))
    return std::to_string(b->event->version);
  if (auto const* m = std::get_if<missed>(&item))
    return m->count ? "-" + std::to_string(*m->count) : "-?";
  return "end";
}

std::string take_all(bus_buffer& b) {
  std::string all;
  while (auto const item = b.take()) {
    all += (all.empty() ? "" : " ") + text_of(*item);
    if (std::holds_alternative<bus_closed>(*item))
      break;
  }
  return all;
}

void push(bus_buffer& b, std::int64_t first, std::int64_t last) {
  for (auto n = first; n <= last; ++n)
    b.push(numbered(n));
}

BOOST_AUTO_TEST_CASE(what_is_pushed_is_taken_in_order) {
  bus_buffer b(3, overflow_policy::drop_newest);
  BOOST_TEST(b.empty());
  push(b, 1, 3);
  BOOST_TEST(!b.empty());
  BOOST_TEST(take_all(b) == "1 2 3");
  BOOST_TEST(b.empty());
  push(b, 4, 5);
  BOOST_TEST(take_all(b) == "4 5");
}

BOOST_AUTO_TEST_CASE(counts_add_up_to_no_more_than_fits) {
  auto const most = std::numeric_limits<std::uint64_t>::max();
  bus_buffer b(1, overflow_policy::drop_oldest);
  b.lose(most - 1);
  b.lose(1);
  b.lose(1);
  push(b, 1, 2);
  BOOST_TEST(take_all(b) == "-" + std::to_string(most) + " 2");
  b.lose(7);
  BOOST_TEST(take_all(b) == "-7");
}

BOOST_AUTO_TEST_CASE(the_newest_are_dropped_and_counted_behind_what_stayed) {
  bus_buffer b(2, overflow_policy::drop_newest);
  push(b, 1, 5);
  BOOST_TEST(text_of(*b.take()) == "1");
  push(b, 6, 7);
  BOOST_TEST(take_all(b) == "2 -3 6 -1");
}

BOOST_AUTO_TEST_CASE(the_oldest_are_dropped_and_counted_before_what_stayed) {
  bus_buffer b(2, overflow_policy::drop_oldest);
  push(b, 1, 5);
  BOOST_TEST(take_all(b) == "-3 4 5");
  bus_buffer one(1, overflow_policy::drop_oldest);
  push(one, 1, 3);
  BOOST_TEST(take_all(one) == "-2 3");
}

BOOST_AUTO_TEST_CASE(a_subscriber_that_is_closed_takes_what_is_there) {
  bus_buffer b(2, overflow_policy::close);
  push(b, 1, 4);
  BOOST_TEST(b.closed());
  BOOST_TEST(take_all(b) == "1 2 -1 end");
  BOOST_TEST(take_all(b) == "end");
  BOOST_CHECK(b.push(numbered(5)) == bus_buffer::push_end::refused);
  BOOST_TEST(take_all(b) == "end");
}

BOOST_AUTO_TEST_CASE(what_became_of_each_is_told) {
  using end = bus_buffer::push_end;
  bus_buffer newest(1, overflow_policy::drop_newest), oldest(1, overflow_policy::drop_oldest),
      closing(1, overflow_policy::close);
  for (auto* b : {&newest, &oldest, &closing})
    BOOST_CHECK(b->push(numbered(1)) == end::kept);
  for (auto const last : {end::lost, end::refused}) {
    BOOST_CHECK(newest.push(numbered(2)) == end::lost);
    BOOST_CHECK(oldest.push(numbered(2)) == end::displaced);
    BOOST_CHECK(closing.push(numbered(2)) == last);
  }
}

BOOST_AUTO_TEST_CASE(after_a_burst_comes_the_next_one) {
  bus_buffer b(1000, overflow_policy::drop_newest);
  for (int burst = 0; burst < 3; ++burst) {
    push(b, 1, 1001);
    for (std::int64_t n = 1; n <= 1000; ++n) {
      auto const item = b.take();
      BOOST_REQUIRE(item.has_value());
      BOOST_REQUIRE(text_of(*item) == std::to_string(n));
    }
    BOOST_TEST(take_all(b) == "-1");
    push(b, 1, 3);
    BOOST_TEST(take_all(b) == "1 2 3");
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_counted_is_told_as_such) {
  bus_buffer b(2, overflow_policy::drop_newest);
  push(b, 1, 1);
  b.lose_uncounted();
  b.lose(3);
  push(b, 2, 4);
  BOOST_TEST(take_all(b) == "1 -? 2 -2");
  b.lose_uncounted();
  BOOST_TEST(!b.empty());
  BOOST_TEST(take_all(b) == "-?");
}

// Whatever happens, what was taken and what was told as missed add up to what was pushed, in order.
BOOST_AUTO_TEST_CASE(nothing_goes_unnoticed) {
  std::mt19937 random(7);
  for (auto const policy : {overflow_policy::drop_newest, overflow_policy::drop_oldest})
    for (std::size_t most : {1u, 2u, 3u, 7u, 64u}) {
      bus_buffer b(most, policy);
      std::int64_t pushed = 0, seen = 0;
      for (int i = 0; i < 20'000; ++i) {
        if (random() % 2 == 0) {
          push(b, pushed + 1, pushed + 1);
          ++pushed;
        } else if (auto const item = b.take()) {
          if (auto const* m = std::get_if<missed>(&*item)) {
            seen += static_cast<std::int64_t>(m->count.value());
          } else {
            ++seen;
            BOOST_REQUIRE(std::get<broadcast>(*item).event->version == seen);
          }
        }
        BOOST_REQUIRE(b.size() <= most);
      }
      while (auto const item = b.take())
        seen += std::holds_alternative<missed>(*item) ? static_cast<std::int64_t>(*std::get<missed>(*item).count) : 1;
      BOOST_TEST(seen == pushed);
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
