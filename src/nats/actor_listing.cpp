// The actors of a stream, page after page of its subjects.
#include "nats/actor_listing.hpp"

#include "detail/call_deadline.hpp"
#include "nats/json_string.hpp"
#include "nats/kept_questions.hpp"
#include "nats/leader_question.hpp"
#include "nats/leader_reads.hpp"
#include "nats/stream_state.hpp"
#include "nats/subject_pages.hpp"
#include "store_checks.hpp"

#include <aether/json.hpp>

#include <utility>

namespace aether::nats::detail {
namespace {

class stream_actors final : public actor_pages, public std::enable_shared_from_this<stream_actors> {
public:
  stream_actors(std::shared_ptr<store_core> store, list_options options)
      : store_(std::move(store)), options_(std::move(options)) {}

  awaitable<std::vector<listed_actor>> next_page(call_options options) override {
    return read_page(shared_from_this(), options);
  }

private:
  static awaitable<std::vector<listed_actor>> read_page(std::shared_ptr<stream_actors> self, call_options options) {
    auto const& store = self->store_;
    store->check_open();
    store_core::under_way const running(store);
    if (!self->stream_)
      self->stream_ = with_questions(*store->stream());
    auto const stream = self->stream_;
    if (!self->options_.type.empty())
      aether::detail::check_id(self->options_.type, "list_options::type");
    auto const deadline = aether::detail::deadline_after(options.timeout, stream->config.operation_timeout);
    std::vector<listed_actor> actors;
    while (actors.empty() && !self->pages_.ended()) {
      auto const filter = self->options_.type.empty() ? stream->subjects.events_filter()
                                                      : stream->subjects.events_filter_of(self->options_.type);
      auto query = R"({"subjects_filter":)" + json_string(filter) + R"(,"offset":)" +
                   std::to_string(self->pages_.offset()) + '}';
      // A page takes the server its time, and asking twice makes it take more.
      auto answer = co_await ask_leader(stream, stream_info_subject(*stream), std::move(query), &parse_subjects_answer,
                                        deadline, stream->config.operation_timeout);
      if (auto const* refused = std::get_if<api_error>(&answer))
        throw_refused(*refused, "listing the actors of stream " + stream->stream());
      auto const& page = std::get<subjects_answer>(answer);
      // Kept until the ids have been read too: a page that was not handed out is read again.
      auto pages = self->pages_;
      auto const first = page.subjects.empty() ? std::string_view() : page.subjects.front().first;
      if (pages.on_page(first, page.subjects.size(), page.total)) {
        for (auto const& [subject, count] : page.subjects) {
          if (!pages.is_new(subject))
            continue;
          auto id = stream->subjects.actor_id_of(subject);
          if (!id && stream->subjects.encoding() == subject_encoding::underscore)
            id = co_await id_stored_on(stream, subject, deadline);
          if (id)
            actors.emplace_back(std::move(*id), count);
        }
        if (!page.subjects.empty())
          pages.reached(page.subjects.back().first);
      }
      self->pages_ = std::move(pages);
      forget_questions(*stream);
    }
    co_return actors;
  }

  /// The underscore encoding cannot be read back: a stored event says whose it is.
  static awaitable<std::optional<std::string>> id_stored_on(std::shared_ptr<stream_access const> stream,
                                                            std::string subject, steady_time deadline) {
    std::optional<std::string> id;
    auto query = last_message_query(subject);
    auto const message = co_await read_leader(std::move(stream), std::move(query), deadline);
    event e;
    parse_error bad;
    if (message && parse_event(message->data, e, bad))
      id = std::move(e.actor_id);
    co_return id;
  }

  std::shared_ptr<store_core> const store_;
  list_options const options_;
  std::shared_ptr<stream_access const> stream_; // set when it begins
  subject_pages pages_;
};

} // namespace

std::shared_ptr<actor_pages> make_actor_pages(std::shared_ptr<store_core> store, list_options options) {
  return store ? std::make_shared<stream_actors>(std::move(store), std::move(options)) : nullptr;
}

} // namespace aether::nats::detail
