// SQLite's statements and errors in this library's terms.
#include "sqlite/statement.hpp"

namespace aether::sqlite::detail {

void throw_failure(sqlite3* database, int code, std::string const& what) {
  auto const text = what + ": " + (database ? sqlite3_errmsg(database) : sqlite3_errstr(code)) + " (SQLite " +
                    std::to_string(database ? sqlite3_extended_errcode(database) : code) + ")";
  switch (code & 0xFF) {
  case SQLITE_FULL:
    throw error(errc::storage_full, text);
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    throw error(errc::timed_out, text);
  default:
    throw error(errc::database_error, text);
  }
}

statement::statement(sqlite3* database, std::string const& sql) : database_(database) {
  sqlite3_stmt* made = nullptr;
  auto const code = sqlite3_prepare_v3(database, sql.c_str(), static_cast<int>(sql.size() + 1),
                                       SQLITE_PREPARE_PERSISTENT, &made, nullptr);
  if (code != SQLITE_OK)
    throw_failure(database, code, sql);
  handle_.reset(made);
}

void statement::check_bound(int code) {
  if (code != SQLITE_OK)
    throw_failure(database_, code, sqlite3_sql(handle_.get()));
}

statement& statement::bind(int at, std::string const& text) {
  check_bound(sqlite3_bind_text(handle_.get(), at, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT));
  return *this;
}

statement& statement::bind(int at, std::optional<std::string> const& text) {
  if (text)
    return bind(at, *text);
  check_bound(sqlite3_bind_null(handle_.get(), at));
  return *this;
}

statement& statement::bind(int at, std::int64_t number) {
  check_bound(sqlite3_bind_int64(handle_.get(), at, number));
  return *this;
}

int statement::step() {
  auto const code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW || code == SQLITE_DONE)
    return code;
  if ((code & 0xFF) == SQLITE_BUSY) {
    reset();
    return SQLITE_BUSY;
  }
  try {
    throw_failure(database_, code, sqlite3_sql(handle_.get()));
  } catch (...) {
    reset();
    throw;
  }
}

bool statement::run() {
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW)
    code = step();
  reset();
  return code == SQLITE_DONE;
}

std::optional<std::string> statement::text(int column) const {
  auto const* bytes = sqlite3_column_text(handle_.get(), column);
  if (!bytes)
    return std::nullopt;
  auto const size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
  return std::optional<std::string>(std::in_place, reinterpret_cast<char const*>(bytes), size);
}

void execute(sqlite3* database, char const* sql) {
  auto const code = sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK)
    throw_failure(database, code, sql);
}

} // namespace aether::sqlite::detail
