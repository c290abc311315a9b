// Checkpoints as messages, and what a read after an unclear write means, row by row.
#include "nats/checkpoint_message.hpp"
#include "nats/checkpoint_stream.hpp"

#include <aether/error.hpp>

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <limits>
#include <vector>

BOOST_AUTO_TEST_SUITE(checkpoint_messages)

using namespace aether;
using namespace aether::nats::detail;

namespace {

position at(std::uint64_t sequence) {
  std::vector<stream_place> places;
  places.emplace_back("orders", time_point(std::chrono::seconds(1'700'000'000)), sequence, "e-7");
  return position(std::move(places));
}

BOOST_AUTO_TEST_CASE(the_message_is_the_documented_json) {
  checkpoint_message m;
  m.projection = "totals";
  m.value = checkpoint(at(42));
  m.writer = "w";
  m.write = 7;
  BOOST_TEST(m.to_text("2025-01-02T03:04:05Z") ==
             R"({"projection":"totals","position":[{"stream":"orders","created":"2023-11-14T22:13:20Z",)"
             R"("sequence":42,"event":"e-7"}],"resetDue":false,"writer":"w","write":7,"time":"2025-01-02T03:04:05Z"})");
}

BOOST_AUTO_TEST_CASE(it_is_read_back_whole) {
  checkpoint_message m;
  m.projection = "t\"o";
  m.writer = "w";
  m.write = std::numeric_limits<std::uint64_t>::max();
  m.value.reset_due = true;
  for (auto const& position : std::vector<std::optional<aether::position>>{
           std::nullopt, aether::position(), at(1), at(std::numeric_limits<std::uint64_t>::max())}) {
    m.value.position = position;
    auto const back = checkpoint_message::from_text(m.to_text("2025-01-02T03:04:05Z"));
    BOOST_TEST((back.value == m.value));
    BOOST_TEST(back.projection == m.projection);
    BOOST_TEST(back.writer == m.writer);
    BOOST_TEST(back.write == m.write);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_checkpoint_is_refused) {
  for (std::string const text :
       {"", "[]", "{}", R"({"projection":"t","position":null,"resetDue":false,"writer":"w"})",
        R"({"projection":1,"position":null,"resetDue":false,"writer":"w","write":1})",
        R"({"projection":"t","position":7,"resetDue":false,"writer":"w","write":1})",
        R"({"projection":"t","position":[{"stream":"S"}],"resetDue":false,"writer":"w","write":1})",
        R"({"projection":"t","position":null,"resetDue":false,"writer":"w","write":-1})"})
    BOOST_CHECK_EXCEPTION(checkpoint_message::from_text(text), error,
                          [](error const& e) { return e.code() == errc::position_invalid; });
}

BOOST_AUTO_TEST_CASE(what_stands_last_after_an_unclear_write) {
  struct row {
    std::uint64_t expected, write, last;
    char const* last_writer;
    std::uint64_t last_write;
    write_state state;
    std::uint64_t sequence;
  };
  using enum write_state;
  std::vector<row> const table = {
      {5, 3, 5, "me", 2, again, 5},       // lost on the way, or not there yet: two attempts cannot both be stored
      {5, 3, 5, "other", 9, again, 5},    // right after taking over
      {0, 1, 0, "", 0, again, 0},         // the first one
      {5, 3, 8, "me", 3, stored, 8},      // its answer was lost
      {5, 3, 8, "me", 2, again, 8},       // an earlier one, given up unanswered, came late
      {5, 3, 8, "other", 3, taken_over, 8}, {0, 1, 8, "other", 0, taken_over, 8},
      {5, 3, 4, "other", 1, ask_again, 4}, // a server that was the leader
      {5, 3, 0, "", 0, ask_again, 0},      // or it was removed
  };
  for (auto const& r : table)
    BOOST_TEST_CONTEXT("expected " << r.expected << ", write " << r.write << ", last " << r.last << " of "
                                   << r.last_writer << ", write " << r.last_write) {
      auto const v = judge_write(r.expected, "me", r.write, r.last, r.last_writer, r.last_write);
      BOOST_TEST((v.state == r.state));
      BOOST_TEST(v.sequence == r.sequence);
    }
}

BOOST_AUTO_TEST_CASE(the_stream_keeps_one_message_a_projection_for_ever) {
  auto const config = checkpoint_stream_config("tenant_orders", 3);
  BOOST_TEST(config.at("name").as_string() == "tenant_orders_checkpoints");
  BOOST_TEST(config.at("subjects").as_array().at(0).as_string() == "tenant_orders_checkpoints.*");
  BOOST_TEST(config.at("max_msgs_per_subject").as_int64() == 1);
  BOOST_TEST(config.at("max_age").as_int64() == 0);
  BOOST_TEST(config.at("num_replicas").as_int64() == 3);
  BOOST_CHECK_THROW(checkpoint_stream_name(std::string(195, 's')), error);
}

BOOST_AUTO_TEST_CASE(a_stream_that_would_lose_checkpoints_differs) {
  auto const wanted = checkpoint_stream_config("orders", 1);
  auto actual = wanted;
  actual["max_msg_size"] = -1; // not compared
  BOOST_TEST(checkpoint_stream_differences(wanted, actual) == "");
  actual.erase("max_age");
  actual["max_bytes"] = 0;
  BOOST_TEST(checkpoint_stream_differences(wanted, actual) == "");
  for (auto const& [name, value] : boost::json::object{{"max_age", 1000},
                                                       {"max_msgs", 5},
                                                       {"max_bytes", 5},
                                                       {"max_msgs_per_subject", 2},
                                                       {"storage", "memory"},
                                                       {"retention", "interest"},
                                                       {"description", "mine"}}) {
    auto other = wanted;
    other[name] = value;
    auto const text = checkpoint_stream_differences(wanted, other);
    BOOST_TEST(text.find(std::string(name) + " is ") == 0u, text);
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
