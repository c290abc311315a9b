// What an examination of a stream has to go by, read from the answers of servers.
#include "nats/doctor_facts.hpp"

#include "nats/json_fields.hpp"

#include <aether/json.hpp>

#include <boost/json/parse.hpp>

namespace aether::nats::detail {
namespace {

namespace json = boost::json;

copy_facts copy_of(json::object const& o) {
  copy_facts copy;
  copy.server = string_at(o, "name").value_or("");
  copy.current = bool_at(o, "current").value_or(false);
  copy.offline = bool_at(o, "offline").value_or(false);
  copy.lag = unsigned_at(o, "lag").value_or(0);
  copy.silent = std::chrono::nanoseconds(integer_at(o, "active").value_or(0));
  return copy;
}

void read_copies(json::object const& answer, stream_facts& out) {
  auto const* cluster = object_at(answer, "cluster");
  if (!cluster)
    return;
  out.tells_copies = true;
  out.cluster = string_at(*cluster, "name").value_or("");
  out.leader = string_at(*cluster, "leader").value_or("");
  if (auto const* copies = array_at(*cluster, "replicas"))
    for (auto const& entry : *copies)
      if (auto const* copy = entry.if_object())
        out.copies.push_back(copy_of(*copy));
  auto const* desired = object_at(*cluster, "desired");
  out.is_moving = desired != nullptr;
  if (auto const* status = desired ? object_at(*desired, "status") : nullptr)
    out.waits_for = string_at(*status, "description").value_or("");
}

storage_use use_of(json::object const& o, json::object const* limits, std::string_view used, std::string_view limit) {
  storage_use use;
  use.used = unsigned_at(o, used).value_or(0);
  use.limit = limits ? integer_at(*limits, limit).value_or(0) : 0;
  return use;
}

} // namespace

answer_of<stream_facts> parse_stream_facts(std::string_view text) {
  auto parsed = parse_answer(text);
  auto* o = std::get_if<json::object>(&parsed);
  if (!o)
    return std::get<api_error>(std::move(parsed));
  auto const* config = object_at(*o, "config");
  auto const* state = object_at(*o, "state");
  auto const name = config ? string_at(*config, "name") : std::nullopt;
  if (!name || !state) {
    api_error bad;
    bad.description = "a stream without name or state";
    return bad;
  }
  stream_facts out;
  out.name = *name;
  out.config = *config;
  for (auto [field, into] : {std::pair("messages", &out.messages), std::pair("bytes", &out.bytes),
                             std::pair("first_seq", &out.first_sequence), std::pair("num_deleted", &out.deleted),
                             std::pair("consumer_count", &out.consumers)})
    *into = unsigned_at(*state, field).value_or(0);
  out.subjects = unsigned_at(*state, "num_subjects");
  if (out.messages == 0)
    out.subjects = 0; // left out when there are none
  auto const first = string_at(*state, "first_ts");
  if (out.messages == 0 || !first || !parse_time(*first, out.first_time))
    out.first_time = {};
  if (auto const* lost = object_at(*state, "lost"))
    if (auto const* sequences = array_at(*lost, "msgs"))
      out.lost = sequences->size();
  read_copies(*o, out);
  return out;
}

answer_of<account_facts> parse_account_facts(std::string_view text, std::int64_t replicas) {
  auto parsed = parse_answer(text);
  auto* o = std::get_if<json::object>(&parsed);
  if (!o)
    return std::get<api_error>(std::move(parsed));
  account_facts out;
  auto const* api = object_at(*o, "api");
  if (auto const level = api ? unsigned_at(*api, "level").value_or(0) : 0; level <= 1'000'000)
    out.api_level = static_cast<int>(level);
  json::object const* of = o;
  if (auto const* tiers = object_at(*o, "tiers"))
    if (auto const* tier = object_at(*tiers, "R" + std::to_string(replicas)))
      of = tier;
  auto const* limits = object_at(*of, "limits");
  out.file = use_of(*of, limits, "storage", "max_storage");
  out.memory = use_of(*of, limits, "memory", "max_memory");
  return out;
}

std::optional<server_report> parse_server_report(std::string_view text) {
  boost::system::error_code ec;
  auto const v = json::parse(json::string_view(text.data(), text.size()), ec);
  auto const* o = ec ? nullptr : v.if_object();
  if (auto const* data = o ? object_at(*o, "data") : nullptr)
    o = data; // to the system account it comes wrapped
  auto const name = o ? string_at(*o, "server_name") : std::nullopt;
  auto const version = o ? string_at(*o, "version") : std::nullopt;
  if (!name || !version)
    return std::nullopt;
  server_report out;
  out.name = *name;
  out.version = *version;
  auto const* jetstream = object_at(*o, "jetstream");
  auto const* config = jetstream ? object_at(*jetstream, "config") : nullptr;
  if (!config)
    return out;
  out.has_jetstream = true;
  out.syncs_always = bool_at(*config, "sync_always").value_or(false);
  if (auto const interval = integer_at(*config, "sync_interval"); interval && *interval > 0)
    out.sync_interval = std::chrono::nanoseconds(*interval);
  if (auto const* stats = object_at(*jetstream, "stats"))
    out.file = use_of(*stats, config, "storage", "max_storage");
  return out;
}

} // namespace aether::nats::detail
