// What is risky about a stream's settings.
#include "nats/config_defaults.hpp"
#include "nats/doctor_rules.hpp"
#include "nats/duration_text.hpp"
#include "nats/json_fields.hpp"
#include "nats/stream_settings.hpp"
#include "nats/subjects.hpp"

#include <aether/json.hpp>

#include <boost/json/serialize.hpp>

#include <algorithm>

namespace aether::nats::detail {
namespace {

using namespace std::chrono_literals;

/// Of ids that the server keeps in memory, and reads from its files again when it starts.
constexpr std::chrono::nanoseconds long_window = 15min;

class settings_judgement {
public:
  settings_judgement(doctor_facts const& facts, finding_list& out)
      : facts_(facts), config_(facts.stream.config), out_(out) {}

  void run() {
    unusable();
    copies_wanted();
    storage();
    age();
    limits();
    removal();
    foreign_messages();
    duplicates();
    abilities();
  }

private:
  void add(severity level, std::string_view check, std::string found, std::string advice) {
    out_.add(level, check, std::move(found), std::move(advice));
  }

  /// The stream as this library would make it, for whom its record says, else for the Go library's encoding.
  wanted_stream wanted(record_state has_record, stream_record const& record) const {
    jetstream_config config;
    std::string stream = facts_.stream.name;
    auto const names_it = record.name_space.empty() ? record.stream_name : record.name_space + '_' + record.stream_name;
    if (has_record != record_state::read || record.stream_name.empty() || names_it != stream) {
      config.subject_encoding = subject_encoding::underscore;
    } else {
      config.name_space = record.name_space;
      config.subject_encoding = record.encoding;
      stream = record.stream_name;
    }
    return make_wanted(resolved(config), stream, false, record.layout); // a part of a sharded store is one as well
  }

  // What opening the store refuses is told by the rules that refuse it.
  void unusable() {
    stream_record record;
    auto const description = string_at(facts_.stream.config, "description").value_or("");
    auto const has_record = parse_description(description, record);
    if (has_record == record_state::none)
      add(severity::info, "description", "the stream has no record of this library",
          "it opens with on_existing = adopt, and subject_encoding::underscore if the Go library writes it too");
    for (auto const& d : compare(wanted(has_record, record), facts_.stream.config))
      if (d.kind == difference_kind::unusable)
        add(severity::critical, d.setting, d.setting + " is " + d.actual + ", not " + d.wanted,
            "the stream cannot be opened as it is: give the store another stream, or mend this one");
  }

  void copies_wanted() {
    auto const replicas = config_.replicas();
    if (replicas == 1)
      add(severity::warning, "num_replicas", "1 replica: one server holds the only copy",
          "while that server is down nothing can be saved or read, and with its disk every event is lost: raise "
          "num_replicas to 3 in a cluster of three servers or more, else make backups");
    else if (replicas % 2 == 0)
      add(severity::warning, "num_replicas", std::to_string(replicas) + " replicas, an even number",
          "saving needs a majority of them, so it stops as soon as with one replica less: use 3 or 5");
  }

  void storage() {
    if (config_.in_memory())
      add(severity::critical, "storage", "the stream is kept in memory",
          "its events end with the server, and with every server of a majority: copy them to a stream in files");
    if (config_.text("persist_mode", "default") != "default")
      add(severity::critical, "persist_mode", "persist_mode is " + config_.text("persist_mode", ""),
          "events are acknowledged before they are written, and are lost when the server is killed: make the stream "
          "with the default");
  }

  // A stream whose events have a year to live is in order until the year is over.
  void age() {
    std::chrono::nanoseconds const limit(config_.number("max_age"));
    if (limit <= 0ns)
      return;
    auto const kept = "events are deleted when they are " + duration_text(limit) + " old";
    std::string const advice = "what an actor's first events said is gone with them: raise max_age (stream_retention; "
                               "retention::forever), or copy what has to stay before";
    auto const first = facts_.stream.first_time;
    auto const old = facts_.now - (limit - limit / 10); // no overflow, whatever a server tells
    if (facts_.stream.first_sequence > 1)
      add(severity::warning, "max_age",
          kept + "; the first " + std::to_string(facts_.stream.first_sequence - 1) + " messages are gone", advice);
    else if (first != time_point{} && first <= old)
      add(severity::warning, "max_age", kept + "; the oldest is from " + format_time(first), advice);
    else
      add(severity::info, "max_age", kept,
          "raise it in time (stream_retention; retention::forever) if they are to stay");
  }

  /// `used`: of the limit, where the server tells it.
  void limit(std::string_view name, std::string const& amount, std::uint64_t used) {
    auto const most = config_.number(name);
    if (most <= 0)
      return;
    if (config_.drops_old()) {
      add(severity::critical, name, "the stream keeps at most " + amount + ", and drops the oldest events for new ones",
          "histories lose their beginning without a word: take the limit away, or set discard to new, so that a full "
          "stream refuses saves");
      return;
    }
    storage_use use;
    use.used = used;
    use.limit = most;
    out_.add_use(name, "its limit of " + amount, use, "a full stream refuses saves (storage_full): raise the limit");
  }

  void limits() {
    auto const count = [&](std::string_view name) { return std::to_string(config_.number(name)); };
    limit("max_bytes", bytes_text(static_cast<std::uint64_t>(std::max<std::int64_t>(0, config_.number("max_bytes")))),
          facts_.stream.bytes);
    limit("max_msgs", count("max_msgs") + " messages", facts_.stream.messages);
    if (config_.number("max_msgs_per_subject") > 0) {
      bool const refuses = !config_.drops_old() && config_.flag("discard_new_per_subject");
      add(refuses ? severity::warning : severity::critical, "max_msgs_per_subject",
          "an actor has at most " + count("max_msgs_per_subject") +
              (refuses ? " events, then saves are refused" : " events: the next one deletes its oldest"),
          "take the limit away: an actor's state is what all of its events say");
    }
    if (config_.number("max_msg_size") > 0)
      add(severity::info, "max_msg_size", "messages have at most " + count("max_msg_size") + " bytes",
          "larger events are refused: keep large data elsewhere, and its address in the event");
    if (auto const most = config_.number("max_consumers"); most > 0) {
      storage_use use;
      use.used = facts_.stream.consumers;
      use.limit = most;
      out_.add_use("max_consumers", "its limit of " + count("max_consumers") + " consumers", use,
                   "subscriptions, groups and readers need consumers: take the limit away");
    }
  }

  void removal() {
    if (!config_.flag("deny_delete"))
      add(severity::warning, "deny_delete", "single messages can be deleted",
          "set deny_delete; opening the store with create and on_existing = adopt does it");
    if (!config_.flag("deny_purge"))
      add(severity::warning, "deny_purge", "the stream can be purged",
          "set deny_purge; opening the store with create and on_existing = adopt does it, unless rollups are allowed");
    if (config_.flag("allow_rollup_hdrs"))
      add(severity::warning, "allow_rollup_hdrs", "a message with the header Nats-Rollup deletes all before it",
          "any writer can erase an actor or the stream with one message: set allow_rollup_hdrs to false");
    if (config_.flag("allow_msg_ttl"))
      add(severity::warning, "allow_msg_ttl", "messages may carry a time to live of their own",
          "an event of a writer that sets Nats-TTL disappears alone: this library sets none, let nobody else write");
    if (auto const ttl = config_.number("subject_delete_marker_ttl"); ttl > 0)
      add(severity::warning, "subject_delete_marker_ttl", "the server writes markers where an actor's events expired",
          "markers are no events, and are reported as malformed: set subject_delete_marker_ttl to 0");
  }

  void foreign_messages() {
    auto const* sources = array_at(facts_.stream.config, "sources");
    if (sources && !sources->empty())
      add(severity::warning, "sources", "messages of " + std::to_string(sources->size()) + " other streams come in",
          "they come without an expectation, so that two events can have one version: write to one stream only");
    if (config_.flag("allow_msg_schedules"))
      add(severity::warning, "allow_msg_schedules", "messages may be stored for later",
          "a scheduled message is no event, and is reported as malformed: set allow_msg_schedules to false");
  }

  void duplicates() {
    std::chrono::nanoseconds const window(config_.number("duplicate_window"));
    auto const text = "ids are remembered for " + duration_text(window);
    if (window < facts_.operation_timeout)
      add(severity::info, "duplicate_window", text + ", less than a call's " + duration_text(facts_.operation_timeout),
          "no event is stored twice for that; only that one id was used for two events may go unnoticed. Let the "
          "window be as long as operation_timeout at least");
    else if (window > long_window)
      add(severity::info, "duplicate_window", text,
          "the server keeps every id of that time in memory (some 250 bytes each), and reads them again when it starts "
          "(seconds for a million): 2 minutes are enough, as no promise rests on it");
  }

  void abilities() {
    if (!config_.flag("allow_direct"))
      add(severity::info, "allow_direct", "direct get is off",
          "histories are read through consumers of the leader, which takes longer: set allow_direct");
    bool const known = facts_.account.has_value();
    if (config_.flag("allow_atomic"))
      return;
    if (known && facts_.account->api_level >= 2)
      add(severity::info, "allow_atomic", "atomic batches are off, and the server has them",
          "save_events with more than one event ends as batch_not_supported: open the store once with create, which "
          "turns them on");
    else if (known)
      add(severity::info, "allow_atomic", "the server has no atomic batches",
          "save_events with more than one event ends as batch_not_supported: they need nats-server 2.12.1");
    else
      add(severity::info, "allow_atomic", "atomic batches are off",
          "save_events with more than one event ends as batch_not_supported");
  }

  doctor_facts const& facts_;
  settings_of const config_;
  finding_list& out_;
};

} // namespace

void judge_settings(doctor_facts const& facts, finding_list& out) { settings_judgement(facts, out).run(); }

} // namespace aether::nats::detail
