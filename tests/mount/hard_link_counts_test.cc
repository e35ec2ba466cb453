// SPDX-License-Identifier: Apache-2.0
#include "mount/hard_link_counts.h"

#include "tests/engine/memory_tree.h"

namespace lagan {
namespace {

Entry linked(std::string name, std::uint64_t group, std::string content = "content") {
  Entry entry = file_entry(std::move(name), std::move(content));
  entry.hardlink = group;
  return entry;
}

TEST_CASE("names of one file are counted wherever they are, and others of its group are not") {
  MemoryTree tree;
  const Entry inner = tree.folder("inner", {linked("c", 7), linked("other", 8)});
  const Entry without = tree.folder("without", {file_entry("plain", "1")});
  const Subtree root =
      tree.subtree({linked("a", 7), linked("b", 7, "forged"), inner, without, linked("alone", 9)});
  HardLinkCounts counts(tree.source, Numbers(PrfKey{}));
  const auto names = [&](const Entry& entry) {
    return counts.names_of(*root.id, counts.file_number(entry));
  };
  CHECK(names(linked("whatever", 7)) == 2);
  CHECK(names(linked("b", 7, "forged")) == 1);
  CHECK(names(linked("other", 8)) == 1);
  CHECK(names(linked("missing", 99)) == 1);
  // A second snapshot with the same folders: those without links are not read again.
  const Subtree next = tree.subtree({linked("a", 7), inner, without});
  tree.chunks.gets = 0;
  CHECK(counts.names_of(*next.id, counts.file_number(linked("a", 7))) == 2);
  CHECK(tree.chunks.gets == 2);
}

TEST_CASE("a folder that cannot be read costs only its own names") {
  MemoryTree tree;
  const Entry lost = tree.folder("lost", {linked("a", 7), file_entry("x", "x")});
  const Subtree root = tree.subtree({linked("b", 7), linked("c", 7), lost});
  tree.chunks.chunks.erase(*lost.subtree.id);
  HardLinkCounts counts(tree.source, Numbers(PrfKey{}));
  CHECK(counts.names_of(*root.id, counts.file_number(linked("b", 7))) == 2);
}

}  // namespace
}  // namespace lagan
