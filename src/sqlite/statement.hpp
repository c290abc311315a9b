// SQLite's statements and errors in this library's terms.
#pragma once

#include <aether/error.hpp>

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace aether::sqlite::detail {

/// What SQLite said last on this connection, as an exception: storage_full, timed_out while others write, else
/// database_error.
[[noreturn]] void throw_failure(sqlite3* database, int code, std::string const& what);

/// Prepared once, run often. Used by one thread at a time, and gone before its connection.
class statement {
public:
  statement(sqlite3* database, std::string const& sql);

  statement& bind(int at, std::string const& text);
  statement& bind(int at, std::optional<std::string> const& text);
  statement& bind(int at, std::int64_t number);

  /// SQLITE_ROW or SQLITE_DONE; anything else is thrown, but for SQLITE_BUSY.
  int step();
  /// Runs it to its end, and makes it ready to be run again. False: others write.
  bool run();
  void reset() noexcept { sqlite3_reset(handle_.get()); }

  std::optional<std::string> text(int column) const;
  std::int64_t number(int column) const noexcept { return sqlite3_column_int64(handle_.get(), column); }

private:
  struct finalize {
    void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
  };
  void check_bound(int code);

  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, finalize> handle_;
};

/// Without results. Throws as above.
void execute(sqlite3* database, char const* sql);

} // namespace aether::sqlite::detail
