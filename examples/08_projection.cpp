// Projecting: a read model in SQLite that says what was sold, with how far it is. docs/projections.md shows the parts
// of this file.
#include "program.hpp"

#include <aether/sqlite/checkpoint_store.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/value_to.hpp>

#include <sqlite3.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

using example::store_ptr;
using database_ptr = std::shared_ptr<sqlite3>;

/// One statement with a text and a number; returns the first number of its result.
std::int64_t execute(database_ptr const& database, char const* sql, std::string const& text = {},
                     std::int64_t number = 0) {
  sqlite3_stmt* made = nullptr;
  sqlite3_prepare_v2(database.get(), sql, -1, &made, nullptr);
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> const statement(made, sqlite3_finalize);
  sqlite3_bind_text(made, 1, text.c_str(), -1, SQLITE_TRANSIENT);
  sqlite3_bind_int64(made, 2, number);
  auto const result = sqlite3_step(made);
  if (result != SQLITE_ROW && result != SQLITE_DONE) // whatever failed leaves the model as it was
    throw std::runtime_error(std::string(sql) + ": " + sqlite3_errmsg(database.get()));
  return result == SQLITE_ROW ? sqlite3_column_int64(made, 0) : 0;
}

database_ptr open_sales(std::string const& file) {
  auto database = aether::sqlite::open_database(file);
  execute(database, "create table if not exists sales (sku text primary key, pieces integer, cents integer)");
  return database;
}

/// Called for each event, in order. What it writes and the checkpoint are one transaction.
aether::awaitable<void> count_sale(database_ptr database, aether::event e) {
  auto const sku = boost::json::value_to<std::string>(e.data.at("sku"));
  auto const cents = e.data.at("cents").to_number<std::int64_t>();
  execute(database,
          "insert into sales values (?1, 1, ?2) "
          "on conflict (sku) do update set pieces = pieces + 1, cents = cents + ?2",
          sku, cents);
  co_return;
}

aether::projection make_sales(store_ptr store, database_ptr database) {
  aether::projection_options options;
  options.name = "sales";
  options.filter.actor_types = {"order"};
  options.filter.event_types = {"ItemAdded"};
  options.on_reset = [database]() -> aether::awaitable<void> { // of rebuild()
    execute(database, "delete from sales");
    co_return;
  };
  auto checkpoints = std::make_shared<aether::sqlite::checkpoint_store>(database);
  return aether::projection(std::move(store), std::move(checkpoints), std::move(options),
                            [database](aether::recorded_event const& e) { return count_sale(database, e.event); });
}

/// An event that cannot be handled is tried again, and then put aside: noted in the same transaction that passes it.
void put_aside_what_fails(aether::projection_options& options, database_ptr database) {
  execute(database, "create table if not exists failed (reason text, sequence integer)");
  options.on_failure = aether::failed_event_policy::retry_then_skip;
  options.max_attempts = 3;
  options.on_report = [database](aether::projection_report const& told) -> aether::awaitable<void> {
    if (told.then == aether::projection_report::step::skip) {
      auto const sequence = told.event ? told.event->sequence : told.malformed->sequence;
      execute(database, "insert into failed values (?1, ?2)", told.reason, static_cast<std::int64_t>(sequence));
    }
    co_return;
  };
}

/// A read model elsewhere: the checkpoint stands beside the events, and the handler must bear an event that comes
/// twice.
aether::awaitable<aether::projection> make_notifier(aether::nats::jetstream_event_store store,
                                                    aether::projection::handler handle) {
  auto checkpoints = co_await aether::nats::checkpoint_store::open(store);
  aether::projection_options options;
  options.name = "notifier";
  options.start = aether::start_from::now();
  options.checkpoint_interval = std::chrono::milliseconds(200);
  co_return aether::projection(std::make_shared<aether::nats::jetstream_event_store>(store),
                               std::make_shared<aether::nats::checkpoint_store>(checkpoints), std::move(options),
                               std::move(handle));
}

/// A bar in a terminal, else a line now and then.
void print(aether::projection_progress const& now, bool last) {
  static bool const terminal = isatty(STDOUT_FILENO) == 1;
  auto const total = now.events_handled + now.events_behind;
  auto const percent = last ? 100 : total == 0 ? 0 : static_cast<int>(100 * now.events_handled / total);
  std::string const bar = std::string(static_cast<std::size_t>(percent / 4), '#') +
                          std::string(static_cast<std::size_t>(25 - percent / 4), '.');
  std::printf("%s%s %3d %%  %llu events, %.0f a second, %llu behind%s", terminal ? "\r[" : "", //
              terminal ? (bar + "]").c_str() : "sales:", percent, static_cast<unsigned long long>(now.events_handled),
              now.events_per_second, static_cast<unsigned long long>(now.events_behind),
              terminal && !last ? "\033[K" : "\n");
  std::fflush(stdout);
}

/// Shows how far it is until everything that was stored is handled, and stops it then.
aether::awaitable<void> watch(aether::projection sales) {
  auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor);
  for (;;) {
    auto const now = sales.progress();
    print(now, now.caught_up);
    if (now.caught_up)
      break;
    timer.expires_after(std::chrono::milliseconds(100));
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  sales.stop();
}

aether::awaitable<void> catch_up(aether::projection sales) {
  auto executor = co_await boost::asio::this_coro::executor;
  aether::task_group group(executor);
  group.spawn(sales.run());
  group.spawn(watch(sales));
  co_await group.join(); // an error of one ends the other
}

aether::awaitable<void> sell(store_ptr store, std::string order_id, std::string sku, std::int64_t first,
                             std::int64_t last) {
  for (; first <= last; ++first) {
    boost::json::object item{{"sku", sku}, {"cents", 450}};
    auto sold = aether::make_event("ItemAdded", order_id, first, std::move(item));
    co_await store->save_event(std::move(sold));
  }
}

aether::awaitable<void> tour(store_ptr store) {
  auto const file = std::filesystem::temp_directory_path() / ("aether-sales-" + aether::make_uuid() + ".db");
  auto const database = open_sales(file.string());
  auto const order_id = example::new_order_id();
  auto const sku = "tea of " + order_id;
  auto const pieces = [&] { return execute(database, "select pieces from sales where sku = ?1", sku); };

  co_await sell(store, order_id, sku, 1, 2000);
  auto sales = make_sales(store, database);
  co_await catch_up(sales);
  example::expect(pieces() == 2000, "a sale is missing");

  co_await sell(store, order_id, sku, 2001, 2100);
  co_await catch_up(sales); // goes on where it stopped
  example::expect(pieces() == 2100, "a sale was not counted once");

  sales.rebuild();
  co_await catch_up(sales);
  example::expect(pieces() == 2100, "a rebuild counts otherwise");

  std::cout << "sold " << pieces() << " times " << sku << '\n';
  for (auto const* suffix : {"", "-wal", "-shm"})
    std::filesystem::remove(file.string() + suffix);
}

int main(int argc, char** argv) { return example::run_with_store(argc, argv, tour); }
