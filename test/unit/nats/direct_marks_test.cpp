// What the headers of a batch of direct gets say: ends, foreign headers, missing messages.
#include "nats/direct_marks.hpp"
#include "nats/message_visitor.hpp"
#include "nats/outgoing_message.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(direct_marks_of_batches)

using namespace aether::nats::detail;

namespace {

using headers = std::vector<std::pair<std::string, std::string>>;

native_message made(headers const& list, std::string const& data) {
  static auto const opened = nats_Open(-1); // cnats destroys no message before
  BOOST_REQUIRE(opened == NATS_OK);
  native_message m(outgoing_message("_INBOX.a.b", {}, data).parts());
  for (auto const& [name, value] : list)
    natsMsgHeader_Add(m.get(), name.c_str(), value.c_str());
  return m;
}

/// A batch as a server counts it down; `kept` are the sequences that arrived of `sent`.
std::vector<direct_marks> batch(std::vector<std::uint64_t> const& sent, std::vector<std::uint64_t> const& kept,
                                std::uint64_t pending_behind = 0) {
  std::vector<direct_marks> out;
  std::uint64_t before = 0;
  auto pending = sent.size() + pending_behind;
  for (auto const sequence : sent) {
    --pending;
    if (std::find(kept.begin(), kept.end(), sequence) != kept.end())
      out.push_back({sequence, pending, before});
    before = sequence;
  }
  return out;
}

std::size_t unbroken_of(std::vector<direct_marks> const& marks) {
  return unbroken(marks.size(), [&](std::size_t i) { return marks[i]; });
}

} // namespace

BOOST_AUTO_TEST_CASE(reads_what_the_server_wrote_last) {
  auto const m = made({{"Nats-Sequence", "999"},
                       {"Nats-Num-Pending", "1"},
                       {"Nats-Sequence", "7"},
                       {"Nats-Num-Pending", "12"},
                       {"Nats-Last-Sequence", "5"}},
                      "{}");
  auto const marks = marks_of(m);
  BOOST_TEST(marks.sequence == 7u);
  BOOST_TEST(marks.pending.value() == 12u);
  BOOST_TEST(marks.previous.value() == 5u);
  BOOST_TEST(message_view(m).sequence() == 7u);
  BOOST_TEST(message_view("{}", 9).sequence() == 9u);
}

BOOST_AUTO_TEST_CASE(knows_a_header_that_is_no_number) {
  for (auto const* value : {"", "x", "-1", "1x", " 1", "18446744073709551616"})
    BOOST_TEST(!number_header(made({{"Nats-Sequence", value}}, "{}"), "Nats-Sequence").has_value(), value);
  BOOST_TEST(marks_of(made({}, "{}")).sequence == 0u);
}

BOOST_AUTO_TEST_CASE(tells_an_end_from_an_empty_stored_message) {
  auto const end = made({{"Status", "204"}, {"Nats-Num-Pending", "3"}, {"Nats-Last-Sequence", "8"}}, "");
  BOOST_TEST(is_direct_end(end));
  BOOST_TEST(end_of(end).status == 204);
  BOOST_TEST(end_of(end).pending.value() == 3u);
  BOOST_TEST(end_of(end).sequence.value() == 8u);
  BOOST_TEST(is_direct_end(made({{"Status", "404"}}, "")));
  // Another client's: an empty event that pretends to be an end.
  BOOST_TEST(!is_direct_end(made({{"Status", "404"}, {"Nats-Sequence", "8"}}, "")));
  BOOST_TEST(!is_direct_end(made({{"Status", "204"}}, "{}")));
}

BOOST_AUTO_TEST_CASE(a_whole_batch_costs_two_looks) {
  auto const marks = batch({1, 5, 6, 90}, {1, 5, 6, 90}, 17);
  int looks = 0;
  BOOST_TEST(unbroken(marks.size(), [&](std::size_t i) {
               ++looks;
               return marks[i];
             }) == 4u);
  BOOST_TEST(looks == 2);
}

BOOST_AUTO_TEST_CASE(stops_before_a_missing_message) {
  BOOST_TEST(unbroken_of(batch({1, 5, 6, 90}, {1, 5, 90})) == 2u);
  BOOST_TEST(unbroken_of(batch({1, 5, 6, 90}, {1, 5, 6})) == 3u);
  BOOST_TEST(unbroken_of(batch({1, 5, 6, 90}, {5, 6, 90})) == 0u);
  BOOST_TEST(unbroken_of(batch({1, 5, 6, 90}, {1})) == 1u);
  BOOST_TEST(unbroken_of(batch({1, 5, 6, 90}, {6})) == 0u);
  BOOST_TEST(unbroken_of({}) == 0u);
}

BOOST_AUTO_TEST_CASE(a_count_that_stands_still_at_zero_is_no_gap) {
  // Messages stored while the batch is read are sent too, and are not counted.
  std::vector<direct_marks> const marks{{3, 1, 0}, {4, 0, 3}, {9, 0, 4}, {12, 0, 9}};
  BOOST_TEST(unbroken_of(marks) == 4u);
}

BOOST_AUTO_TEST_CASE(stops_before_what_cannot_be_read) {
  std::vector<direct_marks> marks = batch({1, 2, 3, 4}, {1, 2, 3, 4});
  marks[3] = {};
  BOOST_TEST(unbroken_of(marks) == 3u);
  marks[0] = {};
  BOOST_TEST(unbroken_of(marks) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
