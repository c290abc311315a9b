// Answers of JetStream's API: what servers send is read, what they would not send is not understood.
#include <nats/api_answer.hpp>

#include <aether/error.hpp>
#include <aether/json.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <ostream>

BOOST_AUTO_TEST_SUITE(api_answers)

using namespace aether::nats::detail;
using aether::errc;

namespace {

// As nats-server 2.9.10 and 2.15.2 answer.
std::string const message_text =
    R"({"type":"io.nats.jetstream.api.v1.stream_msg_get_response","message":{"subject":"orders.events.order.order-1","seq":1,)"
    R"("hdrs":"TkFUUy8xLjANCk5hdHMtTXNnLUlkOiBhDQpOYXRzLUV4cGVjdGVkLUxhc3QtU3ViamVjdC1TZXF1ZW5jZTogMA0KDQo=",)"
    R"("data":"e30=","time":"2026-11-21T04:06:05.399126794Z"}})";
std::string const no_message_text =
    R"({"type":"io.nats.jetstream.api.v1.stream_msg_get_response","error":{"code":404,"err_code":10037,"description":"no message found"}})";
std::string const stream_text =
    R"({"type":"io.nats.jetstream.api.v1.stream_create_response","config":{"name":"orders","subjects":["orders.events.\u003e"],)"
    R"("max_age":31536000000000000},"created":"2026-11-21T04:06:05.291596774Z","state":{"messages":3,"bytes":200,"first_seq":2,)"
    R"("first_ts":"0001-01-01T00:00:00Z","last_seq":18446744073709551615,"last_ts":"0001-01-01T00:00:00Z","consumer_count":0},"did_create":true})";
std::string const consumer_text =
    R"({"type":"io.nats.jetstream.api.v1.consumer_create_response","stream_name":"orders","name":"c1","created":"2026-11-21T04:06:05Z",)"
    R"("config":{"name":"c1","filter_subject":"orders.events.\u003e"},"delivered":{"consumer_seq":0,"stream_seq":0},"num_pending":7})";
std::string const account_text =
    R"({"type":"io.nats.jetstream.api.v1.account_info_response","memory":0,"domain":"hub","api":{"level":5,"total":0,"errors":0}})";

struct code_row {
  int code;
  int err_code;
  errc expected;
  bool temporary;
};
std::ostream& operator<<(std::ostream& out, code_row const& r) { return out << r.code << '/' << r.err_code; }

code_row const codes[] = {
    {400, 10002, errc::storage_full, false},
    {503, 10023, errc::storage_full, false},
    {500, 10028, errc::storage_full, false},
    {500, 10047, errc::storage_full, false},
    {503, 10077, errc::storage_full, false},
    {400, 10122, errc::storage_full, false},
    {404, 10059, errc::stream_not_found, false},
    {503, 10076, errc::jetstream_not_available, false},
    {503, 10039, errc::jetstream_not_available, false},
    {503, 10035, errc::jetstream_not_available, false},
    {400, 10120, errc::jetstream_not_available, false},
    {500, 10074, errc::not_enough_replicas, false},
    {400, 10005, errc::not_enough_replicas, false},
    {400, 10054, errc::event_too_large, false},
    {400, 10097, errc::event_too_large, false},
    {400, 10058, errc::stream_settings_differ, false},
    {400, 10174, errc::batch_not_supported, false},
    {400, 10199, errc::invalid_batch, false},
    {412, 10185, errc::server_too_old, false},
    {400, 10071, errc::version_conflict, false},
    {400, 10164, errc::version_conflict, false},
    {429, 10167, errc::overloaded, true},
    {429, 10210, errc::overloaded, true},
    {429, 0, errc::overloaded, true},
    {503, 10008, errc::jetstream_not_available, true},
    {503, 10163, errc::jetstream_not_available, true},
    {503, 0, errc::jetstream_not_available, true},
    {500, 10009, errc::server_error, true},
    {500, 10118, errc::server_error, true},
    {400, 10176, errc::server_error, true},
    {400, 10025, errc::server_error, false},
    {400, 10065, errc::server_error, false},
    {404, 10037, errc::server_error, false},
    {0, 0, errc::protocol_error, false},
};

api_error error_of(int code, int err_code, std::string description = {}) {
  api_error e;
  e.code = code;
  e.err_code = err_code;
  e.description = std::move(description);
  return e;
}

/// `text` must be no answer at all: code 0, and a reason.
template <class T> void not_understood(answer_of<T> const& a, std::string const& text) {
  auto const* e = std::get_if<api_error>(&a);
  BOOST_TEST_REQUIRE(e != nullptr, text);
  BOOST_TEST(e->code == 0, text);
  BOOST_TEST(e->err_code == 0, text);
  BOOST_TEST(!e->description.empty(), text);
  BOOST_TEST((to_errc(*e) == errc::protocol_error));
}

char const* const garbage[] = {"",
                               " ",
                               "{",
                               "}",
                               "null",
                               "[]",
                               "1",
                               "\"text\"",
                               "{}",
                               "{\"error\":null}",
                               "{\"error\":{}}",
                               "{\"error\":[]}",
                               "{\"error\":{\"code\":\"404\"}}",
                               "{\"error\":{\"code\":-404,\"err_code\":10037}}",
                               "{\"error\":{\"code\":0,\"err_code\":10037}}",
                               "{\"error\":{\"code\":4040000000000000000}}",
                               "{\"error\":{\"code\":404.5,\"err_code\":10037}}",
                               "+OK",
                               "\xFF\xFE",
                               "{\"message\":null}",
                               "{\"message\":{}}",
                               "{\"config\":{},\"state\":{}}",
                               "{\"api\":7}"};

std::string replaced(std::string text, std::string const& what, std::string const& with) {
  text.replace(text.find(what), what.size(), with);
  return text;
}

} // namespace

BOOST_DATA_TEST_CASE(errors_by_code, boost::unit_test::data::make(codes), row) {
  auto const e = error_of(row.code, row.err_code);
  BOOST_TEST((to_errc(e) == row.expected));
  BOOST_TEST(is_temporary(e) == row.temporary);
}

BOOST_AUTO_TEST_CASE(a_stream_that_was_not_created_may_be_there) {
  BOOST_TEST(may_be_there(error_of(400, 10058, "stream name already in use")));
  BOOST_TEST(may_be_there(error_of(400, 10065, "subjects overlap with an existing stream")));
  BOOST_TEST(!may_be_there(error_of(500, 10047, "insufficient storage resources available")));
}

BOOST_AUTO_TEST_CASE(errors_as_text) {
  BOOST_TEST(text_of(error_of(503, 10023, "insufficient resources")) ==
             "insufficient resources (JetStream error 10023, status 503)");
  BOOST_TEST(text_of(error_of(503, 0)) == "no description (JetStream status 503)");
  BOOST_TEST(text_of(error_of(0, 0, "why")) == "the server's answer was not understood: why");
}

BOOST_AUTO_TEST_CASE(a_stored_message) {
  auto const a = parse_stored_message(message_text);
  auto const* m = std::get_if<stored_message>(&a);
  BOOST_REQUIRE(m);
  BOOST_TEST(m->subject == "orders.events.order.order-1");
  BOOST_TEST(m->sequence == 1u);
  BOOST_TEST(m->data == "{}");
  BOOST_TEST(m->headers.size() == 2u);
  BOOST_TEST(m->header("Nats-Msg-Id") == "a");
  BOOST_TEST(m->header("Nats-Expected-Last-Subject-Sequence") == "0");
  BOOST_TEST(m->header("nats-msg-id").empty());
  BOOST_TEST(aether::format_time(m->time) == "2026-11-21T04:06:05.399126794Z");
}

BOOST_AUTO_TEST_CASE(a_stored_message_of_any_client) {
  auto const a = parse_stored_message(
      R"( { "message" : {"data":"AP8=","seq":18446744073709551615,"new":[{"a":1}],"subject":"a.\u003eb","hdrs":"Z2FyYmFnZQ=="} } )");
  auto const* m = std::get_if<stored_message>(&a);
  BOOST_REQUIRE(m);
  BOOST_TEST(m->subject == "a.>b");
  BOOST_TEST(m->sequence == 18446744073709551615u);
  BOOST_TEST((m->data == std::string("\x00\xFF", 2)));
  BOOST_TEST(m->headers.empty());
  auto const empty = parse_stored_message(R"({"message":{"subject":"s","seq":1}})");
  BOOST_REQUIRE(std::holds_alternative<stored_message>(empty));
  BOOST_TEST(std::get<stored_message>(empty).data.empty());
}

BOOST_AUTO_TEST_CASE(no_such_message) {
  auto const a = parse_stored_message(no_message_text);
  auto const* e = std::get_if<api_error>(&a);
  BOOST_REQUIRE(e);
  BOOST_TEST(is_no_message(*e));
  BOOST_TEST(e->code == 404);
  BOOST_TEST(e->description == "no message found");
}

BOOST_AUTO_TEST_CASE(messages_that_no_server_sends) {
  std::pair<char const*, char const*> const changes[] = {
      {"\"seq\":1", "\"seq\":-1"},
      {"\"seq\":1", "\"seq\":0"},
      {"\"seq\":1", "\"seq\":1.0"},
      {"\"seq\":1", "\"seq\":1e3"},
      {"\"seq\":1", "\"seq\":\"1\""},
      {"\"seq\":1", "\"seq\":18446744073709551616"},
      {"\"seq\":1", "\"sequence\":1"},
      {"\"seq\":1", "\"seq\":null"},
      {"\"subject\"", "\"subj\""},
      {"\"orders.events.order.order-1\"", "7"},
      {"\"e30=\"", "\"e30\""},
      {"\"e30=\"", "{}"},
      {"\"e30=\"", "\"e3\\n0=\""},
      {"\"TkFU", "\"*kFU"},
      {"2026-11-21T", "2026-13-21T"},
      {"\"2026-11-21T04:06:05.399126794Z\"", "0"},
      {"}}", "}} more"},
      {"}}", "}"},
  };
  for (auto const& [what, with] : changes) {
    std::string const text = replaced(message_text, what, with);
    not_understood(parse_stored_message(text), text);
  }
}

BOOST_AUTO_TEST_CASE(every_cut_off_answer_is_not_understood) {
  for (std::size_t n = 0; n != message_text.size(); ++n)
    not_understood(parse_stored_message(message_text.substr(0, n)), message_text.substr(0, n));
  for (std::size_t n = 0; n != no_message_text.size(); ++n)
    not_understood(parse_stored_message(no_message_text.substr(0, n)), no_message_text.substr(0, n));
  for (std::size_t n = 0; n != stream_text.size(); ++n)
    not_understood(parse_stream_answer(stream_text.substr(0, n)), stream_text.substr(0, n));
}

BOOST_DATA_TEST_CASE(garbage_is_no_answer, boost::unit_test::data::make(garbage), text) {
  not_understood(parse_stored_message(text), text);
  not_understood(parse_stream_answer(text), text);
  not_understood(parse_consumer_answer(text), text);
  not_understood(parse_account_answer(text), text);
}

BOOST_AUTO_TEST_CASE(deep_nesting_is_refused_and_does_not_recurse) {
  std::string const deep = "{\"x\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  not_understood(parse_stored_message(deep), "deep");
  not_understood(parse_stream_answer(deep), "deep");
}

BOOST_AUTO_TEST_CASE(an_error_beside_other_members_is_an_error) {
  auto const a = parse_stream_answer(
      R"({"type":"t","error":{"code":404,"err_code":10059,"description":"stream not found"},"total":0,"offset":0,"limit":0})");
  BOOST_REQUIRE(std::holds_alternative<api_error>(a));
  BOOST_TEST((to_errc(std::get<api_error>(a)) == errc::stream_not_found));
  auto const both = parse_stored_message(replaced(message_text, "\"message\"", "\"error\":{\"code\":503},\"message\""));
  BOOST_REQUIRE(std::holds_alternative<api_error>(both));
  BOOST_TEST(std::get<api_error>(both).code == 503);
}

BOOST_AUTO_TEST_CASE(the_cluster_of_a_stream) {
  auto const cluster_in = [](std::string const& cluster) {
    return std::get<stream_answer>(parse_stream_answer(replaced(stream_text, "{", "{\"cluster\":" + cluster + ",")))
        .cluster;
  };
  BOOST_TEST(cluster_in(R"({"name":"east","leader":"a"})") == "east");
  BOOST_TEST(cluster_in(R"({"leader":"a"})") == ""); // a server on its own
  BOOST_TEST(cluster_in("null") == "");
  BOOST_TEST(std::get<stream_answer>(parse_stream_answer(stream_text)).cluster == "");
}

BOOST_AUTO_TEST_CASE(a_stream) {
  auto const a = parse_stream_answer(stream_text);
  auto const* s = std::get_if<stream_answer>(&a);
  BOOST_REQUIRE(s);
  BOOST_TEST((s->config.at("name") == boost::json::value("orders")));
  BOOST_TEST((s->config.at("subjects").as_array().at(0) == boost::json::value("orders.events.>")));
  BOOST_TEST(s->created == "2026-11-21T04:06:05.291596774Z");
  BOOST_TEST(s->messages == 3u);
  BOOST_TEST(s->bytes == 200u);
  BOOST_TEST(s->first_sequence == 2u);
  BOOST_TEST(s->last_sequence == 18446744073709551615u);
  for (auto const& [what, with] : {std::pair("\"bytes\":200", "\"bytes\":-200"), std::pair("\"messages\"", "\"msgs\""),
                                   std::pair("\"config\"", "\"cfg\""), std::pair("\"created\"", "\"made\""),
                                   std::pair("\"first_seq\":2", "\"first_seq\":2.5")})
    not_understood(parse_stream_answer(replaced(stream_text, what, with)), with);
}

BOOST_AUTO_TEST_CASE(a_consumer) {
  auto const a = parse_consumer_answer(consumer_text);
  auto const* c = std::get_if<consumer_answer>(&a);
  BOOST_REQUIRE(c);
  BOOST_TEST(c->name == "c1");
  BOOST_TEST(c->num_pending == 7u);
  BOOST_TEST((c->config.at("filter_subject") == boost::json::value("orders.events.>")));
  for (auto const& [what, with] :
       {std::pair("\"num_pending\":7", "\"num_pending\":-7"), std::pair("\"config\"", "\"cfg\""),
        std::pair("\"name\":\"c1\",\"created\"", "\"name\":\"\",\"created\"")})
    not_understood(parse_consumer_answer(replaced(consumer_text, what, with)), with);
}

BOOST_AUTO_TEST_CASE(the_account) {
  auto const level = [](std::string const& text) {
    auto const a = parse_account_answer(text);
    return std::get<account_answer>(a).api_level;
  };
  BOOST_TEST(level(account_text) == 5);
  BOOST_TEST(std::get<account_answer>(parse_account_answer(account_text)).domain == "hub");
  BOOST_TEST(level(R"({"api":{"total":0,"errors":0}})") == 0);
  for (char const* odd : {"-1", "\"5\"", "1e99", "99999999999999999999", "18446744073709551615", "null"})
    BOOST_TEST(level(replaced(account_text, "\"level\":5", std::string("\"level\":") + odd)) == 0);
}

BOOST_AUTO_TEST_CASE(the_server_s_version) {
  auto const version = [](std::string const& text) { return std::get<std::string>(parse_user_info_version(text)); };
  BOOST_TEST(version(R"({"server":{"name":"n","ver":"2.15.2"},"data":{"user":""}})") == "2.15.2");
  BOOST_TEST(version(R"({"server":{"ver":7}})").empty());
  BOOST_TEST(version("{}").empty());
  not_understood(parse_user_info_version("2.15.2"), "2.15.2");
}

BOOST_AUTO_TEST_SUITE_END()
