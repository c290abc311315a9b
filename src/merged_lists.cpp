// Several streams' listings as one.
#include "merged_lists.hpp"

#include <optional>
#include <utility>

namespace aether::detail {

namespace {

constexpr std::size_t actors_a_page = 1000;

class merged_actors final : public actor_pages, public std::enable_shared_from_this<merged_actors> {
public:
  merged_actors(std::vector<actor_list> parts, wanted_in_part wanted)
      : parts_(std::move(parts)), wanted_(std::move(wanted)) {}

  awaitable<std::vector<listed_actor>> next_page(call_options options) override {
    return read_page(shared_from_this(), options);
  }

private:
  static awaitable<std::vector<listed_actor>> read_page(std::shared_ptr<merged_actors> self, call_options options) {
    auto& page = self->page_; // what a page that failed has read is kept for the next attempt
    while (self->part_ < self->parts_.size() && page.size() < actors_a_page) {
      auto next = co_await self->parts_[self->part_].next(options);
      if (!next)
        ++self->part_;
      else if (!self->wanted_ || self->wanted_(self->part_, next->actor_id))
        page.push_back(std::move(*next));
    }
    co_return std::exchange(page, {});
  }

  std::vector<actor_list> parts_;
  wanted_in_part const wanted_;
  std::size_t part_ = 0;
  std::vector<listed_actor> page_;
};

class merged_letters final : public dead_letter_source, public std::enable_shared_from_this<merged_letters> {
public:
  explicit merged_letters(std::vector<dead_letter_list> parts) {
    for (auto& p : parts)
      parts_.emplace_back(std::move(p));
  }

  awaitable<std::optional<dead_letter>> next(call_options options) override {
    return next_letter(shared_from_this(), options);
  }

private:
  struct part {
    dead_letter_list from;
    std::optional<dead_letter> next;
    bool ended = false;

    explicit part(dead_letter_list l) : from(std::move(l)) {}
  };

  static awaitable<std::optional<dead_letter>> next_letter(std::shared_ptr<merged_letters> self, call_options options) {
    part* first = nullptr;
    for (auto& p : self->parts_) {
      if (!p.next && !p.ended) {
        auto read = co_await p.from.next(options);
        p.next = std::move(read);
        p.ended = !p.next;
      }
      if (p.next && (!first || p.next->given_up < first->next->given_up))
        first = &p;
    }
    std::optional<dead_letter> letter;
    if (first)
      letter.swap(first->next);
    else
      for (auto& p : self->parts_)
        p.ended = false; // asked again it goes on with what has come since
    co_return letter;
  }

  std::vector<part> parts_;
};

} // namespace

std::shared_ptr<actor_pages> merge_actors(std::vector<actor_list> parts, wanted_in_part wanted) {
  return std::make_shared<merged_actors>(std::move(parts), std::move(wanted));
}

std::shared_ptr<dead_letter_source> merge_letters(std::vector<dead_letter_list> parts) {
  return std::make_shared<merged_letters>(std::move(parts));
}

} // namespace aether::detail
