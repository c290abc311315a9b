// Checkpoints in SQLite, for the contract suite: a file of its own for each case, a connection for each store.
#include <aether/sqlite/checkpoint_store.hpp>
#include <contract/checkpoint_providers.hpp>
#include <support/temporary_directory.hpp>

#include <sqlite3.h>

#include <stdexcept>

namespace aether::test {

namespace {

class sqlite_data final : public checkpoint_data {
public:
  awaitable<std::shared_ptr<checkpoint_store>> open() override {
    co_return std::make_shared<sqlite::checkpoint_store>(sqlite::open_database(file()));
  }
  awaitable<void> remove(std::string name) override {
    auto const database = sqlite::open_database(file());
    auto const sql = "delete from aether_checkpoints where name = '" + name + "'";
    if (sqlite3_exec(database.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(database.get()));
    co_return;
  }
  std::shared_ptr<checkpoint_store> default_made() override { return std::make_shared<sqlite::checkpoint_store>(); }

private:
  std::string file() const { return (directory_.path() / "model.db").string(); }
  temporary_directory directory_;
};

} // namespace

std::optional<checkpoint_provider> sqlite_checkpoints() {
  checkpoint_provider p;
  p.name = "sqlite";
  p.transactional = true;
  p.can_remove = true;
  p.make = [] { return std::unique_ptr<checkpoint_data>(std::make_unique<sqlite_data>()); };
  return p;
}

} // namespace aether::test
