// Positions as text, strictly: a checkpoint that is not understood must not be guessed at.
#include <aether/position.hpp>

#include <aether/error.hpp>
#include <aether/json.hpp>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace aether {
namespace {

namespace json = boost::json;

[[noreturn]] void refuse(std::string const& why) {
  throw error(errc::position_invalid, "the text of a position: " + why);
}

json::value const& member(json::object const& o, char const* name) {
  auto const* found = o.if_contains(name);
  if (!found)
    refuse("\"" + std::string(name) + "\" is missing");
  return *found;
}

std::string string_of(json::object const& o, char const* name) {
  auto const& value = member(o, name);
  if (!value.is_string())
    refuse("\"" + std::string(name) + "\" is no string");
  return std::string(value.get_string());
}

std::uint64_t sequence_of(json::object const& o) {
  auto const& value = member(o, "sequence");
  if (value.is_uint64())
    return value.get_uint64();
  if (!value.is_int64() || value.get_int64() < 0)
    refuse("\"sequence\" is no sequence");
  return static_cast<std::uint64_t>(value.get_int64());
}

stream_place place_of(json::value const& value) {
  if (!value.is_object())
    refuse("what is listed is no object");
  auto const& o = value.get_object();
  stream_place place;
  place.stream = string_of(o, "stream");
  if (place.stream.empty())
    refuse("\"stream\" is empty");
  if (!parse_time(string_of(o, "created"), place.created))
    refuse("\"created\" is no time");
  place.sequence = sequence_of(o);
  place.event_id = string_of(o, "event");
  if (o.size() != 4)
    refuse("it says more than this version of the library understands");
  return place;
}

bool are_in_order(std::vector<stream_place> const& places) {
  return std::adjacent_find(places.begin(), places.end(),
                            [](auto const& a, auto const& b) { return a.stream >= b.stream; }) == places.end();
}

} // namespace

position::position(std::vector<stream_place> places) : places_(std::move(places)) {
  if (!are_in_order(places_))
    throw error(errc::invalid_argument, "a position's places are not in the order of their streams' names");
}

std::string position::to_text() const {
  json::array all;
  for (auto const& place : places_) {
    json::object one;
    one["stream"] = place.stream;
    one["created"] = format_time(place.created);
    one["sequence"] = place.sequence;
    one["event"] = place.event_id;
    all.push_back(std::move(one));
  }
  return json::serialize(all);
}

position position::from_text(std::string_view text) {
  boost::system::error_code failed;
  auto const value = json::parse(json::string_view(text.data(), text.size()), failed);
  if (failed)
    refuse(failed.message());
  if (!value.is_array())
    refuse("it is no list");
  std::vector<stream_place> places;
  for (auto const& one : value.get_array())
    places.push_back(place_of(one));
  if (!are_in_order(places))
    refuse("its streams are not in order");
  return position(std::move(places));
}

} // namespace aether
