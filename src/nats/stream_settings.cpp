// The settings of a store's stream: what is asked for, how an existing stream differs, and what can be mended.
#include "nats/stream_settings.hpp"

#include "detail/utf8.hpp"
#include "nats/duration_text.hpp"
#include "nats/json_fields.hpp"
#include "nats/subjects.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace aether::nats::detail {
namespace {

namespace json = boost::json;
using aether::detail::quoted;

constexpr int record_version = 1;

constexpr char const* text_of(nats::subject_encoding e) noexcept {
  return e == nats::subject_encoding::percent ? "percent" : "underscore";
}

/// What a setting is when the server leaves it out of its answer; durations and limits are 0.
json::value value_at(json::object const& config, std::string_view name, json::value otherwise) {
  auto const* v = config.if_contains(name);
  return v ? *v : std::move(otherwise);
}

std::string duration_of(json::value const& v, bool zero_is_forever) {
  auto const* i = v.if_int64();
  if (!i)
    return json::serialize(v);
  return *i == 0 && zero_is_forever ? duration_text(retention::forever) : duration_text(std::chrono::nanoseconds(*i));
}

std::string limit_of(json::value const& v) {
  auto const* i = v.if_int64();
  return i && *i <= 0 ? std::string("unlimited") : json::serialize(v);
}

/// Whether every subject that `filter` matches is matched by `by` too.
bool covers(std::string_view by, std::string_view filter) noexcept {
  for (;;) {
    std::size_t const by_dot = by.find('.');
    std::size_t const filter_dot = filter.find('.');
    std::string_view const by_token = by.substr(0, by_dot);
    std::string_view const token = filter.substr(0, filter_dot);
    if (by_token == ">")
      return true;
    if (token == ">" || (by_token != "*" && by_token != token))
      return false;
    if (by_dot == std::string_view::npos || filter_dot == std::string_view::npos)
      return by_dot == filter_dot;
    by.remove_prefix(by_dot + 1);
    filter.remove_prefix(filter_dot + 1);
  }
}

/// Collects how one configuration differs from the one asked for.
class comparison {
public:
  comparison(wanted_stream const& wanted, json::object const& actual) : wanted_(wanted), actual_(actual) {}

  std::vector<difference> run() {
    record();
    subjects();
    made_otherwise();
    kept_otherwise();
    can_do_less();
    std::vector<difference> sorted;
    for (auto const kind : {difference_kind::unusable, difference_kind::differs, difference_kind::upgrade})
      for (auto& d : found_)
        if (d.kind == kind)
          sorted.push_back(std::move(d));
    return sorted;
  }

private:
  void add(difference_kind kind, std::string_view setting, std::string wanted, std::string actual,
           std::optional<json::value> mend = std::nullopt) {
    difference d;
    d.kind = kind;
    d.setting = setting;
    d.wanted = std::move(wanted);
    d.actual = std::move(actual);
    d.mend = std::move(mend);
    found_.push_back(std::move(d));
  }

  void record() {
    std::string const description(string_at(actual_, "description").value_or(""));
    std::string const ours = description_of(wanted_.record);
    stream_record found;
    switch (parse_description(description, found)) {
    case record_state::none: {
      // Another library's own words are left alone; an empty description can take the record.
      auto mend = description.empty() ? std::optional<json::value>(ours) : std::nullopt;
      add(difference_kind::differs, "description", ours, quoted(description), std::move(mend));
      break;
    }
    case record_state::broken:
      add(difference_kind::unusable, "description", ours, description);
      break;
    case record_state::read:
      if (found != wanted_.record)
        add(difference_kind::unusable, "description", ours, description);
      break;
    }
  }

  void subjects() {
    auto const* actual = array_at(actual_, "subjects");
    auto const& wanted = wanted_.config.at("subjects").as_array();
    bool const covered = std::all_of(wanted.begin(), wanted.end(), [&](json::value const& w) {
      return actual && std::any_of(actual->begin(), actual->end(), [&](json::value const& a) {
               return a.is_string() && covers(a.get_string(), w.get_string());
             });
    });
    std::string const shown = actual ? json::serialize(*actual) : std::string("none");
    if (!covered)
      add(difference_kind::unusable, "subjects", json::serialize(wanted), shown);
    else if (actual->size() != wanted.size() || !std::is_permutation(actual->begin(), actual->end(), wanted.begin()))
      add(difference_kind::differs, "subjects", json::serialize(wanted), shown);
  }

  // With one of these a save is never stored, never acknowledged, or not under its own subject.
  void made_otherwise() {
    auto const flag = [&](std::string_view name) {
      if (auto const v = value_at(actual_, name, false); v != json::value(false))
        add(difference_kind::unusable, name, "false", json::serialize(v));
    };
    auto const absent = [&](std::string_view name) {
      if (auto const* v = actual_.if_contains(name); v && !v->is_null())
        add(difference_kind::unusable, name, "none", json::serialize(*v));
    };
    if (auto const v = value_at(actual_, "retention", "limits"); v != json::value("limits"))
      add(difference_kind::unusable, "retention", "\"limits\"", json::serialize(v));
    flag("sealed");
    flag("no_ack");
    flag("allow_msg_counter");
    absent("mirror");
    absent("subject_transform");
  }

  void duration(std::string_view name, bool zero_is_forever) {
    json::value const& wanted = wanted_.config.at(name);
    auto const actual = value_at(actual_, name, 0);
    if (actual != wanted)
      add(difference_kind::differs, name, duration_of(wanted, zero_is_forever), duration_of(actual, zero_is_forever));
  }

  void limit(std::string_view name) {
    auto const wanted = value_at(wanted_.config, name, -1);
    auto const actual = value_at(actual_, name, -1);
    if (limit_of(actual) != limit_of(wanted))
      add(difference_kind::differs, name, limit_of(wanted), limit_of(actual));
  }

  // With these events are kept for less long, in fewer places, or other than asked for.
  void kept_otherwise() {
    auto const same = [&](std::string_view name, json::value const& wanted) {
      if (auto const actual = value_at(actual_, name, wanted); actual != wanted)
        add(difference_kind::differs, name, json::serialize(wanted), json::serialize(actual));
    };
    same("storage", "file");
    same("num_replicas", wanted_.config.at("num_replicas"));
    duration("max_age", true);
    duration("duplicate_window", false);
    limit("max_bytes");
    limit("max_msgs");
    limit("max_msgs_per_subject");
    limit("max_msg_size");
    limit("max_consumers");
    if (wanted_.config.contains("max_bytes") || drops_something())
      same("discard", "new");
    same("discard_new_per_subject", false);
    same("allow_rollup_hdrs", false);
    same("allow_msg_ttl", false);
    same("allow_msg_schedules", false);
    same("persist_mode", "default");
    if (auto const ttl = value_at(actual_, "subject_delete_marker_ttl", 0); ttl != json::value(0))
      add(difference_kind::differs, "subject_delete_marker_ttl", "none", duration_of(ttl, false));
    if (auto const* sources = actual_.if_contains("sources"); sources && !sources->is_null())
      add(difference_kind::differs, "sources", "none", json::serialize(*sources));
  }

  bool drops_something() const {
    return limit_of(value_at(actual_, "max_bytes", -1)) != "unlimited" ||
           limit_of(value_at(actual_, "max_msgs", -1)) != "unlimited";
  }

  // What is off and can be turned on for an existing stream.
  void can_do_less() {
    bool const rollup = value_at(actual_, "allow_rollup_hdrs", false) != json::value(false);
    auto const on = [&](std::string_view name, difference_kind kind, bool can_be_set) {
      auto const actual = value_at(actual_, name, false);
      if (actual != json::value(true))
        add(kind, name, "true", json::serialize(actual), can_be_set ? std::optional<json::value>(true) : std::nullopt);
    };
    on("allow_direct", difference_kind::differs, true);
    on("deny_delete", difference_kind::differs, true);
    on("deny_purge", difference_kind::differs, !rollup); // a server takes only one of the two
    if (wanted_.config.contains("allow_atomic"))
      on("allow_atomic", difference_kind::upgrade, true);
  }

  wanted_stream const& wanted_;
  json::object const& actual_;
  std::vector<difference> found_;
};

} // namespace

std::string description_of(stream_record const& r) {
  json::object o{{"aether", record_version},
                 {"namespace", r.name_space},
                 {"stream", r.stream_name},
                 {"encoding", text_of(r.encoding)}};
  if (auto const& l = r.layout) {
    json::object layout{
        {"store", l->store}, {"streams", l->streams}, {"index", l->index}, {"hash", l->hash}, {"version", l->version}};
    if (l->adding != 0)
      layout["adding"] = l->adding;
    o["layout"] = std::move(layout);
  }
  return json::serialize(o);
}

namespace {

std::optional<stream_layout> read_layout(json::value const& from) {
  auto const* o = from.if_object();
  auto const store = o ? string_at(*o, "store") : std::nullopt;
  auto const hash = o ? string_at(*o, "hash") : std::nullopt;
  if (!store || !hash)
    return std::nullopt;
  auto const streams = unsigned_at(*o, "streams"), index = unsigned_at(*o, "index");
  auto const version = integer_at(*o, "version");
  auto const adding = o->contains("adding") ? unsigned_at(*o, "adding") : std::optional<std::uint64_t>(0);
  if (!streams || !index || !version || !adding || *index >= *streams || *version < 1)
    return std::nullopt;
  stream_layout layout;
  layout.store = *store;
  layout.streams = static_cast<std::size_t>(*streams);
  layout.index = static_cast<std::size_t>(*index);
  layout.hash = *hash;
  layout.version = *version;
  layout.adding = static_cast<std::size_t>(*adding);
  return layout;
}

/// What a stream is, for people.
std::string text_of(std::optional<stream_layout> const& l) {
  if (!l)
    return "a store of its own";
  auto text = "stream " + std::to_string(l->index) + " of the " + std::to_string(l->streams) + " of sharded store " +
              quoted(l->store) + " (hash " + l->hash + ", version " + std::to_string(l->version) + ")";
  if (l->adding != 0)
    text += ", to which streams are being added until there are " + std::to_string(l->adding);
  return text;
}

} // namespace

record_state parse_description(std::string_view description, stream_record& out) {
  boost::system::error_code ec;
  json::value const v = json::parse(json::string_view(description.data(), description.size()), ec);
  auto const* o = ec ? nullptr : v.if_object();
  if (!o || !o->contains("aether"))
    return record_state::none;
  auto const name_space = string_at(*o, "namespace");
  auto const stream = string_at(*o, "stream");
  auto const encoding = string_at(*o, "encoding");
  bool const percent = encoding == text_of(nats::subject_encoding::percent);
  if (integer_at(*o, "aether") != record_version || !name_space || !stream || !encoding ||
      (!percent && encoding != text_of(nats::subject_encoding::underscore)))
    return record_state::broken;
  out.name_space = *name_space;
  out.stream_name = *stream;
  out.encoding = percent ? nats::subject_encoding::percent : nats::subject_encoding::underscore;
  out.layout.reset();
  if (auto const* layout = o->if_contains("layout")) {
    out.layout = read_layout(*layout);
    if (!out.layout)
      return record_state::broken;
  }
  return record_state::read;
}

wanted_stream make_wanted(jetstream_config const& config, std::string_view stream_name, bool atomic_batches,
                          std::optional<stream_layout> const& layout) {
  wanted_stream w;
  w.name = full_stream_name(config.name_space, stream_name);
  w.record.name_space = config.name_space;
  w.record.stream_name = stream_name;
  w.record.encoding = config.subject_encoding;
  w.record.layout = layout;
  subject_map const subjects(w.name, config.subject_encoding);
  w.config["name"] = w.name;
  w.config["description"] = description_of(w.record);
  w.config["subjects"] = json::array{json::value(subjects.events_filter()), json::value(subjects.snapshots_filter())};
  w.config["retention"] = "limits";
  w.config["storage"] = "file";
  w.config["max_age"] = config.stream_retention == retention::forever ? 0 : config.stream_retention.count();
  w.config["num_replicas"] = config.replica_count;
  w.config["duplicate_window"] = config.duplicate_window.count();
  w.config["allow_direct"] = true;
  w.config["deny_delete"] = true;
  w.config["deny_purge"] = true;
  if (config.max_stream_bytes != 0) {
    w.config["max_bytes"] = static_cast<std::int64_t>(config.max_stream_bytes);
    w.config["discard"] = "new";
  }
  if (atomic_batches)
    w.config["allow_atomic"] = true;
  if (!config.placement.empty()) {
    json::object placement;
    if (!config.placement.cluster.empty())
      placement["cluster"] = config.placement.cluster;
    if (!config.placement.tags.empty())
      placement["tags"] = json::array(config.placement.tags.begin(), config.placement.tags.end());
    w.config["placement"] = std::move(placement);
  }
  return w;
}

std::vector<difference> compare(wanted_stream const& wanted, boost::json::object const& actual) {
  return comparison(wanted, actual).run();
}

std::optional<error> refusal(wanted_stream const& wanted, std::vector<difference> const& differences,
                             existing_stream on_existing) {
  bool unusable = false;
  std::string list;
  for (auto const& d : differences) {
    if (d.kind == difference_kind::upgrade ||
        (d.kind == difference_kind::differs && on_existing == existing_stream::adopt))
      continue;
    unusable = unusable || d.kind == difference_kind::unusable;
    list += list.empty() ? "" : "; ";
    list += d.setting + " is " + d.actual + ", wanted " + d.wanted;
  }
  if (list.empty())
    return std::nullopt;

  auto const& record = differences.front();
  stream_record found;
  if (record.setting == "description" && record.kind == difference_kind::unusable &&
      parse_description(record.actual, found) == record_state::read &&
      (found.name_space != wanted.record.name_space || found.stream_name != wanted.record.stream_name))
    return error(errc::stream_of_another,
                 "stream " + quoted(wanted.name) + " was made for namespace " + quoted(found.name_space) +
                     " and stream name " + quoted(found.stream_name) + ", wanted namespace " +
                     quoted(wanted.record.name_space) + " and stream name " + quoted(wanted.record.stream_name) +
                     ": open it as that pair, or choose another name");

  if (record.setting == "description" && record.kind == difference_kind::unusable &&
      parse_description(record.actual, found) == record_state::read && found.layout != wanted.record.layout)
    return error(errc::stream_settings_differ, "stream " + quoted(wanted.name) + " was made as " +
                                                   text_of(found.layout) + ", wanted " + text_of(wanted.record.layout) +
                                                   ": open what it was made as, or choose another name");

  std::string ways = unusable ? "give the store another stream name, or mend the stream"
                              : "ask for what the stream has, change the stream with the nats tool, give the store "
                                "another stream name, or take it as it is with on_existing = adopt";
  return error(errc::stream_settings_differ,
               "stream " + quoted(wanted.name) + " has other settings: " + list + ". Ways out: " + ways);
}

std::optional<boost::json::object> mended(boost::json::object const& actual,
                                          std::vector<difference> const& differences) {
  std::optional<boost::json::object> config;
  for (auto const& d : differences)
    if (d.mend) {
      if (!config)
        config = actual;
      (*config)[d.setting] = *d.mend;
    }
  return config;
}

jetstream_config taken_after(boost::json::object const& actual, jetstream_config config) {
  auto const number = [&](char const* name) { return integer_at(actual, name).value_or(0); };
  if (config.stream_retention.count() == 0) {
    std::chrono::nanoseconds const max_age(number("max_age"));
    config.stream_retention = max_age.count() == 0 ? retention::forever : max_age;
  }
  if (config.replica_count == 0)
    config.replica_count = static_cast<int>(number("num_replicas"));
  if (config.max_stream_bytes == 0)
    config.max_stream_bytes = static_cast<std::size_t>(std::max<std::int64_t>(number("max_bytes"), 0));
  if (config.duplicate_window.count() == 0)
    config.duplicate_window = std::chrono::nanoseconds(number("duplicate_window"));
  return config;
}

std::vector<weakened_setting> weakened(std::vector<difference> const& differences) {
  std::vector<weakened_setting> list;
  for (auto const& d : differences)
    if (d.kind != difference_kind::upgrade)
      list.emplace_back(d.setting, d.wanted, d.actual);
  return list;
}

} // namespace aether::nats::detail
