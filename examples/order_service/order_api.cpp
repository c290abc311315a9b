// The routes' answers. A command is decided by its actor; here its request is read, and its outcome put into words.
#include "order_api.hpp"

#include "body.hpp"
#include "fulfilment.hpp"
#include "order.hpp"
#include "page.hpp"
#include "sse.hpp"
#include "stock.hpp"

#include <boost/describe/enum_to_string.hpp>
#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid_io.hpp>

#include <algorithm>
#include <charconv>
#include <exception>
#include <optional>
#include <utility>
#include <variant>

namespace orders {

using namespace std::chrono_literals;
using service_ptr = std::shared_ptr<service const>;

namespace {

/// The same text gives the same one.
std::string name_of(std::string_view text) {
  boost::uuids::name_generator_sha1 const make(boost::uuids::ns::url());
  return to_string(make(text.data(), text.size()));
}

/// What a command is known by when it comes again.
struct request_key {
  std::string key;
  bool from_client = false;

  request_key() = default;
};

request_key key_of(http::request const& r) {
  request_key made;
  auto const header = r.find("Idempotency-Key");
  if (header == r.end()) {
    made.key = aether::make_uuid(); // told in the answer, so that this request can be repeated, too
    return made;
  }
  made.key = std::string(header->value());
  made.from_client = true;
  auto const is_fine = [](char c) { return c > ' ' && c < '\x7f'; };
  if (made.key.empty() || made.key.size() > 200 || !std::all_of(made.key.begin(), made.key.end(), is_fine))
    throw bad_request("bad_idempotency_key", "an Idempotency-Key has 1 to 200 visible ASCII characters");
  return made;
}

/// The verb stands before the key, so one key for two commands is no repetition; what was asked is kept beside it.
aether::command_options options_of(std::string_view verb, request_key const& key, http::request const& r) {
  aether::command_options options;
  options.command_id = std::string(verb) + '/' + key.key;
  options.maybe_repeated = key.from_client;
  options.metadata.set("request", name_of(r.body()));
  return options;
}

/// A key that comes again with another request is a mistake of the client, and must not look like a success.
aether::awaitable<bool> is_the_same(service_ptr in, std::string actor, std::int64_t version,
                                    aether::metadata metadata) {
  auto const first = co_await in->store->find_event(actor, version);
  co_return first && first->metadata.get("request") == metadata.get("request");
}

http::answer done(unsigned status, std::string const& id, aether::command_result const& result) {
  boost::json::object body;
  body["id"] = id;
  body["version"] = result.last_version;
  body["repeated"] = result.repeated;
  return json_answer(status, std::move(body));
}

template <aether::decider D, class C>
aether::awaitable<http::answer> run(service_ptr in, std::string actor_id, std::string id,
                                    aether::command_options options, C command) {
  auto const actor = in->actors.get<D>(actor_id).with(options);
  auto const outcome = co_await actor.try_execute(std::move(command));
  if (auto const* const why = std::get_if<aether::rejection>(&outcome))
    co_return rejected(*why);
  auto const result = std::get<aether::command_result>(outcome);
  if (result.repeated) {
    bool const same = co_await is_the_same(in, actor_id, result.first_version, options.metadata);
    if (!same)
      co_return problem(422, "idempotency_key_reused", "this Idempotency-Key was used for another request");
  }
  co_return done(200, id, result);
}

aether::awaitable<http::answer> place(service_ptr in, http::request r, request_key key) {
  body_reader body(r.body());
  order_placed wanted;
  wanted.customer = body.text("customer", 100);
  wanted.article = body.text("article", 64);
  wanted.quantity = body.number("quantity", 1, 1'000'000);
  wanted.cents = body.number("cents", 0, 1'000'000'000'000);
  body.finish();
  if (!is_id(wanted.article))
    throw bad_request("bad_member", "the member \"article\" has to be of letters, digits and -");
  wanted.pay_by = aether::machine_time()->now() + in->pay_within;
  auto const id = name_of(key.key); // a request that is repeated asks the same actor
  auto const options = options_of("place", key, r);
  place_order command(std::move(wanted));
  auto made = co_await run<order>(in, "order-" + id, id, options, std::move(command));
  if (made.status == 200) {
    made.status = 201;
    made.headers.emplace_back("Location", "/orders/" + id);
  }
  co_return made;
}

aether::awaitable<http::answer> pay(service_ptr in, http::request r, request_key key, std::string id) {
  body_reader body(r.body());
  pay_order command{body.text("reference", 100)};
  body.finish();
  co_return co_await run<order>(in, "order-" + id, id, options_of("pay", key, r), std::move(command));
}

aether::awaitable<http::answer> ship(service_ptr in, http::request r, request_key key, std::string id) {
  body_reader body(r.body());
  ship_order command{body.text("tracking", 100)};
  body.finish();
  co_return co_await run<order>(in, "order-" + id, id, options_of("ship", key, r), std::move(command));
}

aether::awaitable<http::answer> cancel(service_ptr in, http::request r, request_key key, std::string id) {
  body_reader body(r.body());
  cancel_order command{body.text("reason", 100), canceller::customer};
  body.finish();
  co_return co_await run<order>(in, "order-" + id, id, options_of("cancel", key, r), std::move(command));
}

aether::awaitable<http::answer> deliver(service_ptr in, http::request r, request_key key, std::string article) {
  body_reader body(r.body());
  deliver_stock command{body.number("quantity", 1, 1'000'000'000)};
  body.finish();
  co_return co_await run<stock>(in, "stock-" + article, article, options_of("deliver", key, r), std::move(command));
}

template <class Enum> std::string word(Enum value) {
  return std::string(boost::describe::enum_to_string(value, "unknown"));
}

aether::awaitable<http::answer> read(service_ptr in, std::string id) {
  auto const copy = [](order::state const& now) { return now; };
  auto const now = co_await in->actors.get<order>("order-" + id).query(copy, aether::freshness::latest());
  if (now.status == order_status::none)
    co_return problem(404, "no_such_order", "there is no order " + id);
  boost::json::object body;
  body["id"] = id;
  body["status"] = word(now.status);
  body["customer"] = now.placed.customer;
  body["article"] = now.placed.article;
  body["quantity"] = now.placed.quantity;
  body["cents"] = now.placed.cents;
  for (auto const& [name, value] :
       {std::pair("reference", &now.reference), std::pair("tracking", &now.tracking), std::pair("reason", &now.reason)})
    if (!value->empty())
      body[name] = *value;
  co_return json_answer(200, std::move(body));
}

aether::awaitable<http::answer> read_stock(service_ptr in, std::string article) {
  auto const count = [](stock::state const& now) {
    std::int64_t reserved = 0;
    for (auto const& [order, quantity] : now.reserved)
      reserved += quantity;
    return std::pair(now.available, reserved);
  };
  auto const counted = co_await in->actors.get<stock>("stock-" + article).query(count, aether::freshness::latest());
  boost::json::object body;
  body["article"] = article;
  body["available"] = counted.first;
  body["reserved"] = counted.second;
  co_return json_answer(200, std::move(body));
}

std::string word(aether::workflow_state state) {
  switch (state) {
  case aether::workflow_state::unknown:
    return "unknown";
  case aether::workflow_state::running:
    return "running";
  case aether::workflow_state::completed:
    return "completed";
  case aether::workflow_state::failed:
    return "failed";
  case aether::workflow_state::cancelled:
    break;
  }
  return "cancelled";
}

std::chrono::seconds wait_of(service_ptr const& in, std::string_view query) {
  auto const given = query_value(query, "wait");
  if (!given)
    return 0s;
  unsigned value = 0;
  auto const read = std::from_chars(given->data(), given->data() + given->size(), value);
  if (read.ec != std::errc() || read.ptr != given->data() + given->size() || value > in->longest_wait.count())
    throw bad_request("bad_wait", "wait is a number of seconds, at most " + std::to_string(in->longest_wait.count()));
  return std::chrono::seconds(value);
}

/// How far it is; with `?wait=5` an answer may take so many seconds, until it has ended.
aether::awaitable<http::answer> read_fulfilment(service_ptr in, std::string id, std::string query) {
  aether::call_options options;
  options.timeout = wait_of(in, query);
  boost::json::object body;
  body["id"] = id;
  if (options.timeout > 0s) {
    try {
      body["result"] = co_await in->workflows.result(fulfilments, id, options);
    } catch (aether::workflow_failed const& ended) {
      body["message"] = ended.failure().message;
    } catch (aether::error const& e) { // it runs, or there is none, or the store is away: the next call tells
      if (e.code() != aether::errc::timed_out && e.code() != aether::errc::workflow_not_found)
        throw;
    }
  }
  auto const state = co_await in->workflows.state(fulfilments, id);
  body["state"] = word(state);
  if (state == aether::workflow_state::completed && !body.contains("result"))
    body["result"] = co_await in->workflows.result(fulfilments, id);
  co_return json_answer(200, std::move(body));
}

aether::awaitable<http::answer> follow_one(service_ptr in, http::request r, std::string id) {
  auto const version = co_await in->store->latest_version("order-" + id);
  if (version == 0)
    co_return problem(404, "no_such_order", "there is no order " + id);
  aether::event_filter filter;
  filter.actor_id = "order-" + id;
  co_return co_await follow_events(in->store, std::move(filter), aether::start_from::beginning(),
                                   std::string(r["Last-Event-ID"]));
}

aether::awaitable<http::answer> follow_all(service_ptr in, http::request r) {
  aether::event_filter filter;
  filter.actor_types = {"order"};
  co_return co_await follow_events(in->store, std::move(filter), aether::start_from::latest_of_each_actor(),
                                   std::string(r["Last-Event-ID"]));
}

http::answer text(std::string type, std::string body) {
  http::answer made;
  made.type = std::move(type);
  made.body = std::move(body);
  return made;
}

http::answer health(service_ptr const& in) {
  if (!in->is_connected())
    return problem(503, "store_unavailable", "there is no connection to the event store");
  boost::json::object body;
  body["status"] = "ok";
  return json_answer(200, std::move(body));
}

aether::awaitable<http::answer> answer_route(service_ptr in, matched to, http::request r, request_key key) {
  switch (to.entry->what) {
  case route::page:
    co_return text("text/html; charset=utf-8", std::string(page));
  case route::metrics:
    co_return text("text/plain; version=0.0.4; charset=utf-8", in->counts->page());
  case route::health:
    co_return health(in);
  case route::place:
    co_return co_await place(in, std::move(r), key);
  case route::read:
    co_return co_await read(in, to.id);
  case route::pay:
    co_return co_await pay(in, std::move(r), key, to.id);
  case route::ship:
    co_return co_await ship(in, std::move(r), key, to.id);
  case route::cancel:
    co_return co_await cancel(in, std::move(r), key, to.id);
  case route::follow_one:
    co_return co_await follow_one(in, std::move(r), to.id);
  case route::follow_all:
    co_return co_await follow_all(in, std::move(r));
  case route::fulfilment:
    co_return co_await read_fulfilment(in, to.id, to.query);
  case route::read_stock:
    co_return co_await read_stock(in, to.id);
  case route::deliver:
    break;
  }
  co_return co_await deliver(in, std::move(r), key, to.id);
}

http::answer no_route(matched const& m) {
  if (m.allowed.empty())
    return problem(404, "unknown_path", "there is nothing at this path; docs/order-service.md has the table");
  auto made = problem(405, "wrong_method", "this path takes " + m.allowed);
  made.headers.emplace_back("Allow", m.allowed);
  return made;
}

} // namespace

aether::awaitable<http::answer> respond(service_ptr in, http::request r) {
  auto const begun = std::chrono::steady_clock::now();
  auto const target = r.target();
  auto const to = match(r.method(), std::string_view(target.data(), target.size()));
  http::answer made;
  if (!to.entry) {
    made = no_route(to);
  } else {
    request_key key;
    std::exception_ptr thrown;
    bool const changes = to.entry->method == http::verb::post;
    try {
      if (changes)
        key = key_of(r);
      made = co_await answer_route(in, to, std::move(r), key);
    } catch (...) {
      thrown = std::current_exception();
    }
    if (thrown)
      made = failed(thrown, key.key);
    if (made.status == 500)
      in->log->log(aether::log_level::error, "a request failed", {{"route", to.entry->name}, {"answer", made.body}});
    if (changes && !key.key.empty())
      made.headers.emplace_back("Idempotency-Key", key.key);
  }
  in->counts->count(to.entry ? to.entry->name : "none", made.status, std::chrono::steady_clock::now() - begun);
  co_return made;
}

} // namespace orders
