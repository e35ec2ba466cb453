// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/run_state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <ctime>
#include <nlohmann/json.hpp>

namespace lagan {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kRecordMax = std::size_t{1} << 20;
constexpr Step kSteps[] = {Step::backup, Step::forget, Step::prune, Step::check};

std::string path_of(const std::string& folder, const std::string& profile) {
  return folder + "/" + profile + ".json";
}

Json to_json(const StepRecord& step) {
  return {{"attempted", step.attempted}, {"succeeded", step.succeeded},
          {"finished", step.finished},   {"damage_found", step.damage_found},
          {"damage", step.damage},       {"failures", step.failures},
          {"exit_code", step.exit_code}, {"error", step.error}};
}

Json to_json(const RepositoryRecord& repository) {
  Json steps = Json::object();
  for (const auto& [step, record] : repository.steps) steps[step_name(step)] = to_json(record);
  return {{"steps", steps},
          {"snapshot", repository.snapshot},
          {"snapshot_time", repository.snapshot_time},
          {"files", repository.files},
          {"bytes", repository.bytes},
          {"added_bytes", repository.added_bytes},
          {"seen", repository.seen}};
}

template <typename Value>
void take(const Json& from, const char* name, Value& into) {
  const auto found = from.find(name);
  if (found == from.end()) return;
  if constexpr (std::is_same_v<Value, std::string>) {
    if (found->is_string()) into = found->get<std::string>();
  } else if constexpr (std::is_same_v<Value, bool>) {
    if (found->is_boolean()) into = found->get<bool>();
  } else {
    if (found->is_number_integer()) into = found->get<Value>();
  }
}

RepositoryRecord repository_from(const Json& json) {
  RepositoryRecord record;
  take(json, "snapshot", record.snapshot);
  take(json, "snapshot_time", record.snapshot_time);
  take(json, "files", record.files);
  take(json, "bytes", record.bytes);
  take(json, "added_bytes", record.added_bytes);
  take(json, "seen", record.seen);
  const auto steps = json.find("steps");
  if (steps == json.end() || !steps->is_object()) return record;
  for (const Step step : kSteps) {
    const auto found = steps->find(step_name(step));
    if (found == steps->end() || !found->is_object()) continue;
    StepRecord& each = record.steps[step];
    take(*found, "attempted", each.attempted);
    take(*found, "succeeded", each.succeeded);
    take(*found, "finished", each.finished);
    take(*found, "damage_found", each.damage_found);
    take(*found, "damage", each.damage);
    take(*found, "failures", each.failures);
    take(*found, "exit_code", each.exit_code);
    take(*found, "error", each.error);
  }
  return record;
}

std::string local_time(Nanoseconds time) {
  const std::time_t seconds = time / 1'000'000'000;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local));
}

}  // namespace

Result<ProfileRecord> load_record(const std::string& folder, const std::string& profile,
                                  std::string& damage) {
  const std::string path = path_of(folder, profile);
  const auto content = read_file(path, kRecordMax);
  if (!content) {
    if (content.error().code == ErrorCode::not_found) return ProfileRecord();
    return fail(content.error());
  }
  const Json json = Json::parse(as_text(*content), nullptr, false);
  ProfileRecord record;
  if (!json.is_object()) {
    damage = path + " cannot be understood: everything counts as due";
    return record;
  }
  take(json, "failing_since", record.failing_since);
  take(json, "is_incomplete", record.is_incomplete);
  take(json, "failure_told", record.failure_told);
  take(json, "trouble", record.trouble);
  if (const auto all = json.find("repositories"); all != json.end() && all->is_object()) {
    for (const auto& [name, each] : all->items()) {
      if (each.is_object()) record.repositories[name] = repository_from(each);
    }
  }
  return record;
}

Result<void> save_record(const std::string& folder, const std::string& profile,
                         const ProfileRecord& record) {
  Json repositories = Json::object();
  for (const auto& [name, each] : record.repositories) repositories[name] = to_json(each);
  const Json json{{"version", 1},
                  {"repositories", repositories},
                  {"failing_since", record.failing_since},
                  {"is_incomplete", record.is_incomplete},
                  {"failure_told", record.failure_told},
                  {"trouble", record.trouble}};
  TRY(make_directories(folder));
  const std::string text = json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  return replace_file(path_of(folder, profile), as_bytes(text));
}

std::string name_beside(const std::string& profile) {
  // No profile is called so.
  return profile + ".beside";
}

Result<void> remove_record(const std::string& folder, const std::string& profile) {
  const std::string path = path_of(folder, profile);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return fail(system_error("remove " + path, errno));
  return {};
}

Result<RunLock> RunLock::take(const std::string& folder, const std::string& profile,
                              const Clock& clock) {
  TRY(make_directories(folder));
  const std::string path = folder + "/" + profile + ".lock";
  File file = TRY(open_file(path, O_RDWR | O_CREAT));
  if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(system_error("lock " + path, errno));
    const auto content = read_file(path, 256);
    const std::string who(content ? as_text(*content) : std::string_view());
    return fail(ErrorCode::already_exists,
                fmt::format("profile {} is being run{}{}; it is left to that run", profile,
                            who.empty() ? "" : " by ", who));
  }
  const std::string text = fmt::format("process {} since {}", ::getpid(), local_time(clock()));
  if (::ftruncate(file.descriptor(), 0) != 0) return fail(system_error("write " + path, errno));
  TRY_IN(path, write_all_at(file.descriptor(), as_bytes(text), 0));
  return RunLock(std::move(file));
}

}  // namespace lagan
