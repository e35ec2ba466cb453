// SPDX-License-Identifier: Apache-2.0
#include "storage/self_test.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "storage/fault.h"
#include "storage/local.h"
#include "storage/memory.h"
#include "tests/storage/helpers.h"
#include "tests/util/temporary_folder.h"

namespace lagan {
namespace {

// Lists nothing, whatever is there.
class Blind final : public Storage {
 public:
  Capabilities capabilities() const override { return inner_->capabilities(); }
  std::string description() const override { return inner_->description(); }
  Result<void> create() override { return inner_->create(); }
  Result<void> put(const ObjectName& name, ByteSpan bytes) override {
    return inner_->put(name, bytes);
  }
  Result<Bytes> get(const ObjectName& name) override { return inner_->get(name); }
  Result<Bytes> get(const ObjectName& name, ByteRange range) override {
    return inner_->get(name, range);
  }
  Result<ObjectInfo> stat(const ObjectName& name) override { return inner_->stat(name); }
  Result<void> list(std::string_view, const EachObject&) override { return {}; }
  Result<void> remove(const ObjectName& name) override { return inner_->remove(name); }

 private:
  std::unique_ptr<Storage> inner_ = make_memory_storage();
};

SelfTestReport report_on(Storage& storage) {
  std::size_t told = 0;
  auto report = self_test(storage, "test-1/", [&](const SelfTestStep&) { ++told; }).value();
  CHECK(told == report.steps.size());
  return report;
}

TEST_CASE("a storage that keeps its promises is sound, and nothing is left behind") {
  const auto storage = make_memory_storage();
  REQUIRE(storage->put(name_of("other"), {}));
  const SelfTestReport report = report_on(*storage);
  for (const SelfTestStep& step : report.steps) CHECK_MESSAGE(step.failure == "", step.claim);
  CHECK(report.is_sound());
  CHECK(report.can_remove);
  CHECK_FALSE(report.left_objects);
  CHECK(report.download_bytes_per_second > 0);
  CHECK(names_below(*storage, "").value() == std::vector<std::string>{"other"});
}

TEST_CASE("a storage that changes bits, or lists what is not so, is found out") {
  const auto flipping = with_faults(make_memory_storage(), {.flipped_bit_probability = 1});
  CHECK_FALSE(report_on(*flipping).is_sound());
  Blind blind;
  const SelfTestReport report = report_on(blind);
  CHECK_FALSE(report.is_sound());
  CHECK(std::ranges::count_if(report.steps,
                              [](const SelfTestStep& step) { return !step.failure.empty(); }) == 1);
}

TEST_CASE("where something is already nothing is tried") {
  const auto storage = make_memory_storage();
  REQUIRE(storage->put(name_of("test-1/mine"), as_bytes("mine")));
  const auto report = self_test(*storage, "test-1/", [](const SelfTestStep&) {});
  REQUIRE_FALSE(report);
  CHECK(report.error().code == ErrorCode::already_exists);
  CHECK(difference(*storage, name_of("test-1/mine"), as_bytes("mine")) == "");
}

TEST_CASE("folders that were made for the test go with it, others stay") {
  const TemporaryFolder folder;
  const auto storage = make_local_storage(folder.path());
  REQUIRE(storage->put(name_of("data/ab/1"), {}));
  CHECK(report_on(*storage).is_sound());
  remove_empty_folders(folder / "test-1");
  CHECK_FALSE(std::filesystem::exists(folder / "test-1"));

  REQUIRE(storage->put(name_of("test-1/full/1"), {}));
  REQUIRE(storage->put(name_of("test-1/empty/1"), {}));
  REQUIRE(storage->remove(name_of("test-1/empty/1")));
  std::filesystem::create_directory_symlink(folder / "data", folder / "test-1/link");
  remove_empty_folders(folder / "test-1");
  CHECK(names_below(*storage, "").value().size() == 3);  // one of them through the link
  CHECK_FALSE(std::filesystem::exists(folder / "test-1/empty"));
}

}  // namespace
}  // namespace lagan
