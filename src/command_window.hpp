// The ids of an actor's last commands, so that one that is repeated is known.
#pragma once

#include <boost/json/array.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace aether::detail {

/// Where a command's events may be: its id hashes the same. Who finds one reads the events and compares.
struct command_place {
  std::int64_t last_version = 0;
  std::uint32_t hash = 0;
  std::uint32_t events = 0; ///< one behind the other, up to the last

  friend bool operator==(command_place const&, command_place const&) = default;
};

/// Not thread-safe. Nothing is allocated before the first id, and 512 bytes at most.
class command_window {
public:
  static constexpr std::size_t most = 32;

  /// The same in every process and release: it is kept in snapshots.
  static std::uint32_t hash_of(std::string_view command_id) noexcept;

  /// The next event of the history, or of a save, in version order. An empty id is none.
  void add(std::string_view command_id, std::int64_t version);
  /// The newest place behind `before` places with this hash, counted from the newest; `before` is moved behind it.
  std::optional<command_place> find(std::uint32_t hash, std::size_t& before) const noexcept;

  /// No id was forgotten: what is not found here never came.
  bool is_complete() const noexcept { return !forgot_; }
  void forget_earlier() noexcept { forgot_ = true; }
  std::size_t size() const noexcept { return places_.size(); }
  void clear() noexcept;

  boost::json::array to_json() const;
  /// False: it is nothing of the kind, and the window is empty.
  bool from_json(boost::json::array const& json);

private:
  std::vector<command_place> places_; // a ring once it is full; the oldest at `first_`
  std::size_t first_ = 0;
  bool forgot_ = false;
};

} // namespace aether::detail
