// Moving a stream: what is done next, and what is still missing.
#include "nats/move_machine.hpp"

#include "detail/utf8.hpp"
#include "nats/json_fields.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace aether::nats::detail {
namespace {

namespace json = boost::json;
using aether::detail::quoted;

json::object json_of(stream_placement const& p) {
  json::object o;
  if (!p.cluster.empty())
    o["cluster"] = p.cluster;
  if (!p.tags.empty())
    o["tags"] = json::array(p.tags.begin(), p.tags.end());
  return o;
}

std::vector<std::string> in_order(std::vector<std::string> tags) {
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  return tags;
}

/// The order of tags says nothing.
bool has_placement(json::object const& config, stream_placement const& wanted) {
  auto const* p = object_at(config, "placement");
  if (!p || string_at(*p, "cluster").value_or("") != wanted.cluster)
    return false;
  std::vector<std::string> tags;
  if (auto const* list = array_at(*p, "tags"))
    for (auto const& tag : *list)
      tags.emplace_back(tag.is_string() ? std::string_view(tag.get_string()) : std::string_view());
  return in_order(std::move(tags)) == in_order(wanted.tags);
}

std::string placement_text(json::object const& config) {
  auto const* p = config.if_contains("placement");
  return p && !p->is_null() ? json::serialize(*p) : std::string("none");
}

std::size_t replicas_of(stream_facts const& s) {
  return static_cast<std::size_t>(std::max<std::int64_t>(integer_at(s.config, "num_replicas").value_or(1), 1));
}

std::vector<stream_copy> copies_of(stream_facts const& s) {
  std::vector<stream_copy> all;
  if (!s.leader.empty()) {
    auto& leader = all.emplace_back();
    leader.server = s.leader;
    leader.leads = leader.is_current = leader.is_online = true;
  }
  for (auto const& one : s.copies) {
    auto& copy = all.emplace_back();
    copy.server = one.server;
    copy.is_current = one.current && one.lag == 0;
    copy.is_online = !one.offline;
    copy.behind = one.lag;
  }
  return all;
}

std::string text_of(std::vector<stream_copy> const& copies) {
  std::string text;
  for (auto const& c : copies) {
    text += (text.empty() ? "" : ", ") + c.server;
    if (c.leads)
      text += " (leads)";
    else if (!c.is_online)
      text += " (offline)";
    else if (!c.is_current)
      text += c.behind == 0 ? std::string(" (not up to date)") : " (" + std::to_string(c.behind) + " behind)";
  }
  return text.empty() ? "none" : text;
}

/// What keeps the stream from being on its servers and no other; empty: nothing does.
std::string unsettled(stream_facts const& s, std::vector<stream_copy> const& copies) {
  auto const wanted = replicas_of(s);
  auto const is_fit = [](stream_copy const& c) { return c.is_online && c.is_current; };
  bool const is_settled =
      !s.is_moving && !s.leader.empty() && copies.size() == wanted && std::all_of(copies.begin(), copies.end(), is_fit);
  if (is_settled)
    return {};
  std::string text = s.leader.empty() ? "it has no leader" : "its servers change";
  if (!s.leader.empty() && !s.is_moving && copies.size() == wanted)
    text = "not all of its servers are up to date";
  text += ": wanted " + std::to_string(wanted) + ", there are " + text_of(copies);
  if (!s.waits_for.empty())
    text += "; the server says: " + s.waits_for;
  return text;
}

} // namespace

move_machine::move_machine(std::string name, stream_placement wanted, time deadline, bool writers_are_stopped)
    : name_(std::move(name)), wanted_(std::move(wanted)), deadline_(deadline),
      writers_are_stopped_(writers_are_stopped) {
  progress_.missing = "it was not asked for yet";
}

move_step move_machine::fail(boost::system::error_code code, std::string const& why) const {
  move_step step;
  step.what = move_action::fail;
  step.failure.emplace(code, "moving stream " + quoted(name_) + ": " + why);
  return step;
}

move_step move_machine::refused_as(api_error const& refused) const {
  return fail(to_errc(refused), "placement " + json::serialize(json_of(wanted_)) + ": " + detail::text_of(refused));
}

move_step move_machine::look_again(std::string missing, time now) {
  progress_.missing = std::move(missing);
  if (now >= deadline_)
    return fail(errc::timed_out,
                "it has not ended in time, and goes on without anybody who waits: call again. " + progress_.missing);
  move_step step;
  step.what = move_action::look_soon;
  return step;
}

move_step move_machine::unanswered(std::string const& why, time now) {
  settled_since_.reset();
  return look_again("no answer: " + why, now);
}

move_step move_machine::seen(answer_of<stream_facts> const& answer, time now) {
  if (auto const* refused = std::get_if<api_error>(&answer)) {
    settled_since_.reset();
    if (refused->code != 0 && is_temporary(*refused))
      return look_again("no leader answers: " + detail::text_of(*refused), now);
    return refused_as(*refused);
  }
  auto const& s = std::get<stream_facts>(answer);
  if (s.name != name_)
    return fail(errc::protocol_error, "the answer is of another stream");
  if (s.cluster.empty())
    return fail(errc::not_enough_replicas, "its server is in no cluster: there is nowhere to move it");
  progress_.copies = copies_of(s);
  return has_placement(s.config, wanted_) ? wait_for_end(s, now) : wait_for_other(s, now);
}

move_step move_machine::wait_for_end(stream_facts const& s, time now) {
  other_since_.reset();
  was_seen_moving_ = was_seen_moving_ || s.is_moving || progress_.copies.size() > replicas_of(s);
  auto missing = unsettled(s, progress_.copies);
  if (missing.empty() && !wanted_.cluster.empty() && s.cluster != wanted_.cluster)
    missing = "its leader is in cluster " + quoted(s.cluster) + " still";
  if (!missing.empty()) {
    settled_since_.reset();
    return look_again(std::move(missing), now);
  }
  if (!settled_since_)
    settled_since_ = now;
  if (!was_seen_moving_ && now - *settled_since_ < has_settled)
    return look_again("it is where it should be, if it stays there", now);
  progress_.missing.clear();
  move_step step;
  step.what = move_action::end;
  return step;
}

move_step move_machine::wait_for_other(stream_facts const& s, time now) {
  settled_since_.reset();
  if (progress_.was_asked) {
    if (!other_since_)
      other_since_ = now;
    auto const what = "its placement is " + placement_text(s.config);
    if (now - *other_since_ >= may_be_late)
      return fail(errc::stream_settings_differ,
                  what + ", which somebody else has set meanwhile; wanted " + json::serialize(json_of(wanted_)));
    return look_again(what + " still", now);
  }
  // Copies that are behind or offline are no reason to wait: to leave a dead server is a reason to move.
  if (s.is_moving || progress_.copies.size() > replicas_of(s))
    return look_again("an earlier move has to end first: " + unsettled(s, progress_.copies), now);
  if (now >= deadline_)
    return look_again(progress_.missing, now);
  if (replicas_of(s) == 1 && !writers_are_stopped_)
    return fail(errc::invalid_argument,
                "it has one replica: while it moves, servers were seen to lose what they acknowledged. Stop whoever "
                "writes to it and say so (move_options::writers_are_stopped), or give it replicas first");
  move_step step;
  step.what = move_action::update;
  step.config = s.config;
  step.config["placement"] = json_of(wanted_);
  return step;
}

move_step move_machine::updated(std::optional<api_error> const& refused, time now) {
  if (!refused) {
    progress_.was_asked = true;
    return look_again("the servers were asked for it", now);
  }
  bool const is_busy = refused->err_code == js_code::move_in_progress || //
                       refused->err_code == js_code::change_in_progress;
  if (is_busy || (refused->code != 0 && is_temporary(*refused)))
    return look_again("the server does not take it now: " + detail::text_of(*refused), now);
  return refused_as(*refused);
}

} // namespace aether::nats::detail
