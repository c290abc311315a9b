// Connects with cnats, and is the adapter between cnats' event-loop callbacks and the strand.
#include "nats/native_link.hpp"

#include "detail/utf8.hpp"
#include "nats/native_message.hpp"
#include "nats/option_defaults.hpp"

#include <aether/error.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace aether::nats::detail {

namespace {

struct options_deleter {
  void operator()(natsOptions* o) const noexcept { natsOptions_Destroy(o); }
};
using options_ptr = std::unique_ptr<natsOptions, options_deleter>;

natsStatus set_credentials(natsOptions* o, connection_options const& options) {
  if (!options.credentials_file.empty())
    return natsOptions_SetUserCredentialsFromFiles(o, options.credentials_file.c_str(), nullptr);
  if (!options.nkey_seed_file.empty())
    return natsOptions_SetNKeyFromSeed(o, options.nkey_public.c_str(), options.nkey_seed_file.c_str());
  if (!options.token.empty())
    return natsOptions_SetToken(o, options.token.c_str());
  if (!options.user.empty())
    return natsOptions_SetUserInfo(o, options.user.c_str(), options.password.c_str());
  return NATS_OK;
}

natsStatus set_tls(natsOptions* o, tls_options const& tls, std::string const& host) {
  auto status = natsOptions_SetSecure(o, true);
  if (status == NATS_OK && !tls.ca_file.empty())
    status = natsOptions_LoadCATrustedCertificates(o, tls.ca_file.c_str());
  if (status == NATS_OK && !tls.certificate_file.empty())
    status = natsOptions_LoadCertificatesChain(o, tls.certificate_file.c_str(), tls.key_file.c_str());
  // Said always: cnats can be built so that it checks no name unless it is told one.
  if (status == NATS_OK)
    status = natsOptions_SetExpectedHostname(o, (tls.expected_hostname.empty() ? host : tls.expected_hostname).c_str());
  if (status == NATS_OK && !tls.verify_server)
    status = natsOptions_SkipServerVerification(o, true);
  return status;
}

// Of [scheme://][credentials@]host[:port], without the brackets of an IPv6 address.
std::string host_of(std::string_view url) {
  auto host = url.substr(url.find("://") == std::string_view::npos ? 0 : url.find("://") + 3);
  if (auto const at = host.rfind('@'); at != std::string_view::npos)
    host.remove_prefix(at + 1);
  if (host.starts_with('['))
    return std::string(host.substr(1, host.find(']') - 1));
  return std::string(host.substr(0, host.find_first_of(":/")));
}

std::string last_cnats_error(natsStatus status) {
  natsStatus last{};
  auto const* text = nats_GetLastError(&last);
  return text && *text ? std::string(text) : std::string(natsStatus_GetText(status));
}

} // namespace

boost::system::error_code to_error(natsStatus status) noexcept {
  switch (status) {
  case NATS_OK:
    return {};
  case NATS_CONNECTION_AUTH_FAILED:
    return errc::authentication_failed;
  case NATS_NOT_PERMITTED:
    return errc::permission_denied;
  case NATS_SSL_ERROR:
  case NATS_SECURE_CONNECTION_REQUIRED:
  case NATS_SECURE_CONNECTION_WANTED:
    return errc::tls_failed;
  case NATS_MAX_PAYLOAD:
    return errc::event_too_large;
  case NATS_INVALID_ARG:
  case NATS_INVALID_SUBJECT:
    return errc::invalid_argument;
  case NATS_NO_SERVER:
  case NATS_ADDRESS_MISSING:
    return errc::connect_failed;
  default:
    return errc::connection_lost;
  }
}

namespace {

// Not how long an attempt may take, which the core decides, but when cnats gives up a server that has taken the
// connection. Short is harmful: beyond it 3.4.1 asks for the answer to CONNECT without waiting, in a loop that ends
// only with the connection, and calls the late answer wrong.
constexpr std::chrono::milliseconds longest_handshake(20'000);

// What is read at a time. Larger ones save no time, but the answers of one read are worked off together: with many
// small ones, what they touch has to stay in the processor's cache.
constexpr int io_buffer_bytes = 16 * 1024;

// More is given back once it is written.
constexpr std::size_t kept_out_bytes = 256 * 1024;

// Why a file that is named cannot be read; empty: it can, or none is.
std::string unreadable(std::string const& file) {
  if (file.empty())
    return {};
  int const descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor >= 0) {
    ::close(descriptor);
    return {};
  }
  return aether::detail::quoted(file) + " cannot be read: " + std::generic_category().message(errno);
}

boost::system::error_code to_connect_error(natsStatus status) {
  if (status == NATS_TIMEOUT)
    return errc::timed_out;
  auto const error = to_error(status);
  return error == errc::connection_lost ? errc::connect_failed : error;
}

// cnats 3.4.1 signs about one in 300 nonces wrongly (seen), and each attempt is given another nonce.
natsStatus connect_signed(natsConnection** connection, natsOptions* o, connection_options const& options) {
  bool const signs = !options.nkey_seed_file.empty() || !options.credentials_file.empty();
  auto status = natsConnection_Connect(connection, o);
  for (int again = 0; again < 2 && signs && status == NATS_CONNECTION_AUTH_FAILED; ++again)
    status = natsConnection_Connect(connection, o);
  return status;
}

// Of a TLS record: what says how long it is, and the most that one may have.
constexpr std::size_t header_size = 5;
constexpr int largest_record = 5 + (1 << 14) + 2048;

int record_size(unsigned char const* header) { return static_cast<int>(header_size) + (header[3] << 8 | header[4]); }

} // namespace

native_link::result native_link::connect(connection_options const& options, std::string const& server,
                                         std::string const& tls_name, callbacks told) {
  for (auto const* file : {&options.credentials_file, &options.nkey_seed_file})
    if (auto const why = unreadable(*file); !why.empty())
      return {nullptr, errc::authentication_failed, without_credentials(server) + ": " + why};
  natsOptions* raw = nullptr;
  if (natsOptions_Create(&raw) != NATS_OK)
    return {nullptr, errc::connect_failed, "no memory"};
  options_ptr made(raw);
  std::shared_ptr<native_link> link(new native_link);
  link->on_write_wanted_ = std::move(told.on_write_wanted);
  auto closure = std::make_unique<error_box>(error_box{std::move(told.on_error)});

  auto* o = made.get();
  auto status = natsOptions_SetURL(o, server.c_str());
  auto set = [&](natsStatus next) {
    if (status == NATS_OK)
      status = next;
  };
  if (!options.name.empty())
    set(natsOptions_SetName(o, options.name.c_str()));
  set(set_credentials(o, options));
  link->tls_ = options.tls.enabled || server.starts_with("tls://");
  if (link->tls_) {
    link->tls_name_ = tls_name.empty() ? host_of(server) : tls_name;
    link->part_.reserve(largest_record);
    set(set_tls(o, options.tls, link->tls_name_));
  }
  set(natsOptions_SetTimeout(o, longest_handshake.count()));
  set(natsOptions_SetAllowReconnect(o, false)); // its parser survives a reconnect and splices messages
  set(natsOptions_SetPingInterval(o, 0));       // would close from a timer's thread; the core probes itself
  set(natsOptions_SetSendAsap(o, true));
  set(natsOptions_SetIOBufSize(o, io_buffer_bytes));
  set(natsOptions_SetIgnoreDiscoveredServers(o, !options.use_discovered_servers));
  set(natsOptions_SetErrorHandler(o, &native_link::on_error, closure.get()));
  set(natsOptions_SetClosedCB(o, &native_link::on_closed, closure.get()));
  set(natsOptions_SetEventLoop(o, link.get(), &native_link::attach, &native_link::read, &native_link::write,
                               &native_link::detach));
  if (status == NATS_OK)
    status = connect_signed(&link->connection_, o, options);
  if (status != NATS_OK) {
    link->connection_ = nullptr;
    auto text = without_credentials(server) + ": " + last_cnats_error(status);
    if (status == NATS_PROTOCOL_ERROR && link->tls_) // an alert that comes after the handshake is not told
      return {nullptr, errc::tls_failed, text + ": the server may want a client certificate, or another one"};
    return {nullptr, to_connect_error(status), std::move(text)};
  }
  closure.release(); // freed in on_closed
  return {std::move(link), {}, {}};
}

native_link::~native_link() {
  close();
  if (connection_)
    natsConnection_Destroy(connection_);
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

void native_link::close() noexcept {
  if (!connection_ || detached_)
    return;
  ::shutdown(socket_, SHUT_RDWR);
  // The next read says that the peer is gone, and cnats closes without a flush; what came before is read first.
  for (int i = 0; i < 100'000 && !detached_; ++i)
    natsConnection_ProcessReadEvent(connection_);
}

bool native_link::can_read(int descriptor) noexcept {
  if (!tls_)
    return true;
  if (!part_.empty())
    return take_part(descriptor);
  unsigned char header[header_size];
  auto const got = ::recv(descriptor, header, sizeof header, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    return false;
  int waiting = 0;
  pollfd state{descriptor, POLLRDHUP, 0};
  bool const ends = got <= 0 || ::ioctl(descriptor, FIONREAD, &waiting) != 0 || ::poll(&state, 1, 0) > 0;
  int const record = got == sizeof header ? record_size(header) : static_cast<int>(header_size);
  bool const whole = ends || record > largest_record || (got == sizeof header && waiting >= record);
  if (!whole && record == wanted_bytes_) // told to wait for them, the kernel wakes us without: it has no room for them
    return take_part(descriptor);
  want(descriptor, whole ? 1 : record);
  return whole;
}

// The kernel counts what it holds in whole packets, also those read but for a few bytes, and when it has no room it
// keeps the peer from sending. Nothing more comes then until the part is taken.
bool native_link::take_part(int descriptor) noexcept {
  for (;;) {
    auto const have = part_.size();
    auto const wanted = have < header_size ? header_size : static_cast<std::size_t>(record_size(part_.data()));
    if (have >= wanted || wanted > largest_record) {
      want(descriptor, 1);
      return true;
    }
    part_.resize(wanted); // reserved: does not throw
    auto const got = ::recv(descriptor, part_.data() + have, wanted - have, MSG_DONTWAIT);
    part_.resize(have + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      want(descriptor, static_cast<int>(wanted - have));
      return false;
    }
    if (got <= 0) {
      part_.clear(); // cnats is to meet the end itself
      return true;
    }
  }
}

void native_link::want(int descriptor, int bytes) noexcept {
  if (std::exchange(wanted_bytes_, bytes) != bytes)
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
}

void native_link::process_read() {
  errno = 0; // cnats takes an older EAGAIN for the reason why TLS failed
  if (part_.empty())
    return natsConnection_ProcessReadEvent(connection_);
  // OpenSSL reads from a descriptor only, so for this once its own leads to a socket that holds the record and an end.
  int ends[2] = {-1, -1};
  int const own = ::fcntl(socket_, F_DUPFD_CLOEXEC, 0);
  auto const size = static_cast<ssize_t>(part_.size());
  bool const fed = own >= 0 && ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0 &&
                   ::send(ends[1], part_.data(), part_.size(), MSG_NOSIGNAL) == size &&
                   ::shutdown(ends[1], SHUT_WR) == 0 && ::dup3(ends[0], socket_, O_CLOEXEC) >= 0;
  part_.clear();
  if (fed) {
    natsConnection_ProcessReadEvent(connection_);
    if (!detached_) // else it has closed it
      ::dup3(own, socket_, O_CLOEXEC);
  } else {
    close(); // no descriptors to be had, and the record is lost
  }
  for (int const descriptor : {own, ends[0], ends[1]})
    if (descriptor >= 0)
      ::close(descriptor);
}

bool native_link::publish(outgoing_parts const& message) noexcept {
  if (detached_)
    return false;
  auto const had = out_.size();
  try {
    // Behind what cnats has to write, as that may be the subscription that the answer comes on.
    if (tls_ || cnats_writes())
      return natsConnection_PublishMsg(connection_, native_message(message).get()) == NATS_OK;
    append_wire(out_, message);
    if (had == 0)
      on_write_wanted_();
    return true;
  } catch (std::exception const&) { // no memory
    out_.resize(had);
    return false;
  }
}

std::size_t native_link::buffered() const noexcept {
  auto const in_cnats = natsConnection_Buffered(connection_); // -1: closed
  return out_.size() - written_ + static_cast<std::size_t>(std::max(in_cnats, 0));
}

void native_link::process_write() {
  if (!write_own() || !cnats_writes()) // with nothing to write cnats disconnects
    return;
  errno = 0; // as above
  natsConnection_ProcessWriteEvent(connection_);
}

// False: the socket has no room.
bool native_link::write_own() noexcept {
  if (out_.empty() || detached_)
    return true;
  auto const sent = ::send(socket_, out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) { // broken: told by the next read, which cnats does
    ::shutdown(socket_, SHUT_RDWR);
    out_.clear();
    written_ = 0;
    return true;
  }
  written_ += static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
  bool const all = written_ == out_.size();
  if (all && out_.capacity() > kept_out_bytes)
    out_ = {};
  else if (all || written_ > out_.size() / 2)
    out_.erase(0, written_);
  else
    return false;
  written_ = 0;
  return all;
}

std::string native_link::last_error_text() const {
  char const* text = nullptr;
  if (natsConnection_GetLastError(connection_, &text) == NATS_OK || !text)
    return {};
  return text;
}

std::string native_link::last_refusal() const {
  char const* text = nullptr;
  return natsConnection_GetLastError(connection_, &text) == NATS_NOT_PERMITTED && text ? text : std::string();
}

natsStatus native_link::attach(void** user, void* loop, natsConnection* connection, natsSock socket) {
  auto* self = static_cast<native_link*>(loop);
  self->connection_ = connection;
  self->socket_ = static_cast<int>(socket);
  self->descriptor_ = ::fcntl(self->socket_, F_DUPFD_CLOEXEC, 0);
  *user = self;
  // Under TLS cnats writes all it has before it returns: a peer that takes nothing must not keep the strand's thread.
  if (unsigned const limit = 5'000; self->tls_)
    ::setsockopt(self->socket_, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
  return self->descriptor_ < 0 ? NATS_ERR : NATS_OK;
}

natsStatus native_link::read([[maybe_unused]] void* user, [[maybe_unused]] bool add) {
#if NATS_VERSION_NUMBER >= 0x030A00
  if (!add)
    natsConnection_ProcessCloseEvent(&static_cast<native_link*>(user)->socket_);
#endif
  return NATS_OK; // always read, until detached
}

natsStatus native_link::write(void* user, bool add) {
  auto* self = static_cast<native_link*>(user);
  self->wants_write_ = add;
  if (!add)
    return NATS_OK;
  try {
    self->on_write_wanted_();
    return NATS_OK;
  } catch (...) { // not through cnats, which holds a mutex
    ::shutdown(self->socket_, SHUT_RDWR);
    return NATS_NO_MEMORY;
  }
}

natsStatus native_link::detach(void* user) {
  auto* self = static_cast<native_link*>(user);
  self->wants_write_ = false;
  self->detached_ = true;
#if NATS_VERSION_NUMBER >= 0x030B00
  natsConnection_ProcessDetachedEvent(self->connection_);
#endif
  return NATS_OK;
}

void native_link::on_closed(natsConnection*, void* closure) { delete static_cast<error_box*>(closure); }

void native_link::on_error(natsConnection*, natsSubscription*, natsStatus status, void* closure) {
  // This thread's last error is the one that is told of; the connection's own may be a later one already.
  auto const* text = nats_GetLastError(nullptr);
  static_cast<error_box*>(closure)->tell(status, text ? text : natsStatus_GetText(status));
}

} // namespace aether::nats::detail
