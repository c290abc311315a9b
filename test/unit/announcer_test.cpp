// The way to a broadcaster that may be slow: order, bounds and ends.
#include "announcer.hpp"

#include <support/events.hpp>

#include <boost/test/unit_test.hpp>

#include <condition_variable>
#include <mutex>
#include <vector>

BOOST_AUTO_TEST_SUITE(announcers)

using namespace aether;
using namespace aether::test;
using detail::announcer;

namespace {

class gated_broadcaster final : public event_broadcaster {
public:
  void open() {
    std::lock_guard const lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait_until_called() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return called_; });
  }
  void wait_until_told(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return told_.size() >= count; });
  }
  std::vector<std::int64_t> told() const {
    std::lock_guard const lock(mutex_);
    return told_;
  }

private:
  void do_publish(std::string_view, std::shared_ptr<event const> e) override {
    std::unique_lock lock(mutex_);
    called_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    told_.push_back(e->version);
    changed_.notify_all();
  }
  awaitable<bus_subscription> do_subscribe(bus_filter, call_options) override { throw error(errc::not_implemented); }
  bus_metrics do_metrics() const override { return {}; }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false, called_ = false;
  std::vector<std::int64_t> told_;
};

void announce(announcer& a, std::int64_t version) {
  a.announce(std::make_shared<event const>(event_of("order-1", version)));
}

BOOST_AUTO_TEST_CASE(there_is_none_without_a_broadcaster) {
  BOOST_TEST(announcer::make(nullptr, "", nullptr) == nullptr);
}

BOOST_AUTO_TEST_CASE(what_finds_no_room_is_counted) {
  auto const to = std::make_shared<gated_broadcaster>();
  auto const a = announcer::make(to, "", nullptr);
  announce(*a, 1);
  to->wait_until_called();
  auto const more = static_cast<std::int64_t>(announcer::most_waiting) + 3;
  for (std::int64_t version = 2; version <= more; ++version)
    announce(*a, version);
  BOOST_TEST(a->dropped() == 2u);
  to->open();
  to->wait_until_told(announcer::most_waiting + 1);
  auto const told = to->told();
  for (std::size_t i = 0; i < told.size(); ++i)
    BOOST_TEST_REQUIRE(told[i] == static_cast<std::int64_t>(i + 1));
}

BOOST_AUTO_TEST_CASE(its_end_waits_for_the_publish_under_way_alone) {
  auto const to = std::make_shared<gated_broadcaster>();
  auto a = announcer::make(to, "", nullptr);
  for (std::int64_t version = 1; version <= 1000; ++version)
    announce(*a, version);
  to->wait_until_called();
  std::thread opens([&] { to->open(); });
  a.reset();
  auto const told = to->told().size();
  opens.join();
  BOOST_TEST(to->told().size() == told);
  BOOST_TEST(told >= 1u);
}

/// Drops what it is told by, while it is told.
class dropping_broadcaster final : public event_broadcaster {
public:
  std::shared_ptr<announcer> by;
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;

private:
  void do_publish(std::string_view, std::shared_ptr<event const>) override {
    std::lock_guard const lock(mutex);
    by.reset();
    done = true;
    changed.notify_all();
  }
  awaitable<bus_subscription> do_subscribe(bus_filter, call_options) override { throw error(errc::not_implemented); }
  bus_metrics do_metrics() const override { return {}; }
};

BOOST_AUTO_TEST_CASE(may_be_dropped_by_the_broadcaster_itself) {
  auto const to = std::make_shared<dropping_broadcaster>();
  std::unique_lock lock(to->mutex);
  to->by = announcer::make(to, "", nullptr);
  announce(*to->by, 1);
  to->changed.wait(lock, [&] { return to->done; });
  BOOST_TEST(to->by == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
