// The command line as a value: what is taken, and what is told about the rest.
#include "cli/options.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(cli_options)

using namespace aether;
using namespace aether::cli;
using namespace std::chrono_literals;

namespace {

options taken(std::vector<std::string> const& arguments, std::string_view default_url = {}) {
  auto parsed = parse_options(arguments, default_url);
  if (auto const* wrong = std::get_if<usage_error>(&parsed))
    BOOST_FAIL(wrong->text);
  return std::get<options>(parsed);
}

std::string refused(std::vector<std::string> const& arguments) {
  auto const parsed = parse_options(arguments, "");
  auto const* wrong = std::get_if<usage_error>(&parsed);
  return wrong ? wrong->text : "it was taken";
}

std::string answered(std::vector<std::string> const& arguments) {
  auto const parsed = parse_options(arguments, "");
  auto const* text = std::get_if<answer_text>(&parsed);
  return text ? text->text : "it was not answered";
}

} // namespace

BOOST_AUTO_TEST_CASE(each_command_with_its_options) {
  auto o = taken({"streams"});
  BOOST_TEST((o.command == command::streams));
  BOOST_TEST(o.url == "nats://127.0.0.1:4222");
  BOOST_TEST((o.timeout == 10s));
  BOOST_TEST(!o.json);

  o = taken({"history", "orders", "order-1", "--after", "7", "--limit=3", "--reverse", "--json", "--timeout", "500ms"});
  BOOST_TEST((o.command == command::history));
  BOOST_TEST(o.stream == "orders");
  BOOST_TEST(o.actor == "order-1");
  BOOST_TEST(o.after == 7);
  BOOST_TEST(o.limit == 3u);
  BOOST_TEST(o.reverse);
  BOOST_TEST(o.json);
  BOOST_TEST((o.timeout == 500ms));

  o = taken({"--url", "nats://a,nats://b", "--namespace", "tenant", "workflows", "--state", "failed", "orders",
             "--type", "charge", "--user", "eve", "--password-file", "p"});
  BOOST_TEST((o.command == command::workflows));
  BOOST_TEST(o.url == "nats://a,nats://b");
  BOOST_TEST(o.name_space == "tenant");
  BOOST_TEST((o.state == workflow_state::failed));
  BOOST_TEST(o.type == "charge");
  BOOST_TEST(o.user == "eve");
  BOOST_TEST(o.password_file == "p");

  BOOST_TEST((taken({"actors", "s", "--creds", "c"}).command == command::actors));
  BOOST_TEST((taken({"journal", "s", "charge-1"}).command == command::journal));
  BOOST_TEST(taken({"follow", "s"}).from == "now");
  BOOST_TEST(taken({"follow", "s", "--from", "beginning"}).from == "beginning");
  BOOST_TEST(taken({"check", "s", "--policy", "contiguous"}).contiguous);
  BOOST_TEST(!taken({"check", "s", "--policy", "increasing"}).contiguous);
  o = taken({"doctor", "s", "--monitoring-url", "http://a:8222, http://b:8222", "--system-creds", "c"});
  BOOST_TEST((o.command == command::doctor));
  BOOST_TEST(o.monitoring_urls == "http://a:8222, http://b:8222");
  BOOST_TEST(o.system_creds == "c");
  o = taken({"doctor", "s", "--system-user", "sys", "--system-password-file", "p"});
  BOOST_TEST(o.system_user == "sys");
  BOOST_TEST(o.system_password_file == "p");
}

BOOST_AUTO_TEST_CASE(the_environment_names_the_server) {
  BOOST_TEST(taken({"streams"}, "nats://there").url == "nats://there");
  BOOST_TEST(taken({"streams", "--url", "nats://here"}, "nats://there").url == "nats://here");
}

BOOST_AUTO_TEST_CASE(behind_two_dashes_there_are_no_options) {
  BOOST_TEST(taken({"history", "--", "s", "--actor"}).actor == "--actor");
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_told_in_one_line) {
  struct wrong_line {
    std::vector<std::string> arguments;
    std::string text;
  };
  std::vector<wrong_line> const all{
      {{}, "a command is missing: streams, actors, history, workflows, journal, follow, check or doctor"},
      {{"stream"}, "there is no command \"stream\""},
      {{"stream\n\x1b[1m"}, "there is no command \"stream\\x0A\\x1B[1m\""},
      {{"nats://u:secret@host"}, "there is no command one that is not shown, as it holds an @"},
      {{"streams", "more"}, "streams takes no further argument: \"more\""},
      {{"actors"}, "actors needs the name of a stream"},
      {{"history", "s"}, "history needs the id of an actor"},
      {{"actors", "s.>"}, "a stream's name is letters, digits, - and _: \"s.>\""},
      {{"history", "s", ""}, "the actor's id 1 to 255 bytes of UTF-8 is expected"},
      {{"streams", "--verbose"}, "there is no option \"--verbose\""},
      {{"streams", "--pasword=secret"}, "there is no option \"--pasword\""},
      {{"streams", "--url"}, "--url needs a value"},
      {{"streams", "--url="}, "--url expects something that is not empty"},
      {{"streams", "--json=yes"}, "--json takes no value"},
      {{"streams", "--json", "--json"}, "--json is given twice"},
      {{"streams", "--limit", "1"}, "streams takes no --limit"},
      {{"history", "s", "a", "--limit", "0"}, "--limit expects a number above zero"},
      {{"history", "s", "a", "--limit", "-1"}, "--limit expects a number above zero"},
      {{"history", "s", "a", "--after", "1x"}, "--after expects a version, 0 or greater"},
      {{"history", "s", "a", "--after", "-1"}, "--after expects a version, 0 or greater"},
      {{"streams", "--timeout", "0"}, "--timeout expects a time above zero, as 500ms, 10s or 2m"},
      {{"streams", "--namespace", "a b"}, "--namespace expects letters, digits, - and _"},
      {{"workflows", "s", "--state", "done"}, "--state expects running, completed, failed or cancelled"},
      {{"follow", "s", "--from", "17"}, "--from expects beginning, now, or a position as --json writes it"},
      {{"follow", "s", "--actor", "a", "--type", "t"}, "--actor and --type exclude each other"},
      {{"check", "s", "--policy", "none"}, "--policy expects increasing or contiguous"},
      {{"doctor"}, "doctor needs the name of a stream"},
      {{"check", "s", "--monitoring-url", "http://a"}, "check takes no --monitoring-url"},
      {{"doctor", "s", "--monitoring-url", ","}, "--monitoring-url expects a URL as http://host:8222"},
      {{"doctor", "s", "--monitoring-url", "http://a,ftp://b"},
       "--monitoring-url expects a URL as http://host:8222: a URL as http://host:8222 is expected"},
      {{"doctor", "s", "--system-user", "sys"}, "--system-user and --system-password-file belong together"},
      {{"doctor", "s", "--system-user", "sys", "--system-password-file", "p", "--system-creds", "c"},
       "--system-creds and --system-user exclude each other"},
      {{"streams", "--inbox-prefix="}, "--inbox-prefix expects something that is not empty"},
      {{"streams", "--user", "eve"}, "--user and --password-file belong together"},
      {{"streams", "--user", "eve", "--password-file", "p", "--creds", "c"}, "--creds and --user exclude each other"},
  };
  for (auto const& [arguments, text] : all) {
    auto const told = refused(arguments);
    BOOST_TEST(told == text);
    BOOST_TEST(told.find('\n') == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(durations) {
  BOOST_TEST((parse_duration("250ms") == std::optional<std::chrono::nanoseconds>(250ms)));
  BOOST_TEST((parse_duration("10") == std::optional<std::chrono::nanoseconds>(10s)));
  BOOST_TEST((parse_duration("10s") == std::optional<std::chrono::nanoseconds>(10s)));
  BOOST_TEST((parse_duration("2m") == std::optional<std::chrono::nanoseconds>(2min)));
  BOOST_TEST((parse_duration("1h") == std::optional<std::chrono::nanoseconds>(1h)));
  for (auto const* wrong :
       {"", "s", "0", "-1s", "1.5s", "1 s", "1d", "8760h", "99999999999999999999", "9223372036854775807m"})
    BOOST_TEST(!parse_duration(wrong).has_value(), wrong);
}

BOOST_AUTO_TEST_CASE(help_and_version) {
  BOOST_TEST(answered({"--help"}) == help_text());
  BOOST_TEST(answered({"help"}) == help_text());
  BOOST_TEST(answered({"help", "check"}) == help_text(command::check));
  BOOST_TEST(answered({"check", "--help"}) == help_text(command::check));
  BOOST_TEST(answered({"check", "-h", "--what"}) == help_text(command::check));
  BOOST_TEST(answered({"--version"}).starts_with("aether "));
  for (auto const c : {command::streams, command::actors, command::history, command::workflows, command::journal,
                       command::follow, command::check}) {
    auto const text = help_text(c);
    BOOST_TEST(text.starts_with("Usage: aether " + std::string(name_of(c))));
    BOOST_TEST(text.find("--timeout") != std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()
