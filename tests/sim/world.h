// SPDX-License-Identifier: Apache-2.0
#pragma once

// One simulated history: the objects in the storage, the storage's clock, and the actors that take
// turns. Every storage operation is a moment at which another actor may go on; who does, what a
// listing shows of changes made under it, which operation fails or kills its actor is drawn from
// one seed. Nothing here is parallel: one actor runs at a time.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repo/machine.h"
#include "storage/storage.h"
#include "tests/sim/dice.h"
#include "tests/sim/fiber.h"
#include "tests/sim/oracle.h"

namespace lagan::sim {

constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr Nanoseconds kHour = 3600 * kSecond;
constexpr Nanoseconds kDay = 24 * kHour;

// Operations of actors whose names begin so.
struct Spot {
  std::string_view actor, how, name;
};

// What may go wrong in a history, and how often.
struct Weather {
  std::uint64_t burst = 8;                   // operations in a row by one actor, on average
  std::uint64_t sleep_one_in = 60;           // operations: the actor is suspended
  std::uint64_t longest_sleep = 200;         // operations of all
  std::vector<Spot> hot_spots;               // suspended there every other time
  std::uint64_t slow_listing_one_in = 1000;  // suspended in the middle
  std::uint64_t failure_one_in = 0;    // operations that fail, half of them after they took effect
  std::vector<std::uint64_t> crashes;  // by the number of the operation
  bool listings_end_in_time = true;    // see World::remove
  // Operations that happen in this order, where chance alone would hardly ever arrange it: who gets
  // to its next step too early waits, though not for ever.
  std::vector<Spot> plot;
};

struct Actor {
  std::string name;
  std::unique_ptr<Fiber> fiber;
  ProcessIdentity process;
  bool is_dead = false;             // the process: its operations fail from now on
  std::uint64_t sleeps_until = 0;   // operations of all
  std::uint64_t listing_since = 0;  // when its listing of index/ began; 0: there is none
  std::uint64_t run_began = 0;      // when the first listing of index/ of its run ended
  std::function<bool()> may_go_on;  // empty: always
  std::uint64_t operations = 0, packs_put = 0;
};

struct WorldCounts {
  std::uint64_t operations = 0, crashes = 0, failures = 0, sleeps = 0;
  std::uint64_t verified = 0, segments_put = 0, packs_removed = 0, segments_removed = 0;
};

class World {
 public:
  World(std::uint64_t seed, Oracle& oracle, Fiber::Stacks& stacks, bool is_traced);

  // Setting up. A world without actors carries out operations at once.
  Weather weather;
  std::map<std::string, Object, std::less<>> objects;
  Dice dice;
  Nanoseconds now;  // the storage's clock
  Actor& add_actor(std::string name, std::function<void(Actor&)> script);

  // Runs the actors until all scripts have ended. Then nothing is on its way any more.
  void run();

  // For actors.
  void sleep(std::uint64_t operations);
  const WorldCounts& counts() const { return counts_; }
  const std::optional<std::string>& violation() const { return violation_; }
  void report(const std::string& violation);
  // Asks the oracle.
  void look(const std::string& when);
  // By the actor whose turn it is.
  std::uint64_t packs_put() const { return current_ != nullptr ? current_->packs_put : 0; }
  void trace(const std::string& what);

  // The operations of Storage.
  Result<void> put(std::string_view name, ByteSpan bytes);
  Result<void> remove(std::string_view name);
  // Of a put object; borrowed until the next operation.
  Result<const Object*> find(const char* how, std::string_view name);
  Result<std::vector<ObjectInfo>> list(std::string_view prefix);

 private:
  enum class Fate { done, done_but_fails, fails, done_later };
  struct Change {
    std::string name;
    std::optional<Object> object;  // nothing: removed
  };
  struct Late {
    std::uint64_t at;
    std::string name;
    std::optional<Object> object;
  };
  Result<Fate> arrive(const char* how, std::string_view name);
  std::size_t next_step(const Actor& actor) const;
  void follow_plot(Actor& actor, const char* how, std::string_view name);
  Result<void> leave(Fate fate, const std::string& name);
  void give_way();
  bool can_run(const Actor& actor) const;
  Actor* choose();
  void apply(const std::string& name, std::optional<Object> object);
  void apply_late(bool all);

  Oracle& oracle_;
  Fiber::Stacks& stacks_;
  const bool is_traced_;
  std::vector<std::unique_ptr<Actor>> actors_;
  Actor* current_ = nullptr;
  std::uint64_t burst_left_ = 0;
  std::size_t plot_at_ = 0;       // the step that comes next
  std::uint64_t plot_until_ = 0;  // operations of all, unless a step is made before
  std::vector<Change> changes_;
  std::vector<Late> late_;
  WorldCounts counts_;
  std::optional<std::string> violation_;
};

}  // namespace lagan::sim
