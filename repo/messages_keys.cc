// SPDX-License-Identifier: Apache-2.0
// Boot record, key bundle and config.
#include <fmt/format.h>

#include <protozero/buffer_fixed.hpp>

#include "repo/limits.h"
#include "repo/messages.h"
#include "repo/wire.h"

namespace lagan {
namespace {

constexpr std::uint32_t kFormat = 1;
constexpr std::uint32_t kOwner = 1;
constexpr std::uint32_t kChunkerAlgorithm = 1;
constexpr std::uint32_t kFirstEpoch = 1;

Result<void> check_format(std::uint32_t format) {
  if (format == kFormat) return {};
  return fail(ErrorCode::unsupported,
              fmt::format("repository format {}; this lagan knows {}", format, kFormat));
}

using SecretBuffer = protozero::fixed_size_buffer_adaptor;
using SecretWriter = WireWriter<SecretBuffer>;

void write_epoch(SecretWriter& parent, const EpochKeys& epoch) {
  SecretWriter out(parent, 10);
  out.u64(1, epoch.number);
  out.bytes(2, epoch.data_public);
  out.bytes(3, epoch.data_secret.span());
  out.bytes(4, epoch.meta_public);
  out.bytes(5, epoch.meta_secret.span());
  out.bytes(6, epoch.shared.span());
  out.bytes(7, epoch.index_key.span());
}

void write_chunker(SecretWriter& parent, const Bundle& bundle) {
  SecretWriter out(parent, 9);
  out.u64(1, kChunkerAlgorithm);
  out.u64(2, bundle.chunker.prefilter_bits);
  out.u64(3, bundle.inline_max);
  for (const SizeClass& size_class : bundle.chunker.classes) {
    SecretWriter nested(out, 4);
    nested.u64(1, size_class.below);
    nested.u64(2, size_class.sizes.min);
    nested.u64(3, size_class.sizes.avg);
    nested.u64(4, size_class.sizes.max);
  }
}

void read_size_class(WireReader& in, SizeClass& size_class) {
  while (in.next()) {
    switch (in.field()) {
      case 1:
        size_class.below = in.u64();
        break;
      case 2:
        size_class.sizes.min = in.u32();
        break;
      case 3:
        size_class.sizes.avg = in.u32();
        break;
      case 4:
        size_class.sizes.max = in.u32();
        break;
      default:
        in.unknown();
    }
  }
}

struct ChunkerMessage {
  std::uint32_t algorithm = 0, inline_max = 0;
  ChunkerParams params{.prefilter_bits = 0, .classes = {}};
};

void read_chunker(WireReader& in, ChunkerMessage& chunker) {
  while (in.next()) {
    switch (in.field()) {
      case 1:
        chunker.algorithm = in.u32();
        break;
      case 2:
        chunker.params.prefilter_bits = in.u32();
        break;
      case 3:
        chunker.inline_max = in.u32();
        break;
      case 4:
        in.repeated().message(read_size_class, chunker.params.classes.emplace_back());
        break;
      default:
        in.unknown();
    }
  }
}

struct EpochMessage {
  EpochKeys keys;
  bool complete = false;
};

void read_epoch(WireReader& in, EpochMessage& epoch) {
  epoch.keys.number = 0;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        epoch.keys.number = in.u32();
        break;
      case 2:
        in.copy_to(epoch.keys.data_public);
        break;
      case 3:
        in.copy_to(epoch.keys.data_secret.span());
        break;
      case 4:
        in.copy_to(epoch.keys.meta_public);
        break;
      case 5:
        in.copy_to(epoch.keys.meta_secret.span());
        break;
      case 6:
        in.copy_to(epoch.keys.shared.span());
        break;
      case 7:
        in.copy_to(epoch.keys.index_key.span());
        break;
      default:
        in.unknown();
    }
  }
  epoch.complete = in.saw_all({1, 2, 3, 4, 5, 6, 7});
}

void read_feature(WireReader& in, Feature& feature) {
  while (in.next()) {
    switch (in.field()) {
      case 1:
        feature.name = in.text();
        break;
      case 2:
        feature.forbids = in.u32();
        break;
      default:
        in.unknown();
    }
  }
}

// Absent and zero are the same on the wire, so both leave the default.
template <typename Number>
void set_unless_zero(Number& into, Number value) {
  if (value != 0) into = value;
}

}  // namespace

std::string encode(const Boot& boot) {
  std::string message;
  StringWriter out(message);
  out.u64(1, boot.format);
  out.bytes(2, boot.repository.span());
  out.s64(3, boot.created);
  return message;
}

Result<Boot> decode_boot(ByteSpan message) {
  if (message.size() > limits::kBootBytes) return fail(ErrorCode::corrupt, "boot record: too long");
  Boot boot{.format = 0, .repository = {}};
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        boot.format = in.u32();
        break;
      case 2:
        boot.repository = in.id<RepositoryId>();
        break;
      case 3:
        boot.created = in.s64();
        break;
      default:
        in.unknown();
    }
  }
  TRY(in.status("boot record"));
  TRY(check_format(boot.format));
  if (!in.saw(2)) return fail(ErrorCode::corrupt, "boot record: no repository id");
  return boot;
}

SecretBytes encode(const Bundle& bundle) {
  // Everything but the size classes has a fixed size, well below 1 KiB; a class takes 30 bytes at
  // most. protozero moves nested messages to their place inside this memory, which is wiped.
  SecretBytes draft(1024 + 32 * bundle.chunker.classes.size());
  SecretBuffer buffer(static_cast<char*>(static_cast<void*>(draft.span().data())), draft.size());
  {
    SecretWriter out(buffer);
    out.u64(1, bundle.format);
    out.bytes(2, bundle.repository.span());
    out.s64(3, bundle.created);
    out.u64(4, bundle.role);
    out.bytes(5, bundle.keys.id_key.span());
    out.bytes(6, bundle.keys.chunk_key.span());
    out.bytes(7, bundle.keys.sign_seed.span());
    out.bytes(8, bundle.keys.owner_public);
    write_chunker(out, bundle);
    write_epoch(out, bundle.keys.epoch);
    out.u64(11, bundle.revision);
  }
  return SecretBytes::copy_of(draft.span().first(buffer.size()));
}

Result<Bundle> decode_bundle(ByteSpan message) {
  if (message.size() > limits::kSlotBytes) return fail(ErrorCode::corrupt, "key bundle: too long");
  Bundle bundle{.format = 0,
                .repository = {},
                .created = 0,
                .role = 0,
                .keys = {},
                .chunker = {},
                .inline_max = 0,
                .revision = 0};
  ChunkerMessage chunker;
  EpochMessage epoch;
  std::uint32_t epochs = 0;
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        bundle.format = in.u32();
        break;
      case 2:
        bundle.repository = in.id<RepositoryId>();
        break;
      case 3:
        bundle.created = in.s64();
        break;
      case 4:
        bundle.role = in.u32();
        break;
      case 5:
        in.copy_to(bundle.keys.id_key.span());
        break;
      case 6:
        in.copy_to(bundle.keys.chunk_key.span());
        break;
      case 7:
        in.copy_to(bundle.keys.sign_seed.span());
        break;
      case 8:
        in.copy_to(bundle.keys.owner_public);
        break;
      case 9:
        in.message(read_chunker, chunker);
        break;
      case 10:
        in.repeated();
        ++epochs;
        in.message(read_epoch, epoch);
        break;
      case 11:
        bundle.revision = in.u64();
        break;
      default:
        in.unknown();
    }
  }
  TRY(in.status("key bundle"));
  TRY_IN("key bundle", check_format(bundle.format));
  if (bundle.role != kOwner)
    return fail(ErrorCode::unsupported, fmt::format("key bundle: role {}", bundle.role));
  if (epochs > 1 || epoch.keys.number > kFirstEpoch)
    return fail(ErrorCode::unsupported, "key bundle: has later epochs");
  if (!in.saw_all({2, 5, 6, 7, 8}) || epoch.keys.number != kFirstEpoch || !epoch.complete)
    return fail(ErrorCode::corrupt, "key bundle: a key is missing");
  if (chunker.algorithm != kChunkerAlgorithm)
    return fail(ErrorCode::unsupported,
                fmt::format("key bundle: chunker algorithm {}", chunker.algorithm));
  if (!is_valid(chunker.params))
    return fail(ErrorCode::corrupt, "key bundle: chunk sizes nobody can work with");
  bundle.keys.epoch = std::move(epoch.keys);
  bundle.chunker = std::move(chunker.params);
  bundle.inline_max = chunker.inline_max;
  TRY_IN("key bundle", bundle.keys.check_public_keys());
  return bundle;
}

std::string encode(const Config& config) {
  std::string message;
  StringWriter out(message);
  out.u64(1, config.revision);
  for (const std::string& name : config.replaces) out.element(2, name);
  for (const Feature& feature : config.features) {
    StringWriter nested(out, 3);
    nested.element(1, feature.name);
    nested.u64(2, feature.forbids);
  }
  out.u64(4, config.suite);
  out.u64(5, config.data_pack_target);
  out.u64(6, config.tree_pack_target);
  if (config.undelete_seconds) out.present_u64(7, *config.undelete_seconds);
  out.s64(8, config.created);
  return message;
}

Result<Config> decode_config(ByteSpan message) {
  if (message.size() > limits::kSmallBodyBytes) return fail(ErrorCode::corrupt, "config: too long");
  Config config;  // absent fields keep their defaults
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        set_unless_zero(config.revision, in.u64());
        break;
      case 2:
        config.replaces.push_back(in.repeated().text());
        break;
      case 3:
        in.repeated().message(read_feature, config.features.emplace_back());
        break;
      case 4:
        set_unless_zero(config.suite, in.u32());
        break;
      case 5:
        set_unless_zero(config.data_pack_target, in.u64());
        break;
      case 6:
        set_unless_zero(config.tree_pack_target, in.u64());
        break;
      case 7:
        config.undelete_seconds = in.u64();
        break;
      case 8:
        config.created = in.s64();
        break;
      case 100:
        break;  // the signature is repo/body.h's
      default:
        in.unknown();
    }
  }
  if (in.saw_twice()) in.refuse("a field occurs twice");
  TRY(in.status("config"));
  return config;
}

}  // namespace lagan
