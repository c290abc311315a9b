// Error codes: messages, conditions, what may be tried again, and the exceptions.
#include <aether/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <set>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(errors)

namespace {

constexpr int first = static_cast<int>(aether::errc::not_open);
constexpr int last = static_cast<int>(aether::errc::protocol_error);

} // namespace

BOOST_AUTO_TEST_CASE(every_code_has_a_message_of_its_own_that_says_what_to_do) {
  std::set<std::string> seen;
  for (int value = first; value <= last; ++value) {
    std::string const message = make_error_code(static_cast<aether::errc>(value)).message();
    BOOST_TEST_CONTEXT(value << ": " << message) {
      BOOST_TEST(seen.insert(message).second);
      BOOST_TEST(message.find('\n') == std::string::npos);
      BOOST_TEST(message.find(": ") != std::string::npos);
      BOOST_TEST(message.back() == '.');
      BOOST_TEST((message.front() >= 'A' && message.front() <= 'Z'));
      BOOST_TEST(message.find("unknown aether error") == std::string::npos);
    }
  }
  BOOST_TEST(make_error_code(static_cast<aether::errc>(last + 1)).message().find("unknown aether error") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_code_belongs_to_the_category_and_is_a_failure) {
  boost::system::error_code const ec = aether::errc::version_conflict;
  BOOST_TEST(ec.failed());
  BOOST_TEST((ec.category() == aether::error_category()));
  BOOST_TEST(ec.category().name() == "aether");
  BOOST_TEST((ec == aether::errc::version_conflict));
  BOOST_TEST((ec != aether::errc::timed_out));
}

BOOST_AUTO_TEST_CASE(codes_meet_the_generic_conditions_that_mean_the_same) {
  namespace generic = boost::system::errc;
  std::vector<std::pair<aether::errc, generic::errc_t>> const table = {
      {aether::errc::invalid_argument, generic::invalid_argument},
      {aether::errc::invalid_id, generic::invalid_argument},
      {aether::errc::invalid_version, generic::invalid_argument},
      {aether::errc::invalid_batch, generic::invalid_argument},
      {aether::errc::event_too_large, generic::message_size},
      {aether::errc::not_implemented, generic::function_not_supported},
      {aether::errc::batch_not_supported, generic::operation_not_supported},
      {aether::errc::timed_out, generic::timed_out},
      {aether::errc::connection_lost, generic::connection_reset},
      {aether::errc::permission_denied, generic::permission_denied},
      {aether::errc::storage_full, generic::no_space_on_device},
      {aether::errc::protocol_error, generic::protocol_error},
  };
  std::set<aether::errc> generic_ones;
  for (auto const& [code, condition] : table) {
    BOOST_TEST((make_error_code(code) == condition), make_error_code(code).message());
    generic_ones.insert(code);
  }
  for (int value = first; value <= last; ++value) {
    if (generic_ones.contains(static_cast<aether::errc>(value)))
      continue;
    auto const condition = make_error_code(static_cast<aether::errc>(value)).default_error_condition();
    BOOST_TEST((condition.category() == aether::error_category()));
  }
}

BOOST_AUTO_TEST_CASE(only_six_codes_may_be_tried_again_unchanged) {
  std::set<aether::errc> const retryable = {aether::errc::connection_lost, aether::errc::connect_failed,
                                            aether::errc::timed_out,       aether::errc::overloaded,
                                            aether::errc::outcome_unknown, aether::errc::circuit_open};
  for (int value = first; value <= last; ++value) {
    auto const code = static_cast<aether::errc>(value);
    BOOST_TEST(aether::is_retryable(make_error_code(code)) == retryable.contains(code));
  }
  BOOST_TEST(!aether::is_retryable({}));
  BOOST_TEST(!aether::is_retryable(boost::asio::error::operation_aborted));
  // Another category's number 20 is not ours.
  BOOST_TEST(!aether::is_retryable({static_cast<int>(aether::errc::timed_out), boost::system::generic_category()}));
}

BOOST_AUTO_TEST_CASE(exceptions_carry_code_and_text) {
  aether::error const plain(aether::errc::timed_out);
  BOOST_TEST((plain.code() == aether::errc::timed_out));
  aether::error const named(aether::errc::invalid_argument, "replica_count is -1");
  BOOST_TEST(std::string(named.what()).find("replica_count is -1") == 0u);
  BOOST_TEST(std::string(named.what()).find(make_error_code(aether::errc::invalid_argument).message()) !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_conflict_names_actor_and_both_versions) {
  aether::version_conflict_error const e(aether::version_conflict("order-42", 7, 9));
  BOOST_TEST((e.code() == aether::errc::version_conflict));
  BOOST_TEST(e.actor_id() == "order-42");
  BOOST_TEST(e.attempted_version() == 7);
  BOOST_TEST(e.current_version() == 9);
  BOOST_TEST((e.conflict() == aether::version_conflict("order-42", 7, 9)));
  std::string const what = e.what();
  BOOST_TEST(what.find("actor \"order-42\": version 7 cannot be saved, the current version is 9") == 0u);
}

BOOST_AUTO_TEST_CASE(an_id_cannot_forge_a_line_of_a_log) {
  aether::version_conflict_error const e(aether::version_conflict("a\r\nERROR \"x\"", 1, 1));
  std::string const what = e.what();
  BOOST_TEST(what.find("actor \"a\\x0D\\x0AERROR \\\"x\\\"\"") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
