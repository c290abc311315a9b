// Moving a stream: the machine's questions, asked one after the other.
#include <aether/nats/move_stream.hpp>

#include "detail/call_deadline.hpp"
#include "nats/api_question.hpp"
#include "nats/config_defaults.hpp"
#include "nats/duration_text.hpp"
#include "nats/move_machine.hpp"
#include "nats/request.hpp"
#include "nats/subjects.hpp"

#include <boost/json/serialize.hpp>

#include <utility>

namespace aether::nats {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using detail::move_action;
using detail::move_machine;
using detail::move_step;

constexpr std::chrono::nanoseconds answer_patience = 2s; // after this a question is asked again
constexpr std::chrono::nanoseconds between_looks = 100ms;

/// One question of a move; `text` is its answer or why there is none.
struct move_answer {
  bool was_answered = false;
  std::string text;

  move_answer() = default;
};

awaitable<move_answer> ask_for_move(connection on, std::string subject, std::string body) {
  move_answer answer;
  try {
    answer.text = co_await detail::ask_once(on, std::move(subject), std::move(body), answer_patience);
    answer.was_answered = true;
  } catch (error const& e) {
    if (e.code() != errc::timed_out && e.code() != errc::connection_lost)
      throw;
    answer.text = e.what();
  }
  co_return answer;
}

std::optional<detail::api_error> refusal_in(std::string const& text) {
  auto const answer = detail::parse_answer(text);
  auto const* refused = std::get_if<detail::api_error>(&answer);
  return refused ? std::optional(*refused) : std::nullopt;
}

awaitable<stream_move> run_move(connection on, std::string api, std::string name, std::shared_ptr<move_machine> machine,
                                std::function<void(stream_move const&)> progress) {
  move_step step;
  auto told = machine->progress();
  for (;;) {
    if (step.what == move_action::look_soon)
      co_await detail::pause_until(clock::now() + between_looks);
    bool const updates = step.what == move_action::update;
    auto subject = api + (updates ? ".STREAM.UPDATE." : ".STREAM.INFO.") + name;
    std::string body;
    if (updates)
      body = boost::json::serialize(step.config);
    auto const answer = co_await ask_for_move(on, std::move(subject), std::move(body));
    auto const now = clock::now();
    step = !answer.was_answered ? machine->unanswered(answer.text, now)
           : updates            ? machine->updated(refusal_in(answer.text), now)
                                : machine->seen(detail::parse_stream_facts(answer.text), now);
    if (progress && machine->progress() != told)
      progress(told = machine->progress());
    if (step.what == move_action::fail)
      throw error(*step.failure);
    if (step.what == move_action::end)
      co_return machine->progress();
  }
}

} // namespace

void move_options::validate() const {
  detail::names_of(*this).validate();
  if (timeout.count() < 0)
    throw error(errc::invalid_argument,
                "move_options::timeout is " + detail::duration_text(timeout) + ": it cannot be negative");
}

awaitable<stream_move> move_stream(connection on, std::string stream_name, stream_placement placement,
                                   move_options options) {
  if (!on)
    throw error(errc::not_open, "moving a stream on a connection that was default-made or moved from");
  options.validate();
  placement.validate();
  if (placement.empty())
    throw error(errc::invalid_argument, "moving stream " + stream_name +
                                            ": the placement is empty: name a cluster, or tags that its servers have");
  auto const name = detail::full_stream_name(options.name_space, stream_name);
  auto const api = detail::resolved(detail::names_of(options)).api_prefix;
  auto const deadline = aether::detail::deadline_after(options.timeout, 1h);
  auto machine = std::make_shared<move_machine>(name, std::move(placement), deadline, options.writers_are_stopped);
  co_return co_await run_move(std::move(on), api, name, std::move(machine), std::move(options.progress));
}

} // namespace aether::nats
