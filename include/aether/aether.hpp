// Everything but the testing aids: one include for small programs. Larger ones include what they use.
#pragma once

#include <aether/actor_list.hpp>
#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>
#include <aether/error.hpp>
#include <aether/event.hpp>
#include <aether/event_feed.hpp>
#include <aether/event_filter.hpp>
#include <aether/event_reader.hpp>
#include <aether/event_store.hpp>
#include <aether/json.hpp>
#include <aether/memory_event_store.hpp>
#include <aether/metadata.hpp>
#include <aether/nats/connection.hpp>
#include <aether/nats/connection_options.hpp>
#include <aether/nats/jetstream_config.hpp>
#include <aether/nats/jetstream_event_store.hpp>
#include <aether/nats/message.hpp>
#include <aether/nats/subscription.hpp>
#include <aether/position.hpp>
#include <aether/recorded_event.hpp>
#include <aether/replay.hpp>
#include <aether/snapshot.hpp>
#include <aether/subscription.hpp>
#include <aether/task_group.hpp>
#include <aether/version.hpp>
