// Finds the message before a known one on its subject.
#include "nats/previous_search.hpp"

namespace aether::nats::detail {

std::optional<std::uint64_t> previous_search::probe() noexcept {
  std::uint64_t const lowest = found_ + 1;
  if (empty_from_ <= lowest)
    return std::nullopt;
  if (found_ != 0) {
    pivot_ = lowest + (empty_from_ - lowest) / 2;
  } else {
    pivot_ = distance_ < known_ ? known_ - distance_ : 1;
    distance_ = distance_ <= known_ / 2 ? distance_ * 2 : known_;
  }
  return pivot_;
}

void previous_search::on_probe(std::optional<std::uint64_t> sequence) noexcept {
  if (sequence && *sequence < empty_from_)
    found_ = *sequence;
  else
    empty_from_ = pivot_;
}

} // namespace aether::nats::detail
