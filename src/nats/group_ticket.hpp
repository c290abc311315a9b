// One delivery of a group's message: what settles it on the server.
#pragma once

#include "nats/dead_letter_message.hpp"
#include "nats/group_access.hpp"
#include "nats/native_message.hpp"

#include <aether/group_source.hpp>

#include <memory>

namespace aether::nats::detail {

/// `facts` are those of a letter of this message; `bytes` its data, where the message has none.
std::shared_ptr<group_ticket> make_group_ticket(std::shared_ptr<group_access const> group, group_lane lane,
                                                native_message message, letter_facts facts,
                                                std::uint64_t stream_sequence);

/// Nobody wants it: it is to be delivered again at once. On the strand or anywhere else.
void give_back_message(connection_core& link, std::string_view reply);

/// Stores a message in the stream of dead letters and returns once it is. Throws what a save throws.
boost::asio::awaitable<void> store_letter_message(std::shared_ptr<stream_access const> dead, std::string subject,
                                                  std::string facts, std::string_view data, steady_time deadline);

} // namespace aether::nats::detail
