// One native NATS connection under our event loop: no reconnect, no threads of its own.
#pragma once

#include "nats/outgoing_message.hpp"

#include <aether/nats/connection_options.hpp>

#include <nats/nats.h>

#include <boost/system/error_code.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace aether::nats::detail {

/// Made by connect() on a thread that may block; from then on every function is called on one strand, and close()
/// ends it there without waiting. cnats closes its own socket whenever it likes, so `descriptor()` is a duplicate.
class native_link {
public:
  struct result {
    std::shared_ptr<native_link> link; ///< none: it failed
    boost::system::error_code error;
    std::string text;
  };
  /// Told that something is to be written, and of errors the server reports later. The first comes from the strand
  /// or the connecting thread, with cnats' lock held; the second from a thread of cnats. Both may only post.
  struct callbacks {
    std::function<void()> on_write_wanted;
    std::function<void(natsStatus, std::string)> on_error;
  };

  /// Blocks, and has no limit that can be relied on (see connector.hpp). `tls_name`: the host name that the server's
  /// certificate must have; empty: the one in `server`.
  static result connect(connection_options const& options, std::string const& server, std::string const& tls_name,
                        callbacks told);
  ~native_link();

  natsConnection* get() const noexcept { return connection_; }
  /// The socket's duplicate, handed over: the caller closes it.
  int release_descriptor() noexcept { return std::exchange(descriptor_, -1); }
  bool is_detached() const noexcept { return detached_.load(std::memory_order_acquire); }
  bool wants_write() const noexcept { return cnats_writes() || !out_.empty(); }

  /// Copies it into what is to be written, behind everything that is there. False: it is not, for lack of memory or of
  /// a connection.
  bool publish(outgoing_parts const& message) noexcept;
  /// Bytes that wait to be written.
  std::size_t buffered() const noexcept;

  /// Whether process_read() would not block. Under TLS cnats reads on until it has a whole record, whatever comes
  /// between, so a part of one is left in the socket (`descriptor`, the duplicate) until the rest is there, or kept
  /// here when the socket has no room for the rest.
  bool can_read(int descriptor) noexcept;
  void process_read();
  /// Writes what the socket takes.
  void process_write();
  /// Closes at once, without the half second that cnats' own close waits for a flush on its loop's thread.
  void close() noexcept;
  std::string last_error_text() const;
  /// The host name its certificate was held against; empty without TLS.
  std::string const& tls_name() const noexcept { return tls_name_; }
  bool is_tls() const noexcept { return tls_; }
  /// What the server last refused, as it says it; empty: nothing.
  std::string last_refusal() const;

private:
  /// What cnats' own thread calls: lives until cnats has said that the connection is closed.
  struct error_box {
    std::function<void(natsStatus, std::string)> tell;
  };

  native_link() = default;

  bool cnats_writes() const noexcept { return wants_write_.load(std::memory_order_acquire); }
  bool write_own() noexcept;
  bool take_part(int descriptor) noexcept;
  void want(int descriptor, int bytes) noexcept;

  static natsStatus attach(void** user, void* loop, natsConnection* connection, natsSock socket);
  static natsStatus read(void* user, bool add);
  static natsStatus write(void* user, bool add);
  static natsStatus detach(void* user);
  static void on_closed(natsConnection* connection, void* closure);
  static void on_error(natsConnection* connection, natsSubscription* subscription, natsStatus error, void* closure);

  natsConnection* connection_ = nullptr;
  int descriptor_ = -1;
  natsSock socket_ = -1; // cnats' own; valid until detached
  bool tls_ = false;
  std::string tls_name_;
  int wanted_bytes_ = 1; // SO_RCVLOWAT
  std::vector<unsigned char> part_; // of the next TLS record, taken from the socket
  // Messages to be written, without TLS: cnats builds a tree of each header and keeps a message until a thread of its
  // own frees it. What cnats writes itself comes behind them.
  std::string out_;
  std::size_t written_ = 0; // of out_
  std::atomic<bool> detached_{false};
  std::atomic<bool> wants_write_{false};
  std::function<void()> on_write_wanted_;
};

/// What a status of cnats means to a user of the library.
boost::system::error_code to_error(natsStatus status) noexcept;

} // namespace aether::nats::detail
