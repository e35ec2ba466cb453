// SPDX-License-Identifier: Apache-2.0
#include "storage/hot_cold.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "storage/open.h"
#include "storage/url.h"

namespace lagan {
namespace {

constexpr std::string_view kScheme = "hotcold:";
// Packs of content, the only objects that nothing but a restore and a check of all data reads.
constexpr std::string_view kColdFolder = "data/";

bool is_cold(std::string_view name) { return name.starts_with(kColdFolder); }

class HotColdStorage final : public Storage {
 public:
  HotColdStorage(std::unique_ptr<Storage> hot, std::unique_ptr<Storage> cold)
      : hot_(std::move(hot)), cold_(std::move(cold)) {}

  Capabilities capabilities() const override {
    const Capabilities hot = hot_->capabilities(), cold = cold_->capabilities();
    return {.parallel = std::min(hot.parallel, cold.parallel),
            .parallel_puts = cold.parallel_puts,
            .parallel_gets = std::max(hot.parallel_gets, cold.parallel_gets),
            .put_is_verified = hot.put_is_verified && cold.put_is_verified,
            .lists_any_prefix = hot.lists_any_prefix};
  }
  std::string description() const override {
    return fmt::format("{} (cold: {})", hot_->description(), cold_->description());
  }
  Result<void> create() override {
    TRY(cold_->create());
    return hot_->create();
  }

  // What can be seen in the hot place is in the cold one.
  Result<void> put(const ObjectName& name, ByteSpan bytes) override {
    TRY(cold_->put(name, bytes));
    return is_cold(name.text()) ? Result<void>() : hot_->put(name, bytes);
  }
  Result<Bytes> get(const ObjectName& name) override { return place_of(name).get(name); }
  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    return place_of(name).get(name, range);
  }
  Result<ObjectInfo> stat(const ObjectName& name) override { return place_of(name).stat(name); }

  Result<void> list(std::string_view prefix, const EachObject& each) override {
    if (is_cold(prefix)) return cold_->list(prefix, each);
    TRY(hot_->list(prefix, each));
    // The one beginning that both kinds of names have; "d" and the like as well.
    if (!kColdFolder.starts_with(prefix)) return {};
    return cold_->list(kColdFolder, each);
  }
  Result<void> remove(const ObjectName& name) override {
    if (!is_cold(name.text())) TRY(hot_->remove(name));
    return cold_->remove(name);
  }

 private:
  Storage& place_of(const ObjectName& name) const { return is_cold(name.text()) ? *cold_ : *hot_; }

  const std::unique_ptr<Storage> hot_, cold_;
};

}  // namespace

bool is_hot_cold_location(std::string_view text) { return text.starts_with(kScheme); }

Result<HotColdLocation> parse_hot_cold_location(std::string_view text) {
  std::string_view rest = text.substr(kScheme.size());
  if (rest.starts_with("//")) rest.remove_prefix(2);
  const Url url = TRY_IN("hotcold location", parse_url(fmt::format("hotcold://x/{}", rest)));
  const auto part = [&](const char* name) -> Result<std::string> {
    const auto at = url.query.find(name);
    if (at == url.query.end() || at->second.empty() || url.query.size() != 2) {
      return fail(
          ErrorCode::invalid_argument,
          "hotcold location: write hotcold:?hot=LOCATION&cold=LOCATION, with & and % in them "
          "as %26 and %25");
    }
    if (is_hot_cold_location(at->second))
      return fail(ErrorCode::invalid_argument, "hotcold location: in a hotcold location");
    return at->second;
  };
  HotColdLocation location;
  location.hot = TRY(part("hot"));
  location.cold = TRY(part("cold"));
  return location;
}

Result<std::unique_ptr<Storage>> open_hot_cold_storage(std::string_view location,
                                                       const StorageOptions& options) {
  const HotColdLocation both = TRY(parse_hot_cold_location(location));
  auto hot = TRY_IN("hot", open_storage(both.hot, options));
  auto cold = TRY_IN("cold", open_storage(both.cold, options));
  if (hot->description() == cold->description() || overlap(both.hot, both.cold))
    return fail(ErrorCode::invalid_argument, "hotcold location: hot and cold are the same place");
  return make_hot_cold_storage(std::move(hot), std::move(cold));
}

std::unique_ptr<Storage> make_hot_cold_storage(std::unique_ptr<Storage> hot,
                                               std::unique_ptr<Storage> cold) {
  return std::make_unique<HotColdStorage>(std::move(hot), std::move(cold));
}

}  // namespace lagan
