// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "repo/boot_record.h"
#include "repo/limits.h"
#include "repo/names.h"
#include "src/cli/context.h"
#include "src/cli/credentials.h"
#include "src/cli/key_armour.h"
#include "src/cli/show.h"
#include "src/cli/stored_objects.h"
#include "util/file.h"

namespace lagan::cli {
namespace {

struct KeyFlags {
  std::string which;  // an id, or for import a file
  std::string new_password_file, label;
  std::uint32_t kdf_memory_mib = 64, kdf_passes = 3;
  bool recovery = false, new_insecure_no_password = false;
};

using KeyAction = Result<void> (*)(Context&, const KeyFlags&);

std::string id_of(const ObjectName& name) { return std::string(last_name(name)); }

const char* kind_name(const SlotInfo& slot) {
  return slot.kind == Credential::Kind::password ? "password" : "recovery code";
}

std::string short_id(const ObjectName& name) { return id_of(name).substr(0, 8); }

void print_table(const Context& context, const Repository& repository,
                 const std::vector<Repository::KeySlot>& slots) {
  show(context, fmt::format(" {:8}  {:13}  {:19}  {}", "id", "opened by", "created", "label"));
  for (const Repository::KeySlot& slot : slots) {
    show(context,
         fmt::format("{}{:8}  {:13}  {:19}  {}", slot.name == repository.opened_slot() ? '*' : ' ',
                     short_id(slot.name), slot.info ? kind_name(*slot.info) : "unreadable",
                     slot.modified ? format_time(*slot.modified) : "",
                     slot.info ? slot.info->label : ""));
  }
}

Json slot_json(const Repository& repository, const Repository::KeySlot& slot) {
  Json out{{"current", slot.name == repository.opened_slot()},
           {"id", id_of(slot.name)},
           {"userName", ""},  // restic's; a slot tells the storage no names
           {"hostName", ""},
           {"created", slot.modified ? format_time_rfc3339(*slot.modified, 0) : ""}};
  put_text(out, "label", slot.info ? slot.info->label : "");
  out["kind"] = slot.info ? kind_name(*slot.info) : "unreadable";
  return out;
}

Result<void> list_keys(Context& context, const KeyFlags&) {
  const auto repository = TRY(context.open_repository());
  const auto slots = TRY(repository->key_slots());
  if (context.globals.json) {
    Json out = Json::array();
    for (const Repository::KeySlot& slot : slots) out.push_back(slot_json(*repository, slot));
    context.print_json(out);
  } else {
    print_table(context, *repository, slots);
  }
  return {};
}

Result<PasswordCost> cost_of(const KeyFlags& flags) {
  if (flags.kdf_memory_mib < 8 || flags.kdf_memory_mib > 1024 || flags.kdf_passes < 1 ||
      flags.kdf_passes > 64) {
    return fail(ErrorCode::invalid_argument,
                "--kdf-memory is 8 to 1024 (MiB), --kdf-passes 1 to 64");
  }
  return PasswordCost{flags.kdf_memory_mib * 1024, flags.kdf_passes};
}

Result<void> add_recovery_key(Context& context, const Repository& repository,
                              const KeyFlags& flags) {
  SecretBytes secret(32);
  system_random(secret.span());
  const ObjectName name = TRY(repository.add_key(Credential::code(secret.span()), {0, 0},
                                                 flags.label.empty() ? "recovery" : flags.label));
  const std::string code = format_recovery_code(secret.span());
  if (context.globals.json) {
    context.print_json(
        {{"message_type", "key_added"}, {"id", id_of(name)}, {"recovery_code", code}});
    return {};
  }
  context.say(fmt::format("added key {}", short_id(name)));
  fmt::print("\nrecovery code, to be printed and kept apart from this machine:\n\n    {}\n\n",
             code);
  return {};
}

Result<void> add_key(Context& context, const KeyFlags& flags) {
  const PasswordCost cost = TRY(cost_of(flags));
  if (flags.recovery && (flags.new_insecure_no_password || !flags.new_password_file.empty()))
    return fail(ErrorCode::invalid_argument, "--recovery makes a code: it takes no password");
  const auto repository = TRY(context.open_repository());
  TRY(repository->check_writable());
  if (flags.recovery) return add_recovery_key(context, *repository, flags);
  const Credential credential =
      TRY(find_new_credential(flags.new_password_file, flags.new_insecure_no_password));
  const ObjectName name = TRY(repository->add_key(credential, cost, flags.label));
  if (context.globals.json) {
    context.print_json({{"message_type", "key_added"}, {"id", id_of(name)}});
  } else {
    context.say(fmt::format("added key {}", short_id(name)));
  }
  return {};
}

// The new key is in place and proven before the old one goes: at no moment is there none.
Result<void> change_password(Context& context, const KeyFlags& flags) {
  const PasswordCost cost = TRY(cost_of(flags));
  const auto repository = TRY(context.open_repository());
  TRY(repository->check_writable());
  const auto slots = TRY(repository->key_slots());
  const auto old = std::ranges::find(slots, repository->opened_slot(), &Repository::KeySlot::name);
  if (old == slots.end() || !old->info)
    return fail(ErrorCode::not_found, "the key that opened the repository has gone meanwhile");
  const Credential credential =
      TRY(find_new_credential(flags.new_password_file, flags.new_insecure_no_password));
  const ObjectName added = TRY(
      repository->add_key(credential, cost, flags.label.empty() ? old->info->label : flags.label));

  OpenOptions options = TRY(context.open_options());
  options.key_hint = id_of(added);
  const auto storage = TRY(context.open_location());
  const auto reopened = TRY_IN("the new key does not open the repository, the old one stays",
                               Repository::open(storage, credential, options));
  const bool opened_by_code = old->info->kind == Credential::Kind::code;
  if (!opened_by_code) TRY(reopened->remove_key(old->name));
  if (context.globals.json) {
    Json message{{"message_type", "password_changed"}, {"id", id_of(added)}};
    if (!opened_by_code) message["removed"] = id_of(old->name);
    context.print_json(message);
    return {};
  }
  context.say(fmt::format("the new password opens the repository (key {})", short_id(added)));
  if (opened_by_code) {
    context.say(
        "The recovery code still does, too; keys whose password is lost can be removed "
        "with 'lagan key remove'.");
    return {};
  }
  context.say(fmt::format("removed key {}", short_id(old->name)));
  context.say(
      "Who knows the old password and kept a copy of its key or of the whole storage can "
      "still use both: this does not change the keys that the data is locked with.");
  return {};
}

// By label, if exactly one key has it, or by the beginning of its id.
Result<ObjectName> find_key(const Repository& repository,
                            const std::vector<Repository::KeySlot>& slots,
                            const std::string& which) {
  std::vector<ObjectName> labelled;
  for (const Repository::KeySlot& slot : slots) {
    if (slot.info && !which.empty() && slot.info->label == which) labelled.push_back(slot.name);
  }
  if (labelled.size() == 1) return labelled.front();
  if (labelled.size() > 1) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} keys are called {}: write the id of one", labelled.size(), which));
  }
  return TRY(find_object(repository.storage(), {names::kKeys}, which, "key")).name;
}

Result<void> remove_key(Context& context, const KeyFlags& flags) {
  const auto repository = TRY(context.open_repository());
  TRY(repository->check_writable());
  const auto slots = TRY(repository->key_slots());
  const ObjectName name = TRY(find_key(*repository, slots, flags.which));
  const auto usable = std::ranges::count_if(
      slots, [](const Repository::KeySlot& slot) { return slot.info.has_value(); });
  if (name == repository->opened_slot()) {
    return fail(ErrorCode::invalid_argument,
                usable <= 1
                    ? "this is the last key that opens the repository: add another one first"
                    : "this key has just opened the repository: open it with another one "
                      "(its password, or --key-hint), which proves that it works");
  }
  TRY(repository->remove_key(name));
  if (context.globals.json) {
    context.print_json({{"message_type", "key_removed"}, {"id", id_of(name)}});
  } else {
    context.say(fmt::format("removed key {}", short_id(name)));
  }
  return {};
}

// Without an id the key that the given password opens; with one no password is asked for, for the
// storage gives slots to everyone who can read it.
Result<void> export_key(Context& context, const KeyFlags& flags) {
  const auto storage = TRY(context.open_location());
  ObjectName name = *ObjectName::parse("keys");
  if (flags.which.empty()) {
    name = TRY(context.open_repository())->opened_slot();
  } else {
    name = TRY(find_object(*storage, {names::kKeys}, flags.which, "key")).name;
  }
  const Bytes object = TRY(storage->get(name));
  const SlotInfo slot = TRY_IN(name.text(), read_slot(object));
  fmt::print("{}", write_armour(slot.header.repository(), last_name(name), object));
  fmt::print(
      "\nThis key is locked by its {}; without that it opens nothing. Should the keys of the "
      "repository\nbe lost, put this text into a file and run: lagan -r LOCATION key import "
      "FILE\n",
      kind_name(slot));
  return {};
}

// Needs no password: when a key is to be put back there may be none that opens the repository.
Result<void> import_key(Context& context, const KeyFlags& flags) {
  const Bytes text = TRY(read_file(flags.which, 4 * limits::kSlotBytes));
  const ArmouredKey key = TRY_IN(flags.which, read_armour(as_text(text)));
  const auto storage = TRY(context.open_location());
  const Boot boot = TRY(read_boot_record(*storage));
  if (boot.repository != key.repository) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("this key is of repository {}, and {} holds {}", key.repository.short_hex(),
                    storage->description(), boot.repository.short_hex()));
  }
  const ObjectName name = TRY(ObjectName::parse(std::string(names::kKeys) + key.id));
  const auto there = storage->get(name);
  if (!there && there.error().code != ErrorCode::not_found) return fail(there.error());
  if (there && as_text(*there) == as_text(key.object)) {
    context.say(fmt::format("key {} is in its place already", short_id(name)));
    return {};
  }
  if (there && read_slot(*there)) {
    return fail(ErrorCode::already_exists,
                fmt::format("there is another sound key {} already", short_id(name)));
  }
  // Storage keeps what it has under a name, so a damaged slot must go first.
  if (there) TRY(storage->remove(name));
  TRY(storage->put(name, key.object));
  if (context.globals.json) {
    context.print_json({{"message_type", "key_imported"}, {"id", key.id}});
  } else {
    context.say(fmt::format("key {} is back", short_id(name)));
  }
  return {};
}

CLI::App* add_action(CLI::App& key, Context& context, const std::shared_ptr<KeyFlags>& flags,
                     const std::string& name, const std::string& about, KeyAction action) {
  CLI::App* command = key.add_subcommand(name, about);
  command->fallthrough();  // global flags may stand last
  command->callback([&context, flags, action] {
    context.run = [&context, flags, action] {
      const auto done = action(context, *flags);
      return done ? kOk : context.fail_with(done.error());
    };
  });
  return command;
}

void add_new_key_flags(CLI::App& command, KeyFlags& flags) {
  command.add_option("--new-password-file", flags.new_password_file, "file with the new password")
      ->type_name("FILE");
  command.add_flag("--new-insecure-no-password", flags.new_insecure_no_password,
                   "the new password is empty");
  command.add_option("--label", flags.label, "name of the key, visible to the storage");
  command.add_option("--kdf-memory", flags.kdf_memory_mib,
                     "memory that trying a password takes, in MiB");
  command.add_option("--kdf-passes", flags.kdf_passes, "passes over that memory");
}

}  // namespace

void add_key(CLI::App& app, Context& context) {
  auto flags = std::make_shared<KeyFlags>();
  CLI::App* key = app.add_subcommand("key", "passwords and codes that open the repository");
  key->require_subcommand(1);
  add_action(*key, context, flags, "list", "list the keys", list_keys);
  CLI::App* add = add_action(*key, context, flags, "add", "add a password or code", add_key);
  add_new_key_flags(*add, *flags);
  add->add_flag("--recovery", flags->recovery, "make a recovery code and print it");
  CLI::App* passwd = add_action(*key, context, flags, "passwd",
                                "put a new password in place of the one given", change_password);
  add_new_key_flags(*passwd, *flags);
  add_action(*key, context, flags, "remove", "remove a key", remove_key)
      ->add_option("id", flags->which, "the key's label, or its id or the beginning of it")
      ->required();
  add_action(*key, context, flags, "export", "print a key, still locked, to be kept elsewhere",
             export_key)
      ->add_option("id", flags->which, "the key's id; without, the one that the password opens");
  add_action(*key, context, flags, "import", "put an exported key back", import_key)
      ->add_option("file", flags->which, "file with what export printed")
      ->required();
}

}  // namespace lagan::cli
