// SPDX-License-Identifier: Apache-2.0
#pragma once

// A container of Azure Blob Storage, by the account's key or a shared access signature. The service
// checks the MD5 of every upload. Any thread.
//
//   azure://account/container/prefix   azure:container:/prefix (as restic writes it)
//
// The account, where the location does not name it, its key or signature, come from
// AZURE_ACCOUNT_NAME, AZURE_ACCOUNT_KEY and AZURE_ACCOUNT_SAS. `?endpoint=https://…` is for
// services elsewhere.

#include <memory>
#include <string>
#include <string_view>

#include "storage/azure_signature.h"
#include "storage/extended_options.h"
#include "storage/http.h"
#include "storage/storage.h"

namespace lagan {

struct AzureLocation {
  std::string account, container;
  std::string prefix;    // empty, or ends with '/'
  std::string endpoint;  // scheme, host, perhaps the beginning of every path; no slash at its end
  AzureKey key;          // never shown
  std::string access_signature;
  std::string access_tier;  // of data packs: Hot, Cool, Cold; empty: the account's
  std::string shown() const;
};

bool is_azure_location(std::string_view text);
// What the environment says stands in `account`, `key` and `access_signature` of `defaults`.
Result<AzureLocation> parse_azure_location(std::string_view text, const ExtendedOptions& options,
                                           AzureLocation defaults);

struct StorageOptions;
Result<std::unique_ptr<Storage>> open_azure_storage(std::string_view location,
                                                    const StorageOptions& options);
std::unique_ptr<Storage> make_azure_storage(AzureLocation location, HttpOptions http,
                                            Clock clock = system_now);

}  // namespace lagan
