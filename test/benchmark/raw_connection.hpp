// A connection of cnats' own kind: its threads read, deliver and flush.
#pragma once

#include <nats/nats.h>

#include <stdexcept>
#include <string>

namespace aether::benchmark {

inline void check_cnats(natsStatus status, char const* what) {
  if (status != NATS_OK)
    throw std::runtime_error(std::string(what) + ": " + natsStatus_GetText(status));
}

class raw_connection {
public:
  /// `send_at_once`: what is written leaves with the call, as is best for one request at a time; else cnats' flusher
  /// thread gathers it, as is best for many.
  raw_connection(std::string const& url, bool send_at_once) {
    natsOptions* options = nullptr;
    check_cnats(natsOptions_Create(&options), "natsOptions_Create");
    auto status = natsOptions_SetURL(options, url.c_str());
    if (status == NATS_OK)
      status = natsOptions_SetSendAsap(options, send_at_once);
    if (status == NATS_OK)
      status = natsConnection_Connect(&connection, options);
    natsOptions_Destroy(options);
    check_cnats(status, "natsConnection_Connect");
  }
  raw_connection(raw_connection const&) = delete;
  raw_connection& operator=(raw_connection const&) = delete;
  ~raw_connection() {
    natsSubscription_Destroy(subscription);
    natsConnection_Destroy(connection);
  }

  natsConnection* connection = nullptr;
  natsSubscription* subscription = nullptr; ///< of whoever subscribes
};

} // namespace aether::benchmark
