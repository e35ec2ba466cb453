// SPDX-License-Identifier: Apache-2.0
#include "src/engine/restored_file.h"

namespace lagan {

RestoredFile::~RestoredFile() {
  if (auto done = apply_attributes(file_.descriptor(), entry_, attributes_); !done)
    report_(path_, done.error());
}

void RestoredFile::damaged(const Error& error) {
  if (is_damaged_.exchange(true)) return;
  report_(path_, error);
  if (other_names_) other_names_->damaged(error, report_);
}

}  // namespace lagan
