// What is risky about the servers that keep a stream: their versions, how often they sync, how full they are.
#include "nats/doctor_rules.hpp"
#include "nats/duration_text.hpp"

#include <algorithm>
#include <optional>

namespace aether::nats::detail {
namespace {

using namespace std::chrono_literals;

/// The makers of nats-server mend its two newest lines; this one and 2.15 when this was written.
constexpr server_version oldest_maintained{2, 14, 0, true};
constexpr server_version oldest_supported{2, 9, 0, true};
constexpr server_version safe_with_replicas{2, 10, 20, true};
constexpr server_version blind_to_expectations{2, 10, 19, true};
constexpr server_version first_to_set_sync{2, 10, 0, false};

/// Before 2.10 it could not be set (server/stream.go, setupStore).
constexpr std::chrono::nanoseconds fixed_sync = 2min;

char const* const how_to_see_sync =
    "it is `sync_interval` in the jetstream block of the servers' configuration, 2 minutes if it is not there; the "
    "examination can see it at a monitoring URL, or by a connection of the system account";

std::string listed(std::vector<std::string> const& parts) {
  std::string text;
  for (auto const& part : parts)
    text += (text.empty() ? "" : ", ") + part;
  return text;
}

class servers_judgement {
public:
  servers_judgement(doctor_facts const& facts, finding_list& out)
      : facts_(facts), config_(facts.stream.config), out_(out) {
    if (!facts.stream.leader.empty())
      names_.push_back(facts.stream.leader);
    for (auto const& copy : facts.stream.copies)
      names_.push_back(copy.server);
  }

  void run() {
    silent();
    versions();
    syncing();
    room();
  }

private:
  bool keeps(server_report const& r) const {
    return r.has_jetstream && (names_.empty() || std::find(names_.begin(), names_.end(), r.name) != names_.end());
  }
  server_report const* report_of(std::string const& name) const {
    auto const at = std::find_if(facts_.servers.begin(), facts_.servers.end(),
                                 [&](server_report const& r) { return r.has_jetstream && r.name == name; });
    return at == facts_.servers.end() ? nullptr : &*at;
  }

  void silent() {
    for (auto const& [who, why] : facts_.silent)
      out_.add_unknown(severity::warning, "monitoring", who + ": " + why,
                       "what only servers tell of themselves is not known from there");
    for (auto const& r : facts_.servers)
      if (!keeps(r) && std::none_of(facts_.servers.begin(), facts_.servers.end(),
                                    [&](server_report const& other) { return keeps(other); })) {
        out_.add(severity::warning, "monitoring", "server " + r.name + " answered, which does not keep the stream",
                 "give the address of one that does" + (names_.empty() ? std::string() : ": " + listed(names_)));
        return;
      }
  }

  void version_is(server_version const& v, std::string const& text) {
    bool const replicas = config_.replicas() > 1;
    if (v < oldest_supported)
      out_.add(severity::critical, "server_version", text + " is older than 2.9", "this library does not work with it");
    else if (replicas && v < safe_with_replicas)
      out_.add(severity::critical, "server_version", text + " with replicas lets several writers win one version",
               "update every server to 2.10.20 or later, of a maintained line, before anything more is saved");
    else if (v == blind_to_expectations)
      out_.add(severity::critical, "server_version", text + " takes wrong expectations for an actor without events",
               "two writers can both win its first version: update to 2.10.20 or later, of a maintained line");
    else if (!v.released)
      out_.add(severity::warning, "server_version", text + " is a preview", "use a release");
    else if (v < oldest_maintained)
      out_.add(severity::warning, "server_version", text + " gets no fixes any more",
               "the makers of nats-server mend its two newest lines: update, one server after the other");
  }

  void versions() {
    std::vector<std::string> told;
    auto const tell = [&](std::string const& version, std::string const& where) {
      auto const parsed = parse_server_version(version);
      auto const text = "nats-server " + version + where;
      if (std::find(told.begin(), told.end(), version) != told.end())
        return;
      told.push_back(version);
      if (parsed)
        version_is(*parsed, text);
      else
        out_.add_unknown(severity::info, "server_version", "\"" + version + "\" is not understood", "");
    };
    for (auto const& r : facts_.servers)
      if (keeps(r))
        tell(r.version, " on " + r.name);
    if (told.size() > 1)
      out_.add(severity::warning, "server_version", "the servers differ: " + listed(told),
               "finish the update: what a mixed cluster can do is what its oldest server can");
    if (told.empty() && !facts_.version.empty())
      tell(facts_.version, "");
    if (told.empty())
      version_by_level();
  }

  // From 2.11 on a server tells the level of its API, which is the line.
  void version_by_level() {
    if (!facts_.account)
      return out_.add_unknown(severity::info, "server_version", facts_.no_account,
                              "the examination may ask $JS.API.INFO if the user may publish to it");
    auto const level = facts_.account->api_level;
    if (level == 0 && config_.replicas() > 1)
      return out_.add(severity::critical, "server_version", "the server is older than 2.11, and does not tell more",
                      "before 2.10.20 several writers can win one version where there are replicas: let the user ask "
                      "$SYS.REQ.USER.INFO, or update");
    if (level < 4) // 2.14
      out_.add(severity::warning, "server_version",
               level == 0   ? "the server is older than 2.11, and does not tell more"
               : level == 1 ? "the server is of the line 2.11"
                            : "the server is of the line 2.12",
               "it gets no fixes any more, as the makers of nats-server mend its two newest lines: update, one server "
               "after the other");
  }

  std::optional<std::chrono::nanoseconds> interval_of(server_report const& r) const {
    if (r.sync_interval)
      return r.sync_interval;
    auto const version = parse_server_version(r.version);
    return version && *version < first_to_set_sync ? std::optional(fixed_sync) : std::nullopt;
  }

  void syncing() {
    if (config_.in_memory())
      return; // nothing is written
    std::vector<std::string> always, now_and_then, unknown;
    auto const take = [&](server_report const& r) {
      auto const interval = interval_of(r);
      if (r.syncs_always)
        always.push_back(r.name);
      else if (interval)
        now_and_then.push_back(duration_text(*interval) + " on " + r.name);
      else
        unknown.push_back(r.name + " does not tell");
    };
    for (auto const& name : names_)
      if (auto const* r = report_of(name))
        take(*r);
      else
        unknown.push_back(name + " was not heard");
    if (names_.empty())
      for (auto const& r : facts_.servers)
        if (keeps(r))
          take(r);
    bool const alone = config_.replicas() == 1;
    auto const level = alone ? severity::warning : severity::info;
    if (!now_and_then.empty())
      out_.add(level, "sync_interval", listed(now_and_then),
               alone ? "what was acknowledged within that time can be lost when the machine loses power or its kernel "
                       "crashes: set sync_interval: always (nats-server 2.10), or use three replicas on machines that "
                       "do not fail together"
                     : "what was acknowledged within that time can be lost when a majority of the machines loses power "
                       "at once: keep them apart, or set sync_interval: always");
    if (!always.empty())
      out_.add(severity::info, "sync_interval", "always on " + listed(always), "");
    if (!unknown.empty() || (always.empty() && now_and_then.empty()))
      out_.add_unknown(level, "sync_interval", unknown.empty() ? "no server was asked" : listed(unknown),
                       how_to_see_sync);
  }

  void room() {
    bool heard = false;
    for (auto const& r : facts_.servers) {
      if (!keeps(r))
        continue;
      heard = true;
      if (!config_.in_memory())
        out_.add_use(
            "server_storage", "the storage of server " + r.name, r.file,
            "a full server refuses saves (storage_full), and may need a restart afterwards: make room or raise "
            "max_file_store, not above what the disk has");
    }
    if (!heard && !config_.in_memory())
      out_.add_unknown(severity::info, "server_storage", "no server that keeps the stream was heard",
                       "look at `jetstream.stats` of a server's page /varz; the examination can see it there, or by a "
                       "connection of the system account");
  }

  doctor_facts const& facts_;
  settings_of const config_;
  finding_list& out_;
  std::vector<std::string> names_; // of the servers that keep the stream, as far as it is told
};

} // namespace

void judge_servers(doctor_facts const& facts, finding_list& out) { servers_judgement(facts, out).run(); }

} // namespace aether::nats::detail
