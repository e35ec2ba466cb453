// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/world.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/stand_in_machine.h"

namespace lagan::sim {
namespace {

constexpr Nanoseconds kBegin = Nanoseconds{1'700'000'000} * kSecond;
// So many operations a plot that has begun waits for its next step.
constexpr std::uint64_t kPatience = 300;

bool is_at(const Spot& spot, const Actor& actor, std::string_view how, std::string_view name) {
  return actor.name.starts_with(spot.actor) && spot.how == how && name.starts_with(spot.name);
}

Error crashed() { return Error{ErrorCode::io, "crashed", Retry::never, {}}; }

}  // namespace

World::World(std::uint64_t seed, Oracle& oracle, Fiber::Stacks& stacks, bool is_traced)
    : dice(seed), now(kBegin), oracle_(oracle), stacks_(stacks), is_traced_(is_traced) {}

Actor& World::add_actor(std::string name, std::function<void(Actor&)> script) {
  Actor& actor = *actors_.emplace_back(std::make_unique<Actor>());
  actor.name = std::move(name);
  actor.fiber =
      std::make_unique<Fiber>(stacks_, [&actor, script = std::move(script)] { script(actor); });
  return actor;
}

void World::run() {
  while (Actor* const next = choose()) {
    current_ = next;
    burst_left_ = dice.below(2 * weather.burst + 1);
    set_this_process(next->process);
    next->fiber->resume();
  }
  current_ = nullptr;
  apply_late(true);
  actors_.clear();
}

bool World::can_run(const Actor& actor) const {
  return actor.sleeps_until <= counts_.operations && (!actor.may_go_on || actor.may_go_on());
}

// Anybody who can go on; if nobody can, the first to wake.
Actor* World::choose() {
  std::vector<Actor*> able;
  Actor* first_to_wake = nullptr;
  for (const auto& actor : actors_) {
    if (actor->fiber->is_done()) continue;
    if (can_run(*actor)) able.push_back(actor.get());
    if (actor->may_go_on && !actor->may_go_on()) continue;
    if (first_to_wake == nullptr || actor->sleeps_until < first_to_wake->sleeps_until)
      first_to_wake = actor.get();
  }
  if (!able.empty()) return able[dice.below(able.size())];
  // All wait for a step that nobody is left to make.
  if (first_to_wake == nullptr && plot_at_ < weather.plot.size()) {
    plot_at_ = weather.plot.size();
    return choose();
  }
  return first_to_wake;
}

void World::give_way() {
  Actor* const actor = current_;
  if (burst_left_ > 0 && can_run(*actor)) {
    --burst_left_;
    return;
  }
  actor->fiber->yield();
  // Whoever resumes it has seen to current_. What it slept for is over, even if nobody else was
  // left to pass the time.
  actor->sleeps_until = 0;
}

void World::sleep(std::uint64_t operations) {
  current_->sleeps_until = counts_.operations + operations;
  give_way();
}

void World::report(const std::string& violation) {
  if (!violation_) violation_ = violation;
  trace("VIOLATION " + violation);
}

void World::trace(const std::string& what) {
  if (!is_traced_) return;
  fmt::print("{:5} {:10} {}\n", counts_.operations, current_ != nullptr ? current_->name : "-",
             what);
}

// Of the plot: the next one by this actor.
std::size_t World::next_step(const Actor& actor) const {
  std::size_t step = plot_at_;
  while (step < weather.plot.size() && !actor.name.starts_with(weather.plot[step].actor)) ++step;
  return step;
}

void World::follow_plot(Actor& actor, const char* how, std::string_view name) {
  const std::size_t step = next_step(actor);
  if (step == weather.plot.size() || !is_at(weather.plot[step], actor, how, name)) return;
  const auto over = [this] { return plot_at_ != 0 && counts_.operations > plot_until_; };
  if (step > plot_at_ && !over()) {
    actor.may_go_on = [this, over, step] { return plot_at_ >= step || over(); };
    give_way();
    actor.may_go_on = nullptr;
  }
  if (step == plot_at_) {
    ++plot_at_;
    plot_until_ = counts_.operations + kPatience;
    trace(fmt::format("step {} of the plot", plot_at_));
  } else {
    plot_at_ = weather.plot.size();
  }
}

// The actor's turn to do this may be long after it asked.
Result<World::Fate> World::arrive(const char* how, std::string_view name) {
  if (current_ == nullptr) return Fate::done;
  Actor& actor = *current_;
  if (actor.is_dead) return fail(crashed());
  const bool is_hot = std::ranges::any_of(weather.hot_spots, [&](const Spot& spot) {
    return is_at(spot, actor, how, name) && dice.one_in(2);
  });
  if (is_hot || dice.one_in(weather.sleep_one_in)) {
    ++counts_.sleeps;
    actor.sleeps_until = counts_.operations + dice.between(1, weather.longest_sleep);
    if (dice.one_in(3)) now += static_cast<Nanoseconds>(dice.below(100)) * kHour;
  }
  give_way();
  follow_plot(actor, how, name);
  ++counts_.operations;
  ++actor.operations;
  now += static_cast<Nanoseconds>(dice.below(kSecond));
  if (dice.one_in(50)) now += static_cast<Nanoseconds>(dice.below(600)) * kSecond;
  apply_late(false);

  const auto crash = std::ranges::find(weather.crashes, counts_.operations);
  const bool dies = crash != weather.crashes.end();
  const bool fails = weather.failure_one_in != 0 && dice.one_in(weather.failure_one_in);
  if (!dies && !fails) return Fate::done;
  static constexpr Fate kFates[] = {Fate::done_but_fails, Fate::fails, Fate::done_later};
  const Fate fate = dies ? dice.pick(kFates) : kFates[dice.below(2)];
  if (dies) {
    ++counts_.crashes;
    actor.is_dead = true;
    end_process(actor.process);
  } else {
    ++counts_.failures;
  }
  trace(fmt::format("{} {} {}{}", how, name, dies ? "dies here" : "fails",
                    fate == Fate::done_but_fails ? ", done"
                    : fate == Fate::done_later   ? ", done later"
                                                 : ""));
  return fate;
}

// Others may see what was done before the actor learns of it.
Result<void> World::leave(Fate fate, const std::string& name) {
  if (current_ == nullptr) return {};
  if (fate == Fate::done) {
    if (dice.one_in(2)) give_way();
    return {};
  }
  if (current_->is_dead) return fail(crashed());
  return fail(ErrorCode::unavailable, name + ": the connection was lost");
}

void World::apply(const std::string& name, std::optional<Object> object) {
  if (object) {
    if (name.starts_with("index/")) ++counts_.segments_put;
    if (name.ends_with(".ok")) ++counts_.verified;
    if (!objects.try_emplace(name, *object).second) return;
  } else {
    if (objects.erase(name) == 0) return;
    if (name.starts_with("index/")) ++counts_.segments_removed;
    if (name.starts_with("data/") || name.starts_with("tree/")) ++counts_.packs_removed;
  }
  changes_.push_back({name, std::move(object)});
  if (Oracle::matters(name))
    look(fmt::format("{} {}", changes_.back().object ? "put" : "remove", name));
}

void World::look(const std::string& when) {
  if (violation_) return;
  if (const auto broken = oracle_.check(objects, now))
    report(fmt::format("after operation {}, {}: {}", counts_.operations, when, *broken));
}

void World::apply_late(bool all) {
  for (std::size_t i = 0; i < late_.size();) {
    if (!all && late_[i].at > counts_.operations) {
      ++i;
      continue;
    }
    Late landing = std::move(late_[i]);
    late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(i));
    trace("lands late: " + landing.name);
    if (landing.object) landing.object->modified = now;
    apply(landing.name, std::move(landing.object));
  }
}

Result<void> World::put(std::string_view name, ByteSpan bytes) {
  const Fate fate = TRY(arrive("put", name));
  const std::string text(name);
  Object object{std::make_shared<const Bytes>(Bytes::copy_of(bytes)), now, nullptr};
  object.meaning = oracle_.read(text, *object.bytes);
  if (fate == Fate::done || fate == Fate::done_but_fails) {
    trace("put " + text);
    if (current_ != nullptr && (text.starts_with("data/") || text.starts_with("tree/")))
      ++current_->packs_put;
    apply(text, std::move(object));
  } else if (fate == Fate::done_later) {
    late_.push_back({counts_.operations + dice.between(1, 300), text, std::move(object)});
  }
  return leave(fate, text);
}

// Listings are not pictures of one moment: one that is long enough sees neither the segment that
// replaces another, for it came after it had begun, nor the other, for it was gone before it got
// there. So a collection deletes segments only if another run has put what replaces them. That
// helps whoever lists for no longer than from the beginning of that run to its deletions, which
// `listings_end_in_time` grants.
Result<void> World::remove(std::string_view name) {
  if (current_ != nullptr && weather.listings_end_in_time && name.starts_with("index/")) {
    Actor& actor = *current_;
    actor.may_go_on = [this, &actor] {
      return std::ranges::none_of(actors_, [&](const auto& other) {
        return other.get() != &actor && other->listing_since != 0 &&
               other->listing_since <= actor.run_began;
      });
    };
  }
  auto arrived = arrive("remove", name);
  if (current_ != nullptr) current_->may_go_on = nullptr;
  const Fate fate = TRY(std::move(arrived));
  const std::string text(name);
  if (fate == Fate::done || fate == Fate::done_but_fails) {
    trace("remove " + text);
    apply(text, std::nullopt);
  } else if (fate == Fate::done_later && !name.starts_with("index/")) {
    late_.push_back({counts_.operations + dice.between(1, 300), text, std::nullopt});
  }
  return leave(fate, text);
}

Result<const Object*> World::find(const char* how, std::string_view name) {
  const Fate fate = TRY(arrive(how, name));
  if (fate != Fate::done) TRY(leave(fate, std::string(name)));
  const auto at = objects.find(name);
  if (at == objects.end()) {
    trace(fmt::format("{} {}: not there", how, name));
    return fail(ErrorCode::not_found, fmt::format("{}: no such object", name));
  }
  if (current_ != nullptr) trace(fmt::format("{} {}", how, name));
  return &at->second;
}

// What was there before the listing began and stays is seen; what comes or goes under it may be.
Result<std::vector<ObjectInfo>> World::list(std::string_view prefix) {
  const Fate fate = TRY(arrive("list", prefix));
  if (fate != Fate::done) TRY(leave(fate, std::string(prefix)));
  std::map<std::string, std::pair<std::uint64_t, Nanoseconds>> seen;
  for (auto at = objects.lower_bound(prefix); at != objects.end() && at->first.starts_with(prefix);
       ++at) {
    seen.emplace(at->first, std::pair(at->second.bytes->size(), at->second.modified));
  }
  const bool is_index = prefix == "index/";
  if (current_ != nullptr) {
    Actor& actor = *current_;
    const std::size_t begin = changes_.size();
    if (is_index) actor.listing_since = counts_.operations;
    if (dice.one_in(weather.slow_listing_one_in))
      actor.sleeps_until = counts_.operations + dice.between(1, weather.longest_sleep);
    for (std::uint64_t pages = dice.below(3); pages > 0; --pages) give_way();
    actor.listing_since = 0;
    if (is_index && actor.run_began == 0) actor.run_began = counts_.operations;
    for (std::size_t i = begin; i < changes_.size(); ++i) {
      const auto& [name, object] = changes_[i];
      if (!name.starts_with(prefix) || dice.one_in(2)) continue;
      if (object) {
        seen.emplace(name, std::pair(object->bytes->size(), object->modified));
      } else {
        seen.erase(name);
      }
    }
    trace(fmt::format("list {}: {}", prefix, seen.size()));
  }
  std::vector<ObjectInfo> found;
  for (const auto& [name, what] : seen)
    found.push_back({*ObjectName::parse(name), what.first, what.second});
  for (std::size_t i = found.size(); i > 1; --i) std::swap(found[i - 1], found[dice.below(i)]);
  return found;
}

}  // namespace lagan::sim
