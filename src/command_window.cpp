// A ring of hashes and versions.
#include "command_window.hpp"

#include "detail/hash.hpp"

#include <limits>

namespace aether::detail {

std::uint32_t command_window::hash_of(std::string_view command_id) noexcept {
  return static_cast<std::uint32_t>(keyed_hash(command_id, hash128()).low);
}

void command_window::add(std::string_view command_id, std::int64_t version) {
  if (command_id.empty())
    return;
  auto const hash = hash_of(command_id);
  if (!places_.empty()) {
    auto& newest = places_[(first_ + places_.size() - 1) % places_.size()];
    if (newest.hash == hash && newest.last_version + 1 == version) {
      newest.last_version = version;
      ++newest.events;
      return;
    }
  }
  command_place const place{version, hash, 1};
  if (places_.size() < most) {
    if (places_.capacity() == places_.size())
      places_.reserve(places_.empty() ? 4 : places_.size() * 2);
    places_.push_back(place);
    return;
  }
  places_[first_] = place;
  first_ = (first_ + 1) % most;
  forgot_ = true;
}

std::optional<command_place> command_window::find(std::uint32_t hash, std::size_t& before) const noexcept {
  for (auto const size = places_.size(); before < size;) {
    auto const& place = places_[(first_ + size - 1 - before++) % size];
    if (place.hash == hash)
      return place;
  }
  return std::nullopt;
}

void command_window::clear() noexcept {
  std::vector<command_place>().swap(places_);
  first_ = 0;
  forgot_ = false;
}

boost::json::array command_window::to_json() const {
  boost::json::array all;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    auto const& p = places_[(first_ + i) % places_.size()];
    boost::json::array place;
    place.emplace_back(p.last_version);
    place.emplace_back(static_cast<std::int64_t>(p.hash));
    place.emplace_back(static_cast<std::int64_t>(p.events));
    all.emplace_back(std::move(place));
  }
  return all;
}

bool command_window::from_json(boost::json::array const& json) {
  clear();
  if (json.size() > most)
    return false;
  std::vector<command_place> read;
  read.reserve(json.size());
  for (auto const& item : json) {
    auto const* const place = item.if_array();
    if (!place || place->size() != 3)
      return false;
    std::int64_t numbers[3];
    for (std::size_t i = 0; i < 3; ++i) {
      auto const* const number = (*place)[i].if_int64();
      if (!number || *number < 0 || (i > 0 && *number > std::numeric_limits<std::uint32_t>::max()))
        return false;
      numbers[i] = *number;
    }
    read.push_back(
        command_place{numbers[0], static_cast<std::uint32_t>(numbers[1]), static_cast<std::uint32_t>(numbers[2])});
  }
  places_ = std::move(read);
  forgot_ = places_.size() == most;
  return true;
}

} // namespace aether::detail
