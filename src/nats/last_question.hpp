// What a save asks of an actor that the cache does not know, in the way that almost always does: one request, one
// answer, no coroutine.
#pragma once

#include "nats/connection_core.hpp"
#include "nats/leader_reads.hpp"

#include <memory>
#include <optional>
#include <string>

namespace aether::nats::detail {

/// Who asked. Called once, on the connection's strand; nothing: the question got no answer that tells.
class last_message_asker {
public:
  virtual void on_last_message(std::optional<leader_answer> answer) = 0;

protected:
  ~last_message_asker() = default;
};

/// Asks the stream's leader for the last message on a subject.
class last_question final : public written_request {
public:
  /// `asker` keeps `stream` and `subject` until it is answered.
  last_question(std::shared_ptr<last_message_asker> asker, stream_access const& stream, std::string_view subject)
      : asker_(std::move(asker)), stream_(stream), subject_(subject) {}

private:
  bool on_reply(native_message reply) override;
  void on_no_answer(no_answer why) override;
  std::string_view subject() const noexcept override { return asked_on_; }
  outgoing_parts write(std::string_view reply, std::string& room) override;

  std::shared_ptr<last_message_asker> asker_; // until it was told
  stream_access const& stream_;
  std::string_view const subject_;
  std::string asked_on_;
};

} // namespace aether::nats::detail
