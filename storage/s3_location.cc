// SPDX-License-Identifier: Apache-2.0
#include "storage/s3_location.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "storage/url.h"

namespace lagan {
namespace {

struct Provider {
  std::string_view name;
  std::string_view host_ending;  // tells the provider by its host
  bool is_path_style;
  std::string_view region;  // where none is given and the host does not tell
};

// Path style works wherever buckets have no names in the DNS; Aliyun and Tencent refuse it.
constexpr std::array kProviders{
    Provider{"aws", ".amazonaws.com", false, "us-east-1"},
    Provider{"ceph", "", true, "us-east-1"},
    Provider{"minio", "", true, "us-east-1"},
    Provider{"r2", ".r2.cloudflarestorage.com", true, "auto"},
    Provider{"b2", ".backblazeb2.com", true, "us-west-004"},
    Provider{"wasabi", ".wasabisys.com", true, "us-east-1"},
    Provider{"oss", ".aliyuncs.com", false, "oss-cn-hangzhou"},
    Provider{"cos", ".myqcloud.com", false, "ap-guangzhou"},
    Provider{"qingstor", ".qingstor.com", true, "pek3a"},
    Provider{"gcs", "storage.googleapis.com", true, "auto"},
    Provider{"other", "", true, "us-east-1"},
};

tl::unexpected<Error> unusable(std::string_view why) {
  return fail(ErrorCode::invalid_argument, fmt::format("S3 location: {}", why));
}

const Provider* find_provider(std::string_view name, std::string_view host) {
  const auto* at = std::ranges::find_if(kProviders, [&](const Provider& provider) {
    if (!name.empty()) return provider.name == name;
    return !provider.host_ending.empty() && host.ends_with(provider.host_ending);
  });
  if (at != kProviders.end()) return at;
  return name.empty() ? &kProviders.back() : nullptr;
}

// Hosts that begin with s3. or s3- name their region next: s3.eu-west-1.amazonaws.com.
std::string region_in(std::string_view host) {
  if (!host.starts_with("s3.") && !host.starts_with("s3-")) return {};
  host.remove_prefix(3);
  const std::string_view label = host.substr(0, host.find('.'));
  const bool is_region = std::ranges::count(label, '-') >= 2;
  return is_region ? std::string(label) : std::string();
}

Result<void> read_path(std::string_view path, S3Location& location) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  location.bucket = path.substr(0, path.find('/'));
  if (location.bucket.empty()) return unusable("no bucket is named");
  path.remove_prefix(std::min(path.size(), location.bucket.size() + 1));
  if (path.find("//") != std::string_view::npos) return unusable("'//' in the path");
  if (!path.empty()) location.prefix = std::string(path) + "/";
  return {};
}

Result<void> read_options(KindOptions options, std::string_view host, S3Location& location) {
  const std::string provider_name = options.take("provider");
  location.region = options.take("region");
  location.other_class = location.data_class = options.take("storage-class");
  if (std::string data = options.take("data-storage-class"); !data.empty())
    location.data_class = std::move(data);
  location.encryption = options.take("sse");
  location.kms_key = options.take("sse-kms-key-id");
  location.customer_key_file = options.take("sse-c-key-file");
  std::string style = options.take("style");
  // restic's name for it.
  const std::string lookup = options.take("bucket-lookup");
  if (location.is_google) {
    if (const std::string endpoint = options.take("endpoint"); !endpoint.empty()) {
      const Url url = TRY_IN("endpoint", parse_url(endpoint));
      location.host = url.authority();
      location.is_https = url.scheme != "http";
    }
  }
  if (style.empty() && !lookup.empty() && lookup != "auto")
    style = lookup == "dns" ? "vhost" : lookup;
  TRY(options.check_all_taken());
  // The service would say so only once there is a bucket.
  if (!location.encryption.empty() && location.encryption != "AES256" &&
      location.encryption != "aws:kms" && location.encryption != "aws:kms:dsse")
    return unusable("sse is AES256 or aws:kms");

  const Provider* provider = find_provider(provider_name, host);
  if (provider == nullptr)
    return unusable(fmt::format("the provider '{}' is not known", provider_name));
  if (!style.empty() && style != "path" && style != "vhost")
    return unusable("style is path or vhost");
  location.is_path_style = style.empty() ? provider->is_path_style : style == "path";
  if (location.region.empty()) location.region = region_in(host);
  location.is_region_given = !location.region.empty();
  if (location.region.empty()) location.region = provider->region;
  // A dot in a bucket's name fits no wildcard certificate.
  if (location.bucket.find('.') != std::string::npos && location.is_https &&
      provider->name == "aws")
    location.is_path_style = true;
  return {};
}

constexpr std::string_view kGoogle = "s3+https://storage.googleapis.com/";

// restic's forms become URLs, and so does Google's service, which speaks S3 to keys for that
// purpose.
Result<std::string> as_url(std::string_view text) {
  if (text.starts_with("s3:") && !text.starts_with("s3://")) {
    text.remove_prefix(3);
    if (text.starts_with("http://") || text.starts_with("https://"))
      return "s3+" + std::string(text);
    return "s3+https://" + std::string(text);
  }
  if (text.starts_with("gs://")) return fmt::format("{}{}", kGoogle, text.substr(5));
  if (text.starts_with("gs:")) {
    std::string path(text.substr(3));
    const std::size_t colon = path.find(':');
    if (colon == std::string::npos)
      return unusable("write gs://bucket/prefix or gs:bucket:/prefix");
    path.erase(colon, 1);
    if (colon < path.size() && path[colon] != '/') path.insert(colon, 1, '/');
    return fmt::format("{}{}", kGoogle, path);
  }
  return std::string(text);
}

}  // namespace

std::string S3Location::shown() const {
  return fmt::format("s3+{}://{}/{}/{}", is_https ? "https" : "http", host, bucket, prefix);
}

bool is_s3_location(std::string_view text) {
  return text.starts_with("s3:") || text.starts_with("gs:") || text.starts_with("s3+http://") ||
         text.starts_with("s3+https://");
}

Result<S3Location> parse_s3_location(std::string_view text, const ExtendedOptions& options) {
  const std::string written = TRY(as_url(text));
  const Url url = TRY_IN("S3 location", parse_url(written));
  S3Location location;
  location.user = url.user;
  location.password = url.password;
  location.is_https = url.scheme != "s3+http";
  location.is_google = text.starts_with("gs:");
  if (url.scheme == "s3") {
    if (url.port != 0) return unusable("s3:// names a bucket of AWS: write s3+https://host:port/…");
    TRY(read_path("/" + url.host + url.path, location));
    TRY(read_options({"s3", options, url.query}, "s3.amazonaws.com", location));
    location.host = location.is_region_given ? fmt::format("s3.{}.amazonaws.com", location.region)
                                             : "s3.amazonaws.com";
    return location;
  }
  if (url.host.empty()) return unusable("no host is named");
  location.host = url.authority();
  TRY(read_path(url.path, location));
  TRY(read_options({"s3", options, url.query}, url.host, location));
  return location;
}

}  // namespace lagan
