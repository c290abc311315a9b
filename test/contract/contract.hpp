// What the contract's test cases are written with: running over a store, and asking how a call ended.
#pragma once

#include <aether/event_store.hpp>
#include <contract/providers.hpp>
#include <support/events.hpp>
#include <support/run.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <string>
#include <vector>

namespace aether::test {

/// The dataset of every contract case.
inline auto all_stores() { return boost::unit_test::data::make(providers()); }
/// And of those about reading at any length.
auto all_readers() -> decltype(all_stores());
inline auto one_and_four_threads() { return boost::unit_test::data::make({1, 4}); }

/// Runs the body on new data of the store. Says so when the store cannot run here.
void with_data(store_provider const& provider,
               std::function<awaitable<void>(store_data&, boost::asio::io_context&)> body, run_options options = {});

/// The same with one open store.
void with_store(store_provider const& provider, store_settings settings,
                std::function<awaitable<void>(event_store&)> body);
inline void with_store(store_provider const& provider, std::function<awaitable<void>(event_store&)> body) {
  with_store(provider, {}, std::move(body));
}

/// Every function of the interface once, with good arguments: its name and the error it threw.
struct call_result {
  std::string name;
  boost::system::error_code error;
};
awaitable<std::vector<call_result>> call_everything(event_store& store, std::string actor_id);
/// The same of what reads at any length.
awaitable<std::vector<call_result>> call_every_reader(event_store& store, std::string actor_id);

} // namespace aether::test
