// A read model in SQLite that adds up what its events say, and the handler that keeps it.
#pragma once

#include <aether/recorded_event.hpp>
#include <aether/sqlite/checkpoint_store.hpp>
#include <support/projections.hpp>

#include <sqlite3.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace aether::test {

using database_ptr = std::shared_ptr<sqlite3>;

inline void execute(database_ptr const& database, std::string const& sql) {
  if (sqlite3_exec(database.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    throw std::runtime_error(sql + ": " + sqlite3_errmsg(database.get()));
}

/// The one number that a query gives.
inline std::int64_t number_of(database_ptr const& database, std::string const& sql) {
  sqlite3_stmt* made = nullptr;
  if (sqlite3_prepare_v2(database.get(), sql.c_str(), -1, &made, nullptr) != SQLITE_OK)
    throw std::runtime_error(sql + ": " + sqlite3_errmsg(database.get()));
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> const query(made, sqlite3_finalize);
  return sqlite3_step(made) == SQLITE_ROW ? sqlite3_column_int64(made, 0) : 0;
}

inline database_ptr open_model(std::string const& file) {
  auto database = sqlite::open_database(file);
  execute(database, "create table if not exists handled (version integer not null)");
  execute(database, "create table if not exists totals (id integer primary key, sum integer not null)");
  execute(database, "insert or ignore into totals values (1, 0)");
  return database;
}

/// Two writes with others' turns around them, so that it can be broken off between them.
inline awaitable<void> add_up(database_ptr database, std::int64_t version) {
  co_await hop();
  execute(database, "insert into handled values (" + std::to_string(version) + ")");
  co_await hop();
  execute(database, "update totals set sum = sum + " + std::to_string(version));
  co_await hop();
}
inline projection::handler adding_up(database_ptr database) {
  return [database](recorded_event const& e) { return add_up(database, e.event.version); };
}

inline std::int64_t sum_in(database_ptr const& d) { return number_of(d, "select sum from totals"); }
inline std::int64_t count_in(database_ptr const& d) { return number_of(d, "select count(*) from handled"); }

} // namespace aether::test
