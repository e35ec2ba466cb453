// SPDX-License-Identifier: Apache-2.0
#include "src/serve/site.h"

#include <fmt/format.h>

#include "src/serve/file_body.h"
#include "src/serve/http_fields.h"
#include "src/serve/page.h"
#include "src/serve/webdav.h"

namespace lagan {
namespace {

// A page that was saved is shown as it is, but may do nothing here: it would do it as who looks.
constexpr const char* kFilePolicy =
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'";

unsigned status_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::invalid_argument:
      return 400;
    default:
      return 500;
  }
}

bool is_address(std::string_view host) {
  if (host.starts_with('[')) return true;
  return host.substr(0, host.find(':')).find_first_not_of("0123456789.") == host.npos;
}

WebAnswer page(std::unique_ptr<WebBody> body) {
  WebAnswer answer;
  answer.fields = {{"Content-Type", "text/html; charset=utf-8"},
                   {"Content-Security-Policy", kPagePolicy},
                   {"Cache-Control", "no-store"}};
  answer.body = std::move(body);
  return answer;
}

// How a file can be asked for again, or only in part.
void add_version(WebAnswer& answer, const Version& version) {
  answer.fields.push_back({"ETag", version.etag});
  if (auto date = web_date(version.modified)) answer.fields.push_back({"Last-Modified", *date});
  // Asked for each time, so that nothing shows that is no longer there.
  answer.fields.push_back({"Cache-Control", "private, no-cache"});
}

}  // namespace

WebAnswer sentence(unsigned status, const std::string& text) {
  WebAnswer answer;
  answer.status = status;
  answer.fields = {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}};
  answer.body = std::make_unique<TextBody>(text + "\n");
  return answer;
}

const char* Site::methods() const {
  return options_.with_webdav ? "OPTIONS, GET, HEAD, PROPFIND" : "OPTIONS, GET, HEAD";
}

bool Site::needs_body(const std::string& method) const {
  return options_.with_webdav && method == "PROPFIND";
}

bool Site::admits_host(const WebRequest& request) const {
  if (options_.takes_any_host) return true;
  const std::string* host = request.field("host");
  if (host == nullptr || is_address(*host)) return true;
  return host->substr(0, host->find(':')) == "localhost";
}

WebAnswer Site::answer(const WebRequest& request) const {
  if (!admits_host(request))
    return sentence(421, "this server answers to addresses and to 'localhost' only");
  auto answered = answer_or_fail(request);
  if (!answered) return sentence(status_of(answered.error()), answered.error().message);
  return *std::move(answered);
}

Result<WebAnswer> Site::answer_or_fail(const WebRequest& request) const {
  if (request.method == "GET" || request.method == "HEAD") return get(request);
  if (needs_body(request.method)) return find_properties(request);
  WebAnswer answer =
      request.method == "OPTIONS" ? WebAnswer() : sentence(405, "all of this is read only");
  answer.fields.emplace_back("Allow", methods());
  if (options_.with_webdav) answer.fields.emplace_back("DAV", "1");
  if (options_.with_webdav) answer.fields.emplace_back("MS-Author-Via", "DAV");
  return answer;
}

Result<WebAnswer> Site::get(const WebRequest& request) const {
  auto names = TRY(names_of_url(request.path));
  auto place = TRY(TreePlace::find(tree_, std::move(names)));
  if (place->is_folder()) return get_folder(request, std::move(place));
  if (S_ISREG(place->node().status.st_mode) && !request.path.ends_with('/'))
    return get_file(request, std::move(place));
  return fail(ErrorCode::not_found, "this is neither a file nor a folder");
}

Result<WebAnswer> Site::get_folder(const WebRequest& request,
                                   std::unique_ptr<TreePlace> place) const {
  if (!request.has_word("zip")) {
    auto text = std::make_unique<PageText>(*place);
    return page(TRY(FolderBody::open(std::move(place), std::move(text))));
  }
  if (!place->snapshot())
    return fail(ErrorCode::invalid_argument, "only folders of snapshots can be had as zip");
  Entry folder = TRY(tree_.folder(place->node().id));
  const std::string name =
      folder.name.empty() ? "snapshot-" + place->snapshot()->id.short_hex() : folder.name;
  WebAnswer answer;
  answer.fields = {{"Content-Type", "application/zip"},
                   {"Content-Disposition", attachment(name + ".zip")},
                   {"Cache-Control", "no-store"}};
  answer.body = std::make_unique<ZipBody>(options_.zip, std::move(folder));
  return answer;
}

Result<WebAnswer> Site::get_file(const WebRequest& request,
                                 std::unique_ptr<TreePlace> place) const {
  const NodeStatus node = place->node();
  const Version version = version_of(node.id, node.status);
  const auto size = static_cast<std::uint64_t>(node.status.st_size);
  WebAnswer answer;
  add_version(answer, version);
  switch (check_preconditions(request, version)) {
    case Precondition::unchanged:
      answer.status = 304;
      return answer;
    case Precondition::failed:
      return sentence(412, "the file is not the one that was asked for");
    case Precondition::met:
      break;
  }
  const std::string name = place->name();
  answer.fields.push_back({"Accept-Ranges", "bytes"});
  answer.fields.push_back({"Content-Type", std::string(media_type(name))});
  answer.fields.push_back({"Content-Security-Policy", kFilePolicy});
  if (request.has_word("save")) answer.fields.push_back({"Content-Disposition", attachment(name)});
  const Part part = request.method == "GET" ? choose_part(request, version, size)
                                            : Part{Part::Kind::all, 0, size};
  if (part.kind == Part::Kind::beyond_end) {
    WebAnswer beyond = sentence(416, "the file ends before that");
    beyond.fields.push_back({"Content-Range", fmt::format("bytes */{}", size)});
    return beyond;
  }
  if (part.kind == Part::Kind::some) {
    answer.status = 206;
    answer.fields.push_back(
        {"Content-Range", fmt::format("bytes {}-{}/{}", part.begin, part.end - 1, size)});
  }
  // What cannot be read at all is told as long as there is a status to tell it by.
  if (request.method == "GET" && part.begin < part.end) TRY(tree_.read(node.id, part.begin, 1));
  answer.body = std::make_unique<FileBody>(std::move(place), part.begin, part.end);
  return answer;
}

Result<WebAnswer> Site::find_properties(const WebRequest& request) const {
  const std::string* depth = request.field("depth");
  if (depth == nullptr || (*depth != "0" && *depth != "1")) {
    WebAnswer refused = sentence(403, "");
    refused.fields[0].second = "application/xml; charset=utf-8";
    refused.body = std::make_unique<TextBody>(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
        "<D:error xmlns:D=\"DAV:\"><D:propfind-finite-depth/></D:error>\n");
    return refused;
  }
  auto question = TRY(parse_property_question(request.body));
  auto names = TRY(names_of_url(request.path));
  auto place = TRY(TreePlace::find(tree_, std::move(names)));
  const bool is_file = S_ISREG(place->node().status.st_mode);
  if (!is_file && !place->is_folder())
    return fail(ErrorCode::not_found, "this is neither a file nor a folder");
  auto text = std::make_unique<PropertyText>(std::move(question), place->names(), place->node());
  WebAnswer answer;
  answer.status = 207;
  answer.fields = {{"Content-Type", "application/xml; charset=utf-8"},
                   {"Cache-Control", "no-store"}};
  if (is_file || *depth == "0") {
    const std::string begin = text->begin();
    answer.body = std::make_unique<TextBody>(begin + TRY(text->end(false)));
  } else {
    answer.body = TRY(FolderBody::open(std::move(place), std::move(text)));
  }
  return answer;
}

}  // namespace lagan
