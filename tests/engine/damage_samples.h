// SPDX-License-Identifier: Apache-2.0
#pragma once

// A repository with one snapshot, and ways to damage it.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "src/engine/check.h"
#include "tests/engine/engine_samples.h"

namespace lagan {

struct Damaged {
  TestClient client;
  SnapshotId snapshot;
  std::map<std::string, std::string> state;  // of the source at that snapshot

  Damaged() {
    write_file(client / "a", as_text(random_content(5'000'000, 1).span()));
    write_file(client / "b", as_text(random_content(300'000, 2).span()));
    REQUIRE(::mkdir((client / "folder").c_str(), 0755) == 0);
    write_file(client / "folder/c", as_text(random_content(3'000, 3).span()));
    client.let_settle();
    back_up();
  }
  void back_up() {
    snapshot = *client.back_up_well().result.snapshot;
    state = describe_tree(client.source());
  }

  Repository& operator*() { return *client.repository; }
  RecordingStorage& storage() { return *client.repository.storage; }
  std::vector<std::string> names(const std::string& folder) {
    return client.repository.names(folder);
  }
  // Of several blocks, whatever the hashes are.
  std::string largest(const std::string& folder) {
    return std::ranges::max(names(folder), {}, [&](const std::string& name) {
      return client.repository.size_of(name);
    });
  }
  bool has(const std::string& name) {
    return storage().inner().stat(*ObjectName::parse(name)).has_value();
  }
  void remove(const std::string& name) {
    REQUIRE(storage().inner().remove(*ObjectName::parse(name)));
  }
  void flip(const std::string& name, std::size_t at) { client.repository.damage(name, at); }
  void flip(const std::string& name) { flip(name, client.repository.size_of(name) / 2); }

  // The objects that are there, all of them.
  std::vector<std::string> objects() { return names(""); }

  struct Checked {
    std::uint64_t errors = 0;
    std::string text;
  };
  Checked check_all(bool read_data = true) {
    CheckOptions options;
    options.read.kind = read_data ? ReadSubset::Kind::all : ReadSubset::Kind::none;
    CollectingObserver observer;
    std::string text;
    const auto checked = check(*client.repository, options, observer, [&](const Finding& finding) {
      if (finding.severity == Severity::error) text += finding.where + ": " + finding.what + "\n";
    });
    REQUIRE_MESSAGE(checked, checked.error().message);
    return {checked->errors, text};
  }
  void check_is_clean() {
    const Checked checked = check_all();
    CHECK_MESSAGE(checked.errors == 0, checked.text);
  }
  void check_restores() {
    const std::string target = client.work("back");
    const Restored restored = client.restore_source(snapshot, target);
    CHECK_MESSAGE(restored.troubles.empty(), restored.troubles.front());
    CHECK(difference(state, describe_tree(target)) == "");
    remove_tree(target);
  }
};

}  // namespace lagan
