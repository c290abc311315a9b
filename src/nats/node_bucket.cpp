// The key-value bucket of a store's nodes.
#include "nats/node_bucket.hpp"

#include "detail/utf8.hpp"
#include "nats/duration_text.hpp"
#include "nats/json_fields.hpp"
#include "nats/leader_reads.hpp"
#include "nats/read_failure.hpp"
#include "nats/request.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace aether::nats::detail {
namespace {

namespace json = boost::json;
using clock = std::chrono::steady_clock;

constexpr std::string_view upper_hex = "0123456789ABCDEF";
constexpr std::size_t most_reads = 8 * aether::detail::lease_machine::max_nodes;

bool passes_in_key(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

std::string node_key_of(std::string_view node) {
  std::string key;
  for (char const c : node) {
    auto const byte = static_cast<unsigned char>(c);
    if (passes_in_key(byte)) {
      key += c;
      continue;
    }
    key += '=';
    key += upper_hex[byte >> 4];
    key += upper_hex[byte & 15];
  }
  return key;
}

std::shared_ptr<stream_access const> bucket_access_of(stream_access const& events, std::string stream) {
  return std::make_shared<stream_access const>(stream_access{
      .connection = events.connection,
      .subjects = subject_map(std::move(stream), subject_encoding::percent),
      .api = events.api,
      .config = events.config,
      .replicas = events.replicas,
      .direct_get = false,
      .batch_direct_get = false,
      .atomic_batches = false,
      .max_age = {},
  });
}

/// Asks until the answer is not "not now".
boost::asio::awaitable<answer_of<stream_answer>> ask_bucket(std::shared_ptr<stream_access const> access,
                                                            std::string what, std::string body, steady_time deadline) {
  auto const subject = access->api + ".STREAM." + what + '.' + access->stream();
  for (;;) {
    auto const reply = co_await ask(access->connection, subject, body, deadline, access->config.request_timeout);
    if (!reply)
      throw_unanswered(reply.why, "opening the bucket of nodes (" + subject + ")");
    auto answer = parse_stream_answer(reply.message.data());
    auto const* refused = std::get_if<api_error>(&answer);
    auto const again = clock::now() + std::chrono::milliseconds(20);
    if (!refused || !is_temporary(*refused) || again >= deadline)
      co_return answer;
    co_await pause_until(again);
  }
}

} // namespace

node_bucket::node_bucket(stream_access const& events, std::string name_space, std::string stream_name,
                         std::chrono::nanoseconds lease)
    : name_(events.stream() + "_nodes"), events_name_space_(std::move(name_space)),
      events_name_(std::move(stream_name)), lease_(lease) {
  if (!valid_name(name_))
    throw error(errc::invalid_id, "the bucket of nodes would be named " + name_ +
                                      ", which is longer than 200 bytes: give the events' stream a shorter name");
  access_ = bucket_access_of(events, stream());
}

std::string node_bucket::subject_of(std::string_view node) const { return "$KV." + name_ + '.' + node_key_of(node); }

std::optional<std::string> node_bucket::node_of(std::string_view subject) const {
  auto const before = "$KV." + name_ + '.';
  if (!subject.starts_with(before))
    return std::nullopt;
  subject.remove_prefix(before.size());
  std::string node;
  for (std::size_t i = 0; i < subject.size(); ++i) {
    if (subject[i] != '=') {
      node += subject[i];
      continue;
    }
    auto const high = i + 2 < subject.size() ? upper_hex.find(subject[i + 1]) : std::string_view::npos;
    auto const low = i + 2 < subject.size() ? upper_hex.find(subject[i + 2]) : std::string_view::npos;
    if (high == std::string_view::npos || low == std::string_view::npos)
      return std::nullopt;
    node += static_cast<char>(high << 4 | low);
    i += 2;
  }
  if (!aether::detail::valid_id(node) || node_key_of(node) != subject)
    return std::nullopt;
  return node;
}

// As NATS' own clients make one, so that they can read it.
json::object node_bucket::config() const {
  json::object const record{
      {"aether", 1}, {"namespace", events_name_space_}, {"stream", events_name_}, {"holds", "nodes"}};
  json::object c;
  c["name"] = stream();
  c["description"] = json::serialize(record);
  c["subjects"] = json::array{json::value(filter())};
  c["retention"] = "limits";
  c["storage"] = "memory";
  c["max_age"] = lease_.count();
  c["max_msgs"] = -1;
  c["max_bytes"] = -1;
  c["max_msgs_per_subject"] = 1;
  c["discard"] = "new";
  c["duplicate_window"] = std::min<std::int64_t>(lease_.count(), 120'000'000'000);
  c["num_replicas"] = access_->replicas;
  c["allow_rollup_hdrs"] = true;
  c["allow_direct"] = true;
  c["deny_delete"] = true;
  return c;
}

std::string node_bucket::differences(json::object const& actual) const {
  std::string list;
  auto const add = [&](std::string const& text) { list += (list.empty() ? "" : "; ") + text; };
  for (auto const& [key, want] : config()) {
    auto const* const found = actual.if_contains(key);
    if ((found && *found == want) || (want == json::value(-1) && (!found || *found == json::value(0))))
      continue;
    if (key == "max_age")
      add("the lease is " +
          (found && found->is_int64() ? duration_text(std::chrono::nanoseconds(found->get_int64()))
                                      : std::string("unlimited")) +
          ", wanted " + duration_text(lease_));
    else if (key != "duplicate_window")
      add(std::string(key) + " is " + (found ? json::serialize(*found) : "missing") + ", wanted " +
          json::serialize(want));
  }
  return list;
}

std::string record_text(node_record const& r) {
  json::object o;
  o["v"] = 1;
  o["node"] = r.node.name;
  o["incarnation"] = r.node.incarnation;
  o["renewal"] = r.renewal;
  o["weight"] = r.node.weight;
  if (!r.node.data.empty())
    o["data"] = r.node.data;
  return json::serialize(o);
}

bool parse_record(std::string_view text, std::string_view node, node_record& out) {
  boost::system::error_code ec;
  auto const parsed = json::parse(json::string_view(text.data(), text.size()), ec);
  auto const* const o = ec ? nullptr : parsed.if_object();
  if (!o || unsigned_at(*o, "v").value_or(0) != 1 || string_at(*o, "node").value_or("") != node)
    return false;
  out.node.name = node;
  out.node.incarnation = string_at(*o, "incarnation").value_or("");
  out.node.data = string_at(*o, "data").value_or("");
  out.renewal = unsigned_at(*o, "renewal").value_or(0);
  out.node.weight = static_cast<std::size_t>(unsigned_at(*o, "weight").value_or(0));
  return !out.node.incarnation.empty() && out.node.incarnation.size() <= 64 && out.renewal > 0 && out.node.weight > 0 &&
         out.node.weight <= max_node_weight && out.node.data.size() <= max_node_data_bytes;
}

bool is_removal(std::string_view operation) noexcept { return operation == "DEL" || operation == "PURGE"; }

std::optional<kept_record> kept_record_of(node_bucket const& bucket, stored_message const& m) {
  auto const node = bucket.node_of(m.subject);
  if (!node)
    return std::nullopt;
  kept_record kept;
  kept.sequence = m.sequence;
  kept.value.node.name = *node;
  kept.is_mark = is_removal(m.header("KV-Operation"));
  if (!kept.is_mark && !parse_record(m.data, *node, kept.value))
    return std::nullopt;
  return kept;
}

boost::asio::awaitable<std::string> open_bucket(std::shared_ptr<node_bucket const> bucket, steady_time deadline) {
  auto const access = bucket->access();
  answer_of<stream_answer> answer = api_error();
  bool ask_what_there_is = !access->config.create;
  if (access->config.create) {
    answer = co_await ask_bucket(access, "CREATE", json::serialize(bucket->config()), deadline);
    auto const* refused = std::get_if<api_error>(&answer);
    ask_what_there_is = refused && may_be_there(*refused);
  }
  if (ask_what_there_is)
    answer = co_await ask_bucket(access, "INFO", std::string(), deadline);
  if (auto const* refused = std::get_if<api_error>(&answer))
    throw_refused(*refused, "opening the bucket of nodes " + bucket->name());
  auto const& found = std::get<stream_answer>(answer);
  auto const differences = bucket->differences(found.config);
  if (!differences.empty())
    throw error(errc::stream_settings_differ,
                "the bucket of nodes " + bucket->name() + " has other settings: " + differences +
                    ". All nodes of a store join with the same lease; to change it, end them and delete the bucket");
  co_return found.created;
}

boost::asio::awaitable<std::optional<kept_record>> read_node(std::shared_ptr<node_bucket const> bucket,
                                                             std::string node, steady_time deadline) {
  auto const found = co_await read_leader(bucket->access(), last_message_query(bucket->subject_of(node)), deadline);
  std::optional<kept_record> kept;
  if (!found)
    co_return kept;
  kept = kept_record_of(*bucket, *found);
  if (!kept) { // not ours to read, but it is there: somebody else's
    kept.emplace();
    kept->sequence = found->sequence;
    kept->value.node.name = node;
    kept->value.node.incarnation = "?";
  }
  co_return kept;
}

boost::asio::awaitable<std::vector<kept_record>> read_nodes(std::shared_ptr<node_bucket const> bucket,
                                                            steady_time deadline) {
  std::vector<kept_record> all;
  std::uint64_t from = 1;
  for (std::size_t reads = 0; reads < most_reads; ++reads) {
    auto const found = co_await read_leader(bucket->access(), next_message_query(bucket->filter(), from), deadline);
    if (!found)
      break;
    from = found->sequence + 1;
    if (auto kept = kept_record_of(*bucket, *found))
      all.push_back(std::move(*kept));
  }
  co_return all;
}

} // namespace aether::nats::detail
