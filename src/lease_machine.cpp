// A node's lease on its name, and what it knows of the others'.
#include "lease_machine.hpp"

#include <algorithm>
#include <utility>

namespace aether::detail {
namespace {

constexpr std::size_t max_unanswered = 16;

lease_action lease_action_of(lease_step what) {
  lease_action a;
  a.what = what;
  return a;
}

} // namespace

lease_machine::lease_machine(settings s, time now)
    : s_(std::move(s)), state_(s_.observes ? placement_state::observing : placement_state::joining), renew_at_(now),
      retry_at_(now), list_at_(now) {}

// What only time brings: this node's lease lapses, and the others' end.
void lease_machine::expire(time now) {
  if (state_ == placement_state::live && now >= owned_until_) {
    state_ = placement_state::lapsed;
    is_listed_ = false; // it is to know the others before it owns anything again
  }
  std::erase_if(peers_, [&](auto const& entry) {
    peer const& p = entry.second;
    if (now < p.seen_at + s_.lease)
      return false;
    dead_[entry.first] = {p.bucket, p.sequence};
    return true;
  });
}

lease_machine::time lease_machine::wake_at() const {
  auto at = list_at_;
  if (!s_.observes && !leaves_)
    at = std::min(at, foreign_ ? foreign_->look_at : renew_at_);
  return at;
}

lease_action lease_machine::write(time now) {
  auto a = lease_action_of(lease_step::write);
  a.expected = expected_;
  a.renewal = ++renewal_;
  sent_[a.renewal] = now;
  if (sent_.size() > max_unanswered)
    sent_.erase(sent_.begin());
  return a;
}

lease_action lease_machine::next(time now) {
  expire(now);
  if (leaves_ && (now >= leave_by_ || (!holds_ && sent_.empty())))
    end(placement_state::left);
  if (state_ == placement_state::left || state_ == placement_state::name_taken)
    return lease_action_of(lease_step::stop);
  auto wait = lease_action_of(lease_step::wait);
  bool const is_due = !is_open_ || !is_listed_ || leaves_ || (!s_.observes && !is_known_);
  wait.until = std::max(is_due ? now : wake_at(), retry_at_);
  if (state_ == placement_state::live)
    wait.until = std::min(wait.until, owned_until_);
  for (auto const& [name, p] : peers_)
    wait.until = std::min(wait.until, p.seen_at + s_.lease);
  if (now < retry_at_)
    return wait;
  if (!is_open_)
    return lease_action_of(lease_step::open);
  if (leaves_) {
    if (!is_known_)
      return lease_action_of(lease_step::read);
    auto mark = lease_action_of(lease_step::mark);
    mark.expected = expected_;
    return mark;
  }
  if (!is_listed_)
    return lease_action_of(lease_step::list);
  if (!s_.observes) {
    if (!is_known_)
      return lease_action_of(lease_step::read);
    if (foreign_ && now >= foreign_->since + s_.lease) { // nobody renews it, and the server will forget it
      expected_ = foreign_->sequence;
      foreign_.reset();
      return write(now);
    }
    if (foreign_ && now >= foreign_->look_at)
      return lease_action_of(lease_step::read);
    if (!foreign_ && now >= renew_at_)
      return write(now);
  }
  if (now >= list_at_)
    return lease_action_of(lease_step::list);
  return wait;
}

void lease_machine::end(placement_state how) {
  if (state_ == placement_state::left || state_ == placement_state::name_taken)
    return;
  state_ = how;
  holds_ = false;
  peers_.clear();
  dead_.clear();
}

void lease_machine::opened(std::string identity, time now) {
  is_open_ = true;
  if (bucket_ == identity)
    return;
  bucket_ = std::move(identity);
  list_at_ = now;
}

void lease_machine::failed(time now) { retry_at_ = now + s_.lease / 24; }

void lease_machine::read(std::optional<kept_record> found, time now) {
  if (found && !found->is_mark && found->value.node.incarnation != s_.self.incarnation)
    return found_foreign(*found, now);
  foreign_.reset();
  is_known_ = true;
  if (found && !found->is_mark)
    return found_own(*found, now);
  expected_ = found ? found->sequence : 0;
  holds_ = false;
  renew_at_ = now;
  if (!found && ever_held_)
    is_open_ = leaves_; // it ended, or the bucket was made anew: whose the others are is to be looked at
  sent_.clear();        // what was sent before is not stored, or is no more
}

// A write that was not answered, or refused because an earlier one was stored.
void lease_machine::found_own(kept_record const& found, time now) {
  expected_ = found.sequence;
  holds_ = ever_held_ = true;
  count_from(found.value.renewal, now);
}

void lease_machine::found_foreign(kept_record const& found, time now) {
  other_incarnation_ = found.value.node.incarnation;
  holds_ = false;
  sent_.clear();
  if (leaves_)
    return;
  is_known_ = true;
  if (ever_held_ || (foreign_ && foreign_->sequence != found.sequence))
    return end(placement_state::name_taken);
  if (!foreign_)
    foreign_.emplace(found.sequence, now);
  foreign_->look_at = now + s_.lease / 12;
}

// The lease counts from when the renewal was sent: the server stored it later.
void lease_machine::count_from(std::uint64_t renewal, time now) {
  auto const sent = sent_.find(renewal);
  if (sent != sent_.end()) {
    owned_until_ = std::max(owned_until_, sent->second + s_.lease * 2 / 3);
    renew_at_ = sent->second + s_.lease / 4;
    sent_.erase(sent_.begin(), std::next(sent));
  } else {
    renew_at_ = now;
  }
  revive(now);
}

void lease_machine::revive(time now) {
  if (!leaves_ && holds_ && is_listed_ && now < owned_until_)
    state_ = placement_state::live;
}

void lease_machine::stored(std::uint64_t renewal, std::uint64_t sequence, time now) {
  refusals_ = 0;
  expected_ = sequence;
  if (renewal == 0) { // the mark
    holds_ = false;
    sent_.clear();
    return;
  }
  if (!ever_held_)
    list_at_ = now; // others that joined at the same moment
  holds_ = ever_held_ = true;
  count_from(renewal, now);
}

void lease_machine::refused(time now) {
  is_known_ = false;
  if (++refusals_ > 1)
    failed(now);
}

void lease_machine::unanswered(time now) {
  renew_at_ = now;
  is_known_ = is_known_ && !leaves_;
  is_open_ = false; // nobody says so of a bucket that is gone, as the others listen to its subjects
  failed(now);
}

void lease_machine::no_bucket(time now) {
  is_open_ = false;
  is_known_ = false;
  failed(now);
}

void lease_machine::listed(std::vector<kept_record> const& all, time began, time now) {
  auto is_complete = true;
  if (state_ == placement_state::live) {
    auto const own = std::find_if(all.begin(), all.end(), [&](auto const& r) {
      return r.value.node.name == s_.self.name && r.value.node.incarnation == s_.self.incarnation;
    });
    // Without this node's own key it says nothing of the others': the bucket was made anew, or somebody wrote there.
    is_complete = own != all.end();
    if (!is_complete) {
      is_open_ = is_known_ = false;
      renew_at_ = now;
    }
  }
  for (auto const& r : all) {
    auto const& name = r.value.node.name;
    if (name == s_.self.name)
      continue;
    if (r.is_mark) {
      auto const left = peers_.find(name);
      if (left != peers_.end() && left->second.heard_at < began)
        peers_.erase(left);
      continue;
    }
    auto const known = peers_.find(name);
    if (known == peers_.end() && (peers_.size() + 1 >= max_nodes || is_dead(r)))
      continue;
    dead_.erase(name);
    auto& p = known != peers_.end() ? known->second : peers_[name];
    if (p.node.incarnation != r.value.node.incarnation || p.sequence != r.sequence || p.bucket != bucket_) {
      p.node = r.value.node;
      p.renewal = r.value.renewal;
      p.seen_at = now;
    }
    p.sequence = r.sequence;
    p.bucket = bucket_;
  }
  if (is_complete)
    std::erase_if(peers_, [&](auto const& entry) {
      peer const& p = entry.second;
      auto const is_there = [&](auto const& r) { return !r.is_mark && r.value.node.name == entry.first; };
      return p.bucket == bucket_ && p.heard_at < began && std::none_of(all.begin(), all.end(), is_there);
    });
  std::erase_if(dead_, [&](auto const& entry) {
    return std::none_of(all.begin(), all.end(), [&](auto const& r) { return r.value.node.name == entry.first; });
  });
  is_listed_ = true;
  list_at_ = hinted_at_ && *hinted_at_ >= began ? now : now + s_.lease / 2;
  hinted_at_.reset();
  revive(now);
}

void lease_machine::hint(time now) {
  hinted_at_ = now;
  list_at_ = now;
}

// The server has not forgotten it yet.
bool lease_machine::is_dead(kept_record const& r) const {
  auto const found = dead_.find(r.value.node.name);
  return found != dead_.end() && found->second.bucket == bucket_ && found->second.sequence == r.sequence;
}

void lease_machine::reconnected(time now) {
  is_open_ = false;
  list_at_ = now;
}

void lease_machine::heard(node_record const& r, time now) {
  if (r.node.name == s_.self.name) {
    if (r.node.incarnation != s_.self.incarnation && !foreign_)
      is_known_ = false;
    return;
  }
  auto const known = peers_.find(r.node.name);
  if (known == peers_.end() || known->second.node.incarnation != r.node.incarnation)
    return hint(now);
  auto& p = known->second;
  if (r.renewal <= p.renewal)
    return;
  p.renewal = r.renewal;
  p.seen_at = p.heard_at = now;
}

void lease_machine::heard_mark(std::string_view node, time now) {
  if (peers_.contains(node))
    hint(now);
}

void lease_machine::leave(time now) {
  if (std::exchange(leaves_, true))
    return;
  leave_by_ = now + s_.lease; // by then the server has forgotten it
  retry_at_ = now;
  if (state_ == placement_state::live || state_ == placement_state::joining)
    state_ = placement_state::lapsed;
}

std::vector<placed_node> lease_machine::nodes() const {
  std::vector<placed_node> all;
  all.reserve(peers_.size() + 1);
  for (auto const& [name, p] : peers_)
    all.push_back(p.node);
  if (state_ == placement_state::live) {
    auto const at = std::lower_bound(all.begin(), all.end(), s_.self.name,
                                     [](placed_node const& n, std::string const& name) { return n.name < name; });
    all.insert(at, s_.self);
  }
  return all;
}

lease_stamp lease_machine::stamp_of(std::string_view node) const {
  lease_stamp stamp;
  if (auto const known = peers_.find(node); known != peers_.end()) {
    stamp.incarnation = known->second.node.incarnation;
    stamp.renewal = known->second.renewal;
  }
  return stamp;
}

// Renewals are a quarter of the lease apart, and the others know each of them at once or by their next listing.
bool lease_machine::is_late(lease_stamp const& stamp) const noexcept {
  return stamp.incarnation != s_.self.incarnation || stamp.renewal + 3 <= renewal_;
}

} // namespace aether::detail
