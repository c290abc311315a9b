// Checkpoints in the SQLite database of a read model, in one transaction with what the handler writes there.
#pragma once

#include <aether/checkpoint_store.hpp>

#include <chrono>
#include <memory>
#include <string>

struct sqlite3;

namespace aether::sqlite {

/// Opens a database file, or makes it, as a projection needs it: write-ahead log, so that those who read the model are
/// not held up, `synchronous = normal`, and no waiting inside SQLite. After a loss of power the last transactions may
/// be missing, each as a whole with its checkpoint: their events come again. Throws database_error.
std::shared_ptr<sqlite3> open_database(std::string const& file);

/// Zero and empty mean the default.
struct checkpoint_config {
  std::string table; ///< made when it is missing; letters, digits and `_`; empty: aether_checkpoints
  std::chrono::nanoseconds busy_timeout{}; ///< for others that write, of calls that name no timeout; 0: 5 s

  checkpoint_config() = default;

  void validate() const; ///< throws invalid_argument
};

/// Transactional: the handler writes through the same connection, `database`, and must leave transactions alone
/// (savepoints of its own are fine). One connection serves one projection at a time; other connections, in this and in
/// other processes, read the model whenever they like, and wait to write while a group of events is open.
///
/// SQLite blocks: each statement, and above all the commit, runs on the executor that awaits the projection's run().
/// Give a projection an io_context and a thread of its own where that matters. While others write, begin() waits
/// without blocking; a busy timeout that is set on the connection itself would block. Errors are database_error with
/// SQLite's own words, timed_out while others write, and storage_full.
class checkpoint_store final : public aether::checkpoint_store {
public:
  checkpoint_store() = default; ///< every call throws not_open
  /// Throws invalid_argument.
  explicit checkpoint_store(std::shared_ptr<sqlite3> database, checkpoint_config config = {});

private:
  awaitable<std::optional<checkpoint>> do_find(std::string name, call_options options) const override;
  awaitable<std::unique_ptr<checkpoint_session>> do_take_over(std::string name, call_options options) override;

  struct impl;
  std::shared_ptr<impl const> impl_;
};

} // namespace aether::sqlite
