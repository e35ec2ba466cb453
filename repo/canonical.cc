// SPDX-License-Identifier: Apache-2.0
#include "repo/canonical.h"

#include <array>
#include <cstdint>
#include <initializer_list>

#include "repo/wire.h"

namespace lagan {
namespace {

enum class Form : std::uint8_t {
  unknown,   // of a later version: anything goes
  singular,  // once, and not with its default
  optional,  // once
  repeated,
  sorted,  // repeated messages, strictly ascending by their field 1
};

struct Schema;

struct Field {
  std::uint32_t number = 0;
  Form form = Form::unknown;
  const Schema* message = nullptr;
};

struct Schema {
  std::array<Field, 33> fields{};  // by number

  constexpr Schema(std::uint32_t last_singular, std::initializer_list<Field> others) {
    for (std::uint32_t i = 1; i <= last_singular; ++i) fields[i] = {i, Form::singular};
    for (const Field& field : others) fields[field.number] = field;
  }
};

constexpr Schema kSlice(3, {});
constexpr Schema kSubtree(4, {});
constexpr Schema kXattr(2, {{3, Form::repeated, &kSlice}});
constexpr Schema kEntry(32, {{10, Form::optional},
                             {12, Form::repeated, &kSlice},
                             {14, Form::singular, &kSubtree},
                             {18, Form::sorted, &kXattr},
                             {19},
                             {23},
                             {26},
                             {27},
                             {28},
                             {29},
                             {31, Form::optional}});
constexpr Schema kDirectoryChild(3, {});
constexpr Schema kDirectory(3, {{1, Form::sorted, &kEntry}, {2, Form::sorted, &kDirectoryChild}});
constexpr Schema kListChild(2, {});
constexpr Schema kList(3, {{1, Form::repeated, &kSlice}, {2, Form::repeated, &kListChild}});

Field find(const Schema& schema, std::uint32_t number) {
  return number < schema.fields.size() ? schema.fields[number] : Field{};
}

// Also tells what field 1 of the message holds, for its parent.
bool is_canonical(std::string_view message, const Schema& schema, std::string_view* first) {
  std::uint32_t previous = 0;
  std::string_view previous_key;
  bool has_key = false;
  WireReader in(message);
  while (in.next()) {
    const Field field = find(schema, in.field());
    if (in.field() < previous || !in.all_shortest() || in.is_fixed32()) return false;
    if (in.field() != previous) has_key = false;
    const bool once = field.form == Form::singular || field.form == Form::optional;
    if (once && in.field() == previous) return false;
    if (field.form == Form::singular && in.is_default()) return false;
    previous = in.field();
    if (in.field() == 1 && first != nullptr && in.is_delimited()) *first = in.bytes();
    if (field.message == nullptr) continue;

    std::string_view key;
    if (!in.is_delimited() || !is_canonical(in.bytes(), *field.message, &key)) return false;
    if (field.form != Form::sorted) continue;
    if (has_key && key <= previous_key) return false;
    previous_key = key;
    has_key = true;
  }
  return !in.refused();
}

}  // namespace

bool is_canonical_directory(ByteSpan node) { return is_canonical(as_text(node), kDirectory, {}); }
bool is_canonical_list(ByteSpan node) { return is_canonical(as_text(node), kList, {}); }
bool is_canonical_entry(std::string_view entry) { return is_canonical(entry, kEntry, {}); }

}  // namespace lagan
