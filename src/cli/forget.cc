// SPDX-License-Identifier: Apache-2.0
#include "src/engine/forget.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "repo/chunk_reader.h"
#include "src/cli/prune_flags.h"
#include "src/cli/snapshot_json.h"
#include "src/cli/value_check.h"
#include "src/engine/retention.h"
#include "src/engine/usage.h"

namespace lagan::cli {
namespace {

struct ForgetFlags {
  std::vector<std::string> wanted, keep_tags;
  // In the order of kCounts and kSpans.
  std::array<std::string, 6> counts, spans;
  std::string group_by = "host,paths", max_size;
  SnapshotFlags filter;
  bool time_machine = false, unsafe_remove_all = false, prune = false, compact = false;
  PruneFlags prune_flags;
};

struct CountFlag {
  const char* flag;
  const char* what;
  int RetentionPolicy::*count;
};
constexpr std::array<CountFlag, 6> kCounts = {{
    {"-l,--keep-last", "keep the last N snapshots", &RetentionPolicy::last},
    {"-H,--keep-hourly", "of the last N hours that have one, the newest", &RetentionPolicy::hourly},
    {"-d,--keep-daily", "of the last N days that have one, the newest", &RetentionPolicy::daily},
    {"-w,--keep-weekly", "of the last N weeks that have one, the newest", &RetentionPolicy::weekly},
    {"-m,--keep-monthly", "of the last N months that have one, the newest",
     &RetentionPolicy::monthly},
    {"-y,--keep-yearly", "of the last N years that have one, the newest", &RetentionPolicy::yearly},
}};

struct SpanFlag {
  const char* flag;
  const char* what;
  CalendarSpan RetentionPolicy::*span;
};
constexpr std::array<SpanFlag, 6> kSpans = {{
    {"--keep-within", "keep all of this time before the newest, 2y5m7d3h",
     &RetentionPolicy::within},
    {"--keep-within-hourly", "of each hour of this time", &RetentionPolicy::within_hourly},
    {"--keep-within-daily", "of each day of this time", &RetentionPolicy::within_daily},
    {"--keep-within-weekly", "of each week of this time", &RetentionPolicy::within_weekly},
    {"--keep-within-monthly", "of each month of this time", &RetentionPolicy::within_monthly},
    {"--keep-within-yearly", "of each year of this time", &RetentionPolicy::within_yearly},
}};

std::string long_name(const char* flag) {
  const std::string_view text = flag;
  return std::string(text.substr(text.find("--")));
}

std::optional<int> parse_count(const std::string& text) {
  if (text == "unlimited" || text == "-1") return kUnlimited;
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

Result<void> check_count(const std::string& text) {
  if (parse_count(text) || parse_calendar_span(text)) return {};
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("expected a number, a duration like 2w or 1y6m, or unlimited, not '{}'", text));
}

// `--keep-daily 7`, and as in borg `--keep-daily 2w`, which is `--keep-within-daily 2w`.
Result<void> read_count(const ForgetFlags& flags, std::size_t kind, RetentionPolicy& policy) {
  const std::string& text = flags.counts[kind];
  const std::string flag = long_name(kCounts[kind].flag);
  if (const auto count = parse_count(text)) {
    policy.*kCounts[kind].count = *count;
    return {};
  }
  const CalendarSpan span = TRY_IN(flag, parse_calendar_span(text));
  if (!flags.spans[kind].empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} and {} are both given a duration", flag, kSpans[kind].flag));
  }
  policy.*kSpans[kind].span = span;
  return {};
}

Result<RetentionPolicy> policy_of(const ForgetFlags& flags) {
  RetentionPolicy policy;
  if (flags.time_machine) {
    policy.within_hourly.hours = 24;
    policy.within_daily.months = 1;
    policy.weekly = kUnlimited;
  }
  for (std::size_t i = 0; i < kCounts.size(); ++i) {
    if (!flags.counts[i].empty()) TRY(read_count(flags, i, policy));
  }
  for (std::size_t i = 0; i < kSpans.size(); ++i) {
    if (!flags.spans[i].empty())
      policy.*kSpans[i].span = TRY_IN(kSpans[i].flag, parse_calendar_span(flags.spans[i]));
  }
  for (const std::string& list : flags.keep_tags) policy.tag_lists.push_back(split_list(list));
  return policy;
}

struct Judged {
  SnapshotGroup group;
  std::vector<Verdict> verdicts;
};

// Beyond the budget the oldest go first, whatever the policy says; the newest of all stays.
Result<void> keep_within_size(const Repository& repository, const LocalIndex& index,
                              std::uint64_t budget, std::vector<Judged>& groups) {
  struct Kept {
    const Snapshot* snapshot;
    Verdict* verdict;
  };
  std::vector<Kept> kept;
  for (Judged& judged : groups) {
    for (std::size_t i = 0; i < judged.verdicts.size(); ++i) {
      const StoredSnapshot& stored = judged.group.snapshots[i];
      if (judged.verdicts[i].keep && is_judged(stored, repository.now()))
        kept.push_back({&stored.snapshot, &judged.verdicts[i]});
    }
  }
  std::ranges::sort(
      kept, [](const Kept& a, const Kept& b) { return a.snapshot->time > b.snapshot->time; });
  ChunkReader reader(repository, index);
  const ChunkSource source = reader.source();
  UsageOptions options;
  options.mode = UsageMode::raw_data;
  std::optional<Error> trouble;
  options.trouble = [&](const std::string& path, const Error& error) {
    if (!trouble) trouble = Error(error).in(path);
  };
  UsageCounter usage(source, index, options);
  bool is_full = false;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (!is_full) TRY(usage.add(*kept[i].snapshot));
    if (trouble) return fail(*trouble);
    is_full = is_full || usage.total().bytes > budget;
    if (is_full && i != 0) *kept[i].verdict = Verdict();
  }
  return {};
}

std::string describe(const SnapshotGroup& group) {
  std::string text;
  if (!group.host.empty()) text += " of host " + group.host;
  if (!group.paths.empty()) text += fmt::format(" for {}", fmt::join(group.paths, ", "));
  if (!group.tags.empty()) text += fmt::format(" with tags {}", fmt::join(group.tags, ","));
  return text.empty() ? " of all snapshots" : text;
}

// Refuses what nobody means. Returns what is to be told beside.
Result<std::vector<std::string>> guard(const ForgetFlags& flags, const std::vector<Judged>& groups,
                                       Nanoseconds now) {
  std::vector<std::string> notes;
  for (const Judged& judged : groups) {
    std::size_t all = 0, kept = 0;
    for (std::size_t i = 0; i < judged.verdicts.size(); ++i) {
      if (!is_judged(judged.group.snapshots[i], now)) continue;
      ++all;
      if (judged.verdicts[i].keep) ++kept;
    }
    if (all != 0 && kept == 0) {
      const bool has_filter =
          !flags.filter.hosts.empty() || !flags.filter.tags.empty() || !flags.filter.paths.empty();
      if (!flags.unsafe_remove_all || !has_filter) {
        return fail(
            ErrorCode::invalid_argument,
            fmt::format("this policy keeps none of the snapshots{}: nothing was forgotten; if that "
                        "is meant, say --unsafe-allow-remove-all with --host, --tag or --path",
                        describe(judged.group)));
      }
    }
    if (2 * (all - kept) > all) {
      const bool dry_run = flags.prune_flags.dry_run;
      notes.push_back(fmt::format("{} of {} snapshots{} {} forgotten{}", all - kept, all,
                                  describe(judged.group), dry_run ? "would be" : "are",
                                  dry_run ? "" : "; 'lagan undelete' brings them back"));
    }
  }
  return notes;
}

Json group_json(const Judged& judged) {
  Json keep = Json::array(), remove = Json::array(), reasons = Json::array();
  for (std::size_t i = 0; i < judged.verdicts.size(); ++i) {
    const Json snapshot = to_json(judged.group.snapshots[i]);
    (judged.verdicts[i].keep ? keep : remove).push_back(snapshot);
    if (judged.verdicts[i].keep)
      reasons.push_back({{"snapshot", snapshot}, {"matches", judged.verdicts[i].reasons}});
  }
  Json out{{"keep", keep}, {"remove", remove}, {"reasons", reasons}};
  put_text(out, "host", judged.group.host);
  out["paths"] = Json(judged.group.paths);
  out["tags"] = Json(judged.group.tags);
  return out;
}

void print_group(const Context& context, const Judged& judged, bool compact) {
  context.say(fmt::format("snapshots{}", describe(judged.group)));
  for (std::size_t i = 0; i < judged.verdicts.size(); ++i) {
    const StoredSnapshot& stored = judged.group.snapshots[i];
    const Verdict& verdict = judged.verdicts[i];
    if (compact) {
      context.say(fmt::format("{} {}", verdict.keep ? "keep  " : "forget", stored.id.short_hex()));
    } else {
      context.say(fmt::format("{} {}  {}  {}", verdict.keep ? "keep  " : "forget",
                              stored.id.short_hex(), format_time(stored.snapshot.time),
                              fmt::join(verdict.reasons, ", ")));
    }
  }
}

// Named snapshots, without any policy.
Result<std::vector<SnapshotId>> forget_named(const ForgetFlags& flags, const SnapshotList& list) {
  std::vector<SnapshotId> ids;
  for (const std::string& wanted : flags.wanted) {
    // What cannot be read or is lost can be forgotten too, but not by mistake.
    const auto whole = SnapshotId::from_hex(wanted);
    const bool is_listed = whole && std::ranges::find(list.snapshots, *whole,
                                                      &StoredSnapshot::id) != list.snapshots.end();
    if (whole && !is_listed && !list.forgotten.contains(*whole)) {
      ids.push_back(*whole);
      continue;
    }
    auto found = find_snapshot(list, wanted, flags.filter.filter());
    const auto forgotten = std::ranges::find_if(list.forgotten, [&](const SnapshotId& id) {
      return !wanted.empty() && id.hex().starts_with(wanted);
    });
    if (!found && found.error().code == ErrorCode::not_found && forgotten != list.forgotten.end()) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("{0} is forgotten already; 'lagan undelete {0}' brings it back", wanted));
    }
    ids.push_back(TRY(std::move(found)).id);
  }
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

Result<std::vector<SnapshotId>> forget_by_policy(Context& context, const Repository& repository,
                                                 const ForgetFlags& flags,
                                                 const RetentionPolicy& policy,
                                                 const SnapshotList& list,
                                                 std::vector<std::string>& notes) {
  std::vector<StoredSnapshot> chosen;
  for (const StoredSnapshot& stored : list.snapshots) {
    if (matches(flags.filter.filter(), stored.snapshot)) chosen.push_back(stored);
  }
  std::vector<Judged> groups;
  for (SnapshotGroup& group : group_snapshots(chosen, TRY(parse_group_keys(flags.group_by)))) {
    auto verdicts = apply_policy(policy, group.snapshots, repository.now());
    groups.push_back({std::move(group), std::move(verdicts)});
  }
  if (!flags.max_size.empty()) {
    const std::uint64_t budget = TRY_IN("--max-size", parse_size(flags.max_size));
    const LocalIndex index = TRY(context.load_index(repository));
    TRY(keep_within_size(repository, index, budget, groups));
  }
  notes = TRY(guard(flags, groups, repository.now()));
  std::vector<SnapshotId> ids;
  Json all = Json::array();
  for (const Judged& judged : groups) {
    for (std::size_t i = 0; i < judged.verdicts.size(); ++i) {
      if (!judged.verdicts[i].keep) ids.push_back(judged.group.snapshots[i].id);
    }
    if (context.globals.json) {
      all.push_back(group_json(judged));
    } else {
      print_group(context, judged, flags.compact);
    }
  }
  if (context.globals.json) context.print_json(all);
  return ids;
}

Result<int> run_forget(Context& context, const ForgetFlags& flags) {
  const RetentionPolicy policy = TRY(policy_of(flags));
  if (flags.wanted.empty() && policy.is_empty() && !flags.unsafe_remove_all) {
    return fail(
        ErrorCode::invalid_argument,
        "say what to keep, for example --keep-daily 7 --keep-weekly 5, or which snapshot to "
        "forget");
  }
  if (!flags.wanted.empty() && !policy.is_empty())
    return fail(ErrorCode::invalid_argument, "name snapshots or a policy, not both");
  const auto repository = TRY(context.open_repository());
  TRY(repository->check_writable());
  const SnapshotList list = TRY(list_snapshots(*repository));
  for (const std::string& damaged : list.damaged) context.warn(damaged);
  std::vector<std::string> notes;
  const auto ids = !flags.wanted.empty()
                       ? TRY(forget_named(flags, list))
                       : TRY(forget_by_policy(context, *repository, flags, policy, list, notes));
  const bool dry_run = flags.prune_flags.dry_run;
  if (!dry_run) TRY(forget(*repository, ids, flags.wanted.empty() ? policy.text() : "by id"));
  context.say(fmt::format("{} {} snapshots{}", dry_run ? "would forget" : "forgot", ids.size(),
                          dry_run || ids.empty() ? "" : "; 'lagan undelete' brings them back"));
  for (const std::string& note : notes) {
    if (context.globals.json) {
      const Json message{{"message_type", "note"}, {"message", note}};
      put(stderr, message.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    } else if (!context.globals.quiet) {
      context.warn(note);
    }
  }
  if (flags.prune)
    TRY(prune_and_tell(context, *repository, flags.prune_flags, {ids.begin(), ids.end()}));
  return list.damaged.empty() ? kOk : kFailed;
}

}  // namespace

void add_forget(CLI::App& app, Context& context) {
  auto flags = std::make_shared<ForgetFlags>();
  CLI::App* command = app.add_subcommand(
      "forget", "hide snapshots that a policy does not keep; 'prune' deletes them after a while");
  command->add_option("snapshot", flags->wanted, "forget these, whatever a policy would say");
  for (std::size_t i = 0; i < kCounts.size(); ++i)
    command->add_option(kCounts[i].flag, flags->counts[i], kCounts[i].what)
        ->type_name("N")
        ->check(parsed_by(check_count));
  for (std::size_t i = 0; i < kSpans.size(); ++i)
    command->add_option(kSpans[i].flag, flags->spans[i], kSpans[i].what)
        ->type_name("TIME")
        ->check(parsed_by(parse_calendar_span));
  command->add_option("--keep-tag", flags->keep_tags, "keep snapshots with all tags of `tag,tag`")
      ->allow_extra_args(false);
  command->add_flag(
      "--keep-time-machine", flags->time_machine,
      "keep one of each hour for a day, of each day for a month, of each week for ever");
  command
      ->add_option("--max-size", flags->max_size,
                   "forget the oldest as well until the others take no more than SIZE")
      ->type_name("SIZE")
      ->check(parsed_by(parse_size));
  command
      ->add_option("-g,--group-by", flags->group_by,
                   "apply the policy to each group by host, paths, tags")
      ->type_name("KEYS")
      ->check(parsed_by(parse_group_keys));
  command->add_flag("--unsafe-allow-remove-all", flags->unsafe_remove_all,
                    "allow that nothing of a group is kept; needs --host, --tag or --path");
  command->add_flag("-c,--compact", flags->compact, "shorter output");
  command->add_flag("--prune", flags->prune, "prune afterwards");
  command->add_flag("-n,--dry-run", flags->prune_flags.dry_run, "only say what would be forgotten");
  flags->filter.add_to(*command, false);
  flags->prune_flags.add_to(*command);
  command->callback([&context, flags] {
    context.run = [&context, flags] {
      const auto code = run_forget(context, *flags);
      return code ? *code : context.fail_with(code.error());
    };
  });
}

}  // namespace lagan::cli
