#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mutate.py NAME ROOT OUT - writes to OUT a source file of ROOT with one rule of the concurrency protocol broken.

Each text to be replaced must occur exactly once: a mutation that no longer fits the code stops the build, rather than
prove nothing. The simulation must find a violation in every program that is built with one of them.
"""
import pathlib
import sys

MUTATIONS = {
    # W1, W2: reads what is condemned before it registers.
    "register_late": ("repo/session.cc", [
        ('  TRY_IN("register the session", session->put_registration(purpose, 0));\n', ""),
        ("  if (auto learnt = session->learn(); !learnt) {\n",
         "  auto learnt = session->learn();\n"
         '  TRY_IN("register the session", session->put_registration(purpose, 0));\n'
         "  if (!learnt) {\n"),
    ]),
    # G4: waits for nobody.
    "no_wait": ("src/engine/prune.cc", [
        ("return open.contains(id); });", "return open.contains(id) && false; });"),
    ]),
    # G4: takes a silent writer for dead without closing its session.
    "no_fence": ("src/engine/open_sessions.cc", [
        ("    auto put = repository.put_body(ObjectKind::fence, names::fence(session.id), encode(mark));\n",
         "    auto put = Result<void>();\n"),
    ]),
    # G5: judges by the snapshots of G1.
    "no_remark": ("src/engine/prune.cc", [
        ("    TRY(check_stopped());\n    TRY(list_roots());\n", "    TRY(check_stopped());\n"),
    ]),
    # G5: drops what is needed without storing it again.
    "no_rescue": ("src/engine/prune.cc", [
        ("live_->is_live(chunk) && !index_->contains(chunk);", "live_->is_live(chunk) && false;"),
    ]),
    # W4: puts its snapshot and does not look for a fence.
    "no_check": ("repo/session.cc", [
        ("  if (!TRY(is_fenced())) return {};", "  if (!TRY(is_fenced()) || true) return {};"),
    ]),
    # W4: one pass, whatever it stored.
    "no_loop": ("repo/session.cc", [
        ("  while (TRY(store_endangered(repository_, index_, id_, snapshot, writer)) != 0) {\n  }\n",
         "  TRY(store_endangered(repository_, index_, id_, snapshot, writer));\n"),
    ]),
    # W4: a copy in a condemned pack is good enough for an `.ok`.
    "ok_on_condemned": ("repo/rescue.cc", [
        ("if (!index.contains(id) && !is_lost) endangered", "if (!index.find(id) && !is_lost) endangered"),
    ]),
    # G2: does not list the logs again after its own, so it counts what another collector has condemned
    # meanwhile as a surviving copy.
    "survivors_in_condemned": ("src/engine/prune.cc", [
        ("  PruneResult result_;\n", "  PruneResult result_;\n  std::optional<std::set<ObjectName>> first_logs_;\n"),
        ("  for (const ObjectName& name : logs) {\n",
         "  if (!first_logs_) first_logs_.emplace(logs.begin(), logs.end());\n"
         "  std::erase_if(logs, [&](const ObjectName& name) { return !first_logs_->contains(name); });\n"
         "  for (const ObjectName& name : logs) {\n"),
        ("    TRY(repository_.put_signed(ObjectKind::condemned,\n"
         "                               names::random_name(names::kCondemned, repository_.random_id()),\n"
         "                               encode(log)));\n",
         "    const ObjectName own = names::random_name(names::kCondemned, repository_.random_id());\n"
         "    TRY(repository_.put_signed(ObjectKind::condemned, own, encode(log)));\n"
         "    first_logs_->insert(own);\n"),
    ]),
    # G7 in the run that did G6.
    "sweep_at_once": ("src/engine/prune.cc", [
        ("  TRY(drop());\n  return std::move(result_);", "  TRY(drop());\n  found_segments_ = TRY(SegmentSet::read(repository_));\n  TRY(sweep());\n  return std::move(result_);"),
    ]),
}


def main() -> int:
    name, root, out = sys.argv[1:]
    source, replacements = MUTATIONS[name]
    text = (pathlib.Path(root) / source).read_text(encoding="utf-8")
    for old, new in replacements:
        count = text.count(old)
        if count != 1:
            print(f"mutation {name} has rotted: {source} contains {count} times, not once:\n{old}", file=sys.stderr)
            return 1
        text = text.replace(old, new)
    pathlib.Path(out).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
