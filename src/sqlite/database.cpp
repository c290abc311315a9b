// Opening a database as a projection needs it.
#include "sqlite/statement.hpp"

#include <aether/sqlite/checkpoint_store.hpp>

namespace aether::sqlite {

std::shared_ptr<sqlite3> open_database(std::string const& file) {
  sqlite3* opened = nullptr;
  constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
  auto const code = sqlite3_open_v2(file.c_str(), &opened, flags, nullptr);
  // close_v2: what the handler prepared and did not finalize keeps it, instead of leaking it.
  std::shared_ptr<sqlite3> database(opened, [](sqlite3* d) { sqlite3_close_v2(d); });
  if (code != SQLITE_OK)
    detail::throw_failure(opened, code, "opening " + file);
  sqlite3_busy_timeout(opened, 5000); // only for these two, which write once in a database's life
  detail::execute(opened, "pragma journal_mode = wal");
  detail::execute(opened, "pragma synchronous = normal");
  sqlite3_busy_timeout(opened, 0);
  return database;
}

} // namespace aether::sqlite
