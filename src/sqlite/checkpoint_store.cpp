// One row a projection, changed only as it was read, inside the transaction that holds what the handler wrote.
#include <aether/sqlite/checkpoint_store.hpp>

#include "detail/call_deadline.hpp"
#include "detail/utf8.hpp"
#include "detail/wait.hpp"
#include "sqlite/statement.hpp"
#include "store_checks.hpp"

#include <algorithm>
#include <utility>

namespace aether::sqlite {

namespace {

using aether::detail::quoted;
using aether::detail::steady_time;
using clock = std::chrono::steady_clock;

constexpr std::chrono::nanoseconds default_busy_timeout = std::chrono::seconds(5);

bool in_transaction(sqlite3* database) noexcept { return sqlite3_get_autocommit(database) == 0; }

/// Takes the right to write, and waits for it without blocking.
awaitable<void> begin_immediate(std::shared_ptr<sqlite3> database, steady_time deadline) {
  using aether::detail::wait_state;
  if (in_transaction(database.get()))
    throw error(errc::database_error, "a transaction is open on this connection: use a connection of its own for each "
                                      "projection, and leave transactions to it");
  detail::statement begin(database.get(), "begin immediate");
  for (auto pause = std::chrono::milliseconds(1); !begin.run();
       pause = std::min(pause * 2, std::chrono::milliseconds(50))) {
    auto const now = clock::now();
    if (now >= deadline)
      throw error(errc::timed_out, "others write in the database: their transactions last longer than the timeout");
    auto const waited = co_await aether::detail::wait_until<bool>(std::min(deadline, now + pause),
                                                                  [](std::shared_ptr<wait_state<bool>>) {});
    aether::detail::throw_if_cancelled(waited);
  }
}

void roll_back(sqlite3* database) noexcept {
  if (in_transaction(database))
    sqlite3_exec(database, "rollback", nullptr, nullptr, nullptr);
}

/// A row as it is stored, as text: it is compared as it was read.
struct row {
  std::optional<std::string> position;
  bool reset_due = false;
  std::int64_t generation = 0;

  row() = default;

  checkpoint read() const {
    checkpoint c;
    if (position)
      c.position = position::from_text(*position);
    c.reset_due = reset_due;
    return c;
  }
};

} // namespace

struct checkpoint_store::impl {
  using handle = std::shared_ptr<impl const>;
  class session;

  std::shared_ptr<sqlite3> database;
  std::string table;
  std::chrono::nanoseconds busy_timeout;

  static handle const& checked(handle const& self, std::string const& name, call_options const& options) {
    if (!self)
      throw error(errc::not_open, "sqlite::checkpoint_store: the handle is default-made or was moved from");
    aether::detail::check_id(name, "the projection's name");
    aether::detail::check_timeout(options.timeout);
    return self;
  }
  steady_time deadline(call_options const& options) const {
    return aether::detail::deadline_after(options.timeout, busy_timeout);
  }
  std::optional<row> select(std::string const& name) const;
  bool has_table() const;

  static awaitable<std::optional<checkpoint>> find(handle self, std::string name, call_options options);
  static awaitable<std::unique_ptr<checkpoint_session>> take_over(handle self, std::string name, call_options options);
};

bool checkpoint_store::impl::has_table() const {
  detail::statement look(database.get(), "select 1 from sqlite_master where type = 'table' and name = ?1");
  return look.bind(1, table).step() == SQLITE_ROW;
}

std::optional<row> checkpoint_store::impl::select(std::string const& name) const {
  detail::statement look(database.get(), "select position, reset_due, generation from " + table + " where name = ?1");
  std::optional<row> found;
  auto const code = look.bind(1, name).step();
  if (code == SQLITE_BUSY)
    detail::throw_failure(database.get(), code, "reading the checkpoint of " + quoted(name));
  if (code == SQLITE_ROW) {
    found.emplace();
    found->position = look.text(0);
    found->reset_due = look.number(1) != 0;
    found->generation = look.number(2);
  }
  return found;
}

/// The transaction under way: statements that are run for each event are prepared once.
class checkpoint_store::impl::session final : public checkpoint_session {
public:
  session(handle store, std::string name, row mine)
      : store_(std::move(store)), name_(std::move(name)), mine_(std::move(mine)), last_(mine_.read()) {}
  ~session() override { rollback(); }

  checkpoint const& last() const noexcept override { return last_; }
  bool is_transactional() const noexcept override { return true; }

  awaitable<void> begin(call_options options) override {
    aether::detail::check_timeout(options.timeout);
    co_await begin_immediate(store_->database, store_->deadline(options));
    begun_ = true;
    bool is_ours = false;
    try {
      auto const now = store_->select(name_);
      is_ours = now && now->generation == mine_.generation && now->position == mine_.position;
    } catch (...) {
      rollback();
      throw;
    }
    if (!is_ours)
      throw_taken_over();
  }

  void begin_event() override { run(mark_); }
  void keep_event() override { run(release_); }
  void undo_event() override {
    run(undo_);
    run(release_);
  }

  void rollback() noexcept override {
    if (std::exchange(begun_, false))
      roll_back(store_->database.get());
  }

  awaitable<void> commit(checkpoint next, call_options options) override {
    if (!begun_)
      co_await begin(options);
    row written;
    if (next.position)
      written.position = next.position->to_text();
    written.reset_due = next.reset_due;
    written.generation = mine_.generation;
    try {
      check_transaction();
      if (!update(written))
        throw_taken_over();
      if (!commit_.run())
        detail::throw_failure(store_->database.get(), SQLITE_BUSY, "commit");
    } catch (...) {
      rollback();
      throw;
    }
    begun_ = false;
    mine_ = std::move(written);
    last_ = std::move(next);
  }

private:
  void check_transaction() const {
    if (!begun_ || !in_transaction(store_->database.get()))
      throw error(errc::database_error, "projection " + quoted(name_) +
                                            ": its transaction has ended under it: by the handler, which must leave "
                                            "transactions alone, or by SQLite after an error that the handler ignored");
  }

  void run(detail::statement& s) {
    check_transaction();
    if (!s.run())
      detail::throw_failure(store_->database.get(), SQLITE_BUSY, "projection " + quoted(name_));
  }

  bool update(row const& to) {
    update_.bind(1, name_).bind(2, mine_.position).bind(3, mine_.generation);
    update_.bind(4, to.position).bind(5, std::int64_t(to.reset_due));
    run(update_);
    return sqlite3_changes(store_->database.get()) == 1;
  }

  [[noreturn]] void throw_taken_over() {
    rollback();
    throw error(errc::projection_taken_over, "projection " + quoted(name_) +
                                                 ": another runner of this name began after this one, or its row in " +
                                                 store_->table + " was changed or removed");
  }

  handle store_; // keeps the connection, which the statements below need until they are gone
  std::string name_;
  row mine_;
  checkpoint last_;
  bool begun_ = false;
  sqlite3* const database_ = store_->database.get();
  detail::statement mark_{database_, "savepoint aether_event"};
  detail::statement release_{database_, "release aether_event"};
  detail::statement undo_{database_, "rollback to aether_event"};
  detail::statement commit_{database_, "commit"};
  detail::statement update_{database_, "update " + store_->table +
                                           " set position = ?4, reset_due = ?5, "
                                           "stored = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') "
                                           "where name = ?1 and position is ?2 and generation = ?3"};
};

awaitable<std::optional<checkpoint>> checkpoint_store::impl::find(handle self, std::string name, call_options options) {
  checked(self, name, options);
  std::optional<checkpoint> found;
  if (!self->has_table())
    co_return found;
  if (auto const row = self->select(name))
    found = row->read();
  co_return found;
}

awaitable<std::unique_ptr<checkpoint_session>> checkpoint_store::impl::take_over(handle self, std::string name,
                                                                                 call_options options) {
  auto* database = checked(self, name, options)->database.get();
  co_await begin_immediate(self->database, self->deadline(options));
  std::unique_ptr<checkpoint_session> taken;
  try {
    detail::execute(database, ("create table if not exists " + self->table +
                               " (name text primary key not null, position text, reset_due integer not null, "
                               "generation integer not null, stored text) without rowid")
                                  .c_str());
    auto mine = self->select(name).value_or(row());
    ++mine.generation;
    detail::statement claim(database, "insert into " + self->table +
                                          " (name, position, reset_due, generation) values (?1, ?2, ?3, ?4) "
                                          "on conflict (name) do update set generation = ?4");
    claim.bind(1, name).bind(2, mine.position).bind(3, std::int64_t(mine.reset_due)).bind(4, mine.generation).run();
    taken = std::make_unique<session>(self, std::move(name), std::move(mine));
    detail::execute(database, "commit");
  } catch (...) {
    roll_back(database);
    throw;
  }
  co_return taken;
}

void checkpoint_config::validate() const {
  auto const fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (!std::all_of(table.begin(), table.end(), fits) || (!table.empty() && table[0] >= '0' && table[0] <= '9'))
    throw error(errc::invalid_argument,
                "checkpoint_config::table is " + quoted(table) + ": use letters, digits and `_`, no digit first");
  if (busy_timeout < std::chrono::nanoseconds::zero())
    throw error(errc::invalid_argument, "checkpoint_config::busy_timeout is negative");
}

checkpoint_store::checkpoint_store(std::shared_ptr<sqlite3> database, checkpoint_config config) {
  config.validate();
  if (!database)
    throw error(errc::invalid_argument, "sqlite::checkpoint_store: there is no database");
  auto made = std::make_shared<impl>();
  made->database = std::move(database);
  made->table = config.table.empty() ? "aether_checkpoints" : std::move(config.table);
  made->busy_timeout = config.busy_timeout.count() == 0 ? default_busy_timeout : config.busy_timeout;
  impl_ = std::move(made);
}

awaitable<std::optional<checkpoint>> checkpoint_store::do_find(std::string name, call_options options) const {
  return impl::find(impl_, std::move(name), options);
}

awaitable<std::unique_ptr<checkpoint_session>> checkpoint_store::do_take_over(std::string name, call_options options) {
  return impl::take_over(impl_, std::move(name), options);
}

} // namespace aether::sqlite
