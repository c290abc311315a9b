// Several streams' listings as one: the actors of all, and a group's dead letters.
#pragma once

#include "merged_feed.hpp"

#include <aether/actor_list.hpp>
#include <aether/dead_letter.hpp>

#include <memory>
#include <vector>

namespace aether::detail {

/// One part behind the other. `wanted`: empty, or what else is left out.
std::shared_ptr<actor_pages> merge_actors(std::vector<actor_list> parts, wanted_in_part wanted);

/// Of the next letters of all parts the one that was given up first.
std::shared_ptr<dead_letter_source> merge_letters(std::vector<dead_letter_list> parts);

} // namespace aether::detail
