// What stores and routers need of the JSON writer besides the text of events.
#pragma once

#include <aether/json.hpp>

#include <cstddef>

namespace aether::detail {

/// How many bytes append_json would add, found without writing them. Refuses what append_json refuses, with the
/// same errors, so that a store which keeps no text takes exactly what one that does takes.
std::size_t json_size(event const& e);
std::size_t json_size(actor_snapshot const& s);

/// An object alone, as the data of an event is written; refuses what to_json(event) refuses there.
std::string json_text(boost::json::object const& data);

} // namespace aether::detail
