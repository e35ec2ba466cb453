// SPDX-License-Identifier: Apache-2.0
#pragma once

// Names in folders of a restore's target. Everything works on an open folder and follows no
// symlink; what takes the place of something else does so in one step.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "util/file.h"
#include "util/result.h"

namespace lagan {

// A folder below `root`, by a path of any length that must not leave it nor lead over a symlink.
Result<File> open_beneath(int root, std::string_view path);

// "a/b/c" as "a/b" and "c".
std::pair<std::string, std::string> split_name(const std::string& path);

// Lets the content of what is open here be changed: takes off flags that keep others out,
// and gives its owner the permission. As far as that is allowed.
void make_changeable(int descriptor);

// The folder `name`. If it denies its owner to read it, its mode is changed if that is allowed.
Result<File> open_folder(int above, const std::string& name, bool may_change);

// Removes `name`, anything but a folder with content. What is not there is removed.
Result<void> remove_name(int folder, const std::string& name);

// `make` gives what it makes the name it is handed; then that takes the place of `name`. A folder
// must have been removed from there before.
Result<void> put_in_place(int folder, const std::string& name,
                          const std::function<Result<void>(const std::string& temporary)>& make);

// A file that takes the place of another when it is complete; until then, or if it is destroyed
// before, what was there stays.
class Replacement {
 public:
  // What has the name now: nothing, and then something that gets it meanwhile stays; anything; or
  // something of which power may fail at any time, and it or the new file is there whole.
  enum class Over { nothing, anything, precious };
  static Result<Replacement> create(std::shared_ptr<const File> folder, std::string name,
                                    Over over);
  Replacement(Replacement&&) noexcept = default;
  Replacement& operator=(Replacement&&) noexcept = default;
  ~Replacement();

  File take_file() { return std::move(file_); }
  // `descriptor` is open on the file that was taken.
  Result<void> commit(int descriptor);

 private:
  Replacement(std::shared_ptr<const File> folder, std::string name, Over over)
      : folder_(std::move(folder)), name_(std::move(name)), over_(over) {}
  Result<void> take_free_name(int folder, int descriptor);

  std::shared_ptr<const File> folder_;  // none: moved away, or committed
  std::string name_;
  Over over_;
  std::string temporary_;  // empty: it has no name yet
  File file_;
};

}  // namespace lagan
