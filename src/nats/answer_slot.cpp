// The answer of one request, kept for whoever waits for it.
#include "nats/answer_slot.hpp"

#include <utility>

namespace aether::nats::detail {

using aether::detail::wait_end;
using aether::detail::wait_state;

namespace {

class plain_slot final : public answer_slot {};

} // namespace

bool answer_slot::on_reply(native_message reply) {
  answer a;
  a.message = std::move(reply);
  end(std::move(a));
  return false;
}

void answer_slot::on_no_answer(no_answer why) {
  answer a;
  a.why = why;
  end(std::move(a));
}

void answer_slot::end(answer a) {
  std::shared_ptr<wait_state<bool>> waiting;
  {
    std::lock_guard lock(mutex_);
    answer_.emplace(std::move(a));
    waiting = std::move(waiting_);
  }
  answered();
  if (waiting)
    waiting->complete(true);
}

boost::asio::awaitable<std::optional<answer>> answer_slot::wait(std::shared_ptr<answer_slot> self, steady_time until) {
  auto const begin = [&](std::shared_ptr<wait_state<bool>> waiting) {
    {
      std::lock_guard lock(self->mutex_);
      if (!self->answer_) {
        self->waiting_ = std::move(waiting);
        return;
      }
    }
    waiting->complete(true);
  };
  auto const waited = co_await aether::detail::wait_until<bool>(until, begin);
  aether::detail::throw_if_cancelled(waited);
  std::optional<answer> taken;
  std::lock_guard lock(self->mutex_);
  self->waiting_.reset();
  if (self->answer_)
    taken = std::move(self->answer_);
  else if (waited.end == wait_end::closed)
    taken.emplace(); // nobody answers any more
  co_return taken;
}

std::shared_ptr<answer_slot> ask_into_slot(std::shared_ptr<connection_core> const& core, std::string const& subject,
                                           std::string const& data, steady_time deadline) {
  auto const token = core->next_token();
  auto slot = std::make_shared<plain_slot>();
  core->request(outgoing_message(subject, core->reply_subject(token), data), token, slot, deadline);
  return slot;
}

} // namespace aether::nats::detail
