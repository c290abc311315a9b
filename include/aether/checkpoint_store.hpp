// Where projections keep how far they came, so that they go on from there.
#pragma once

#include <aether/awaitable.hpp>
#include <aether/call_options.hpp>
#include <aether/position.hpp>

#include <memory>
#include <optional>
#include <string>

namespace aether {

struct checkpoint {
  /// Everything up to here was handled; none: nothing was, or it was cleared for a rebuild.
  std::optional<aether::position> position;
  /// The read model is to be cleared before anything is handled: a rebuild was under way.
  bool reset_due = false;

  checkpoint() = default;
  explicit checkpoint(aether::position p) : position(std::move(p)) {}
  friend bool operator==(checkpoint const&, checkpoint const&) = default;
};

/// One runner's hold on one projection's checkpoint, from take_over() until it is destroyed or somebody else takes
/// over. Used by one coroutine at a time, which also works on the read model in between:
///
///     begin()   { begin_event()   the handler   keep_event() or undo_event() } …   commit()
///
/// Where the store is transactional, what stands between begin() and commit() is one transaction of the read model's
/// database, the handler's own writes included; destroyed in between, nothing of it happened. Elsewhere only commit()
/// does anything. Awaitables: what they are called on outlives them; only terminal cancellation acts, and throws
/// operation_aborted.
class checkpoint_session {
public:
  virtual ~checkpoint_session() = default;

  /// As it was found, or last written here.
  virtual checkpoint const& last() const noexcept = 0;
  virtual bool is_transactional() const noexcept = 0;

  /// Throws projection_taken_over when somebody else has; timed_out while others write in the database.
  virtual awaitable<void> begin(call_options options);
  virtual void begin_event();
  virtual void keep_event();
  /// Back to begin_event(): what the handler wrote of this event is gone, that of the events before it stays.
  virtual void undo_event();
  /// Back to begin(). No error when nothing was begun.
  virtual void rollback() noexcept;

  /// Stores the checkpoint, unless somebody else has written since: then projection_taken_over, and nothing is stored.
  /// An answer that was lost is resolved by the next commit() and never taken for somebody else's. Begun or not.
  virtual awaitable<void> commit(checkpoint next, call_options options) = 0;

protected:
  checkpoint_session() = default;
  checkpoint_session(checkpoint_session const&) = delete;
  checkpoint_session& operator=(checkpoint_session const&) = delete;
};

/// Checkpoints by the names of their projections, 1 to 255 bytes of UTF-8. Copyable handles on one implementation, as
/// event stores are. Threads: every function may be called from any thread and awaited on any executor.
class checkpoint_store {
public:
  virtual ~checkpoint_store() = default;

  /// Looks, and changes nothing; none: no runner ever took it.
  awaitable<std::optional<checkpoint>> find(std::string name, call_options options = {}) const;
  /// From now on this session alone can write the checkpoint: those that had it are refused at their next write. Throws
  /// invalid_id, timed_out, and what the store's own writing throws.
  awaitable<std::unique_ptr<checkpoint_session>> take_over(std::string name, call_options options = {});

protected:
  checkpoint_store() = default;
  checkpoint_store(checkpoint_store const&) = default;
  checkpoint_store(checkpoint_store&&) = default;
  checkpoint_store& operator=(checkpoint_store const&) = default;
  checkpoint_store& operator=(checkpoint_store&&) = default;

private:
  // As in event_store: overrides are no coroutines, and arguments arrive unchecked.
  virtual awaitable<std::optional<checkpoint>> do_find(std::string name, call_options options) const = 0;
  virtual awaitable<std::unique_ptr<checkpoint_session>> do_take_over(std::string name, call_options options) = 0;
};

} // namespace aether
