// A strand for any thread: in order, one at a time, and refused when its context is gone.
#include <detail/serial.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(serial_strand)

using namespace aether::detail;

BOOST_AUTO_TEST_CASE(runs_one_at_a_time_in_order) {
  asio::thread_pool pool(4);
  serial strand(pool.get_executor());
  int in_order = 0; // no lock: the strand is it
  bool right = true;
  for (int i = 0; i < 5000; ++i)
    BOOST_REQUIRE(strand.post([&, i] { right = right && in_order++ == i; }));
  pool.join();
  BOOST_TEST(right);
  BOOST_TEST(in_order == 5000);
}

BOOST_AUTO_TEST_CASE(dispatch_is_inline_only_on_the_context_and_post_never) {
  asio::io_context context;
  serial strand(context.get_executor());
  bool ran = false;
  strand.dispatch([&] { ran = true; });
  BOOST_TEST(!ran); // from outside
  context.run();
  BOOST_TEST(ran);
  context.restart();
  asio::post(context, [&] {
    bool dispatched = false, posted = false;
    strand.dispatch([&] { dispatched = strand.running_in_this_thread(); });
    BOOST_TEST(dispatched);
    strand.post([&] { posted = true; });
    BOOST_TEST(!posted);
    context.poll();
    BOOST_TEST(posted);
  });
  context.run();
}

BOOST_AUTO_TEST_CASE(the_context_stays_while_something_is_made_on_it) {
  auto context = std::make_unique<asio::io_context>();
  serial strand(context->get_executor());
  std::thread going;
  bool made = false;
  BOOST_TEST(strand.while_open([&](asio::any_io_executor const& executor) {
    going = std::thread([&] { context.reset(); });
    while (strand.while_open([](asio::any_io_executor const&) {})) // until it begins to go
      std::this_thread::yield();
    serial const another(executor);
    made = true;
  }));
  going.join();
  BOOST_TEST(made);
  BOOST_TEST(!strand.while_open([&](asio::any_io_executor const&) { made = false; }));
  BOOST_TEST(made);
}

BOOST_AUTO_TEST_CASE(a_strand_given_is_unwrapped) {
  asio::io_context context;
  auto const is_bare = [&](asio::any_io_executor const& executor) {
    auto const bare = unwrap_strands(executor);
    return bare == asio::any_io_executor(context.get_executor()) &&
           bare.target<asio::io_context::executor_type>() != nullptr;
  };
  BOOST_TEST(is_bare(context.get_executor()));
  BOOST_TEST(is_bare(asio::make_strand(context)));
  BOOST_TEST(is_bare(asio::make_strand(asio::any_io_executor(context.get_executor()))));
  BOOST_TEST(is_bare(asio::make_strand(asio::any_io_executor(asio::make_strand(context)))));
  // Work that an executor counts would keep run() from returning for as long as the library keeps it.
  BOOST_TEST(is_bare(asio::require(context.get_executor(), asio::execution::outstanding_work.tracked)));
  asio::thread_pool pool(1);
  BOOST_TEST((unwrap_strands(asio::make_strand(pool)) == asio::any_io_executor(pool.get_executor())));
}

BOOST_AUTO_TEST_CASE(after_the_context_is_gone_everything_is_refused) {
  auto context = std::make_unique<asio::io_context>();
  serial strand(context->get_executor());
  auto const held = std::make_shared<int>();
  BOOST_TEST(strand.post([held] {}));
  context.reset();
  BOOST_TEST(held.use_count() == 1); // destroyed unrun
  bool ran = false;
  BOOST_TEST(!strand.post([&] { ran = true; }));
  BOOST_TEST(!strand.dispatch([&] { ran = true; }));
  BOOST_TEST(!ran);
  BOOST_TEST(!strand.inner());
}

BOOST_AUTO_TEST_CASE(a_strand_may_be_destroyed_and_used_while_its_context_goes) {
  for (int i = 0; i < 300; ++i) {
    auto context = std::make_unique<asio::io_context>();
    auto strand = std::make_unique<serial>(context->get_executor());
    auto used = std::make_unique<serial>(context->get_executor());
    std::atomic<bool> go = false;
    std::thread destroying([&] {
      while (!go)
        std::this_thread::yield();
      strand.reset();
    });
    std::thread posting([&] {
      while (!go)
        std::this_thread::yield();
      while (used->post([] {}))
        ;
    });
    go = true;
    context.reset();
    destroying.join();
    posting.join();
  }
}

BOOST_AUTO_TEST_SUITE_END()
