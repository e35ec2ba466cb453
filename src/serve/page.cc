// SPDX-License-Identifier: Apache-2.0
#include "src/serve/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "src/serve/markup.h"

namespace lagan {

const char* const kPagePolicy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

namespace {

constexpr const char* kVersions = "versions";
constexpr const char* kIds = "ids";

constexpr const char* kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{} - lagan</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 64em; margin: 1em auto; padding: 0 1em }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .15em .8em .15em 0; vertical-align: top }}
td.name {{ overflow-wrap: anywhere; white-space: pre-wrap }}
td.size, th.size {{ text-align: right; white-space: nowrap }}
td.time {{ white-space: nowrap }}
tr:hover td {{ background: #8882 }}
summary {{ cursor: pointer; font-weight: bold }}
a {{ text-decoration: none }}
a:hover {{ text-decoration: underline }}
p.trouble {{ color: #c00 }}
</style>
</head>
<body>
)";

// "2026-11-20 14:00:03", as it is here.
std::string local_time(std::time_t time) {
  std::tm parts{};
  char text[64];
  if (::localtime_r(&time, &parts) == nullptr) return {};
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts));
}

std::string size_text(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < std::size(kUnits); ++unit) size /= 1024;
  return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

std::string joined(const std::vector<std::string>& texts, const char* between) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : between) + text;
  return all;
}

std::string link(const std::string& url, std::string_view text) {
  return fmt::format("<a href=\"{}\">{}</a>", url, escape_markup(text));
}

std::time_t seconds_of(const StoredSnapshot& stored) {
  return static_cast<std::time_t>(stored.snapshot.time / 1'000'000'000);
}

std::string snapshot_title(const StoredSnapshot& stored) { return local_time(seconds_of(stored)); }

std::vector<std::string> names_of(const StoredSnapshot& stored,
                                  const std::vector<std::string>& below) {
  std::vector<std::string> names = {kIds, stored.id.short_hex()};
  names.insert(names.end(), below.begin(), below.end());
  return names;
}

// "older" and "newer": the same folder in the nearest snapshot of the host, if it was there.
std::string neighbour_link(const TreePlace& place, const StoredSnapshot* neighbour,
                           const char* text) {
  if (neighbour == nullptr) return {};
  std::vector<std::string> names = names_of(*neighbour, place.names_in_snapshot());
  const std::string url = url_of(names, UrlOf::folder);
  const auto there = TreePlace::find(place.tree(), std::move(names));
  if (!there || !(*there)->is_folder()) return {};
  return fmt::format(" <a href=\"{}\" rel=\"{}\">{} ({})</a>", url,
                     text == std::string_view("older") ? "prev" : "next", text,
                     snapshot_title(*neighbour));
}

std::string snapshot_row(const StoredSnapshot& stored) {
  const Snapshot& snapshot = stored.snapshot;
  return fmt::format(
      "<tr><td class=\"time\">{}</td><td>{}</td><td class=\"name\">{}</td><td>{}</td>"
      "<td class=\"size\">{}</td></tr>\n",
      link(url_of(names_of(stored, {}), UrlOf::folder), snapshot_title(stored)),
      escape_markup(snapshot.host), escape_markup(joined(snapshot.paths, "\n")),
      escape_markup(joined(snapshot.tags, ", ")), size_text(snapshot.root.content_bytes));
}

}  // namespace

std::string PageText::begin() {
  const bool is_root = place_.names().empty();
  std::string page = fmt::format(kHead, title()) + heading();
  if (is_root && !place_.snapshot()) page += timeline() + "<h2>Other ways to the same</h2>\n";
  page +=
      "<table id=\"names\">\n<thead><tr><th>Name</th><th class=\"size\">Size</th>"
      "<th>Changed</th><th></th></tr></thead>\n<tbody>\n";
  return page;
}

bool PageText::is_one_snapshot() const {
  return place_.tree().snapshot_of(MountTree::kRoot) != nullptr;
}

const char* PageText::root_title() const { return is_one_snapshot() ? "Snapshot" : "Snapshots"; }

std::string PageText::title() const {
  return place_.names().empty() ? root_title() : escape_markup(place_.name());
}

// The way from the root, each part a link.
std::string PageText::heading() const {
  std::string way = link("/", root_title());
  std::vector<std::string> names;
  for (const std::string& name : place_.names()) {
    names.push_back(name);
    way += " / " + link(url_of(names, UrlOf::folder), name);
  }
  return fmt::format("<h1>{}</h1>\n<nav>{}</nav>\n", title(), way) + snapshot_line();
}

std::string PageText::snapshot_line() const {
  const auto& stored = place_.snapshot();
  if (!stored) return {};
  const StoredSnapshot *older = nullptr, *newer = nullptr;
  const auto all = place_.tree().snapshots();
  bool is_behind = false;
  for (const auto& other : all) {
    if (other->id == stored->id) {
      is_behind = true;
    } else if (other->snapshot.host == stored->snapshot.host) {
      if (is_behind && newer == nullptr) newer = other.get();
      if (!is_behind) older = other.get();
    }
  }
  return fmt::format("<p>Saved {} on {}.{}{} {} {}</p>\n", snapshot_title(*stored),
                     escape_markup(stored->snapshot.host), neighbour_link(place_, older, "older"),
                     neighbour_link(place_, newer, "newer"), versions_link(""),
                     "<a href=\"?zip\" download>all of it as zip</a>");
}

// By month, of which the newest is open.
std::string PageText::timeline() const {
  const auto all = place_.tree().snapshots();
  std::string text, month;
  for (auto stored = all.rbegin(); stored != all.rend(); ++stored) {
    const std::string time = snapshot_title(**stored);
    const std::string its_month = time.substr(0, time.rfind('-'));
    if (its_month != month || stored == all.rbegin()) {
      text += stored == all.rbegin() ? "<details open>" : "</table></details>\n<details>";
      text += fmt::format(
          "<summary>{}</summary>\n<table class=\"timeline\">\n<tr><th>Time</th><th>Host</th>"
          "<th>Folders</th><th>Tags</th><th class=\"size\">Size</th></tr>\n",
          its_month);
      month = its_month;
    }
    text += snapshot_row(**stored);
  }
  return all.empty() ? "<p>There are no snapshots.</p>\n" : text + "</table></details>\n";
}

// To all versions of what is called so here, or of the folder itself; one snapshot alone has one.
std::string PageText::versions_link(const std::string& name) const {
  if (is_one_snapshot()) return {};
  std::vector<std::string> names = {kVersions};
  names.insert(names.end(), place_.names_in_snapshot().begin(), place_.names_in_snapshot().end());
  if (!name.empty()) names.push_back(name);
  if (names.size() == 1) return {};
  return link(url_of(names, UrlOf::folder), "versions");
}

std::string PageText::name(std::string_view name, const NodeStatus& node) {
  const bool is_folder = S_ISDIR(node.status.st_mode) || is_way(node);
  const bool is_file = S_ISREG(node.status.st_mode);
  const std::string url =
      url_of(place_.names(), UrlOf::folder) + url_of_name(name) + (is_folder ? "/" : "");
  std::string shown, more;
  if (is_folder || is_file) {
    shown = link(url, std::string(name) + (is_folder ? "/" : ""));
    if (is_file) more = fmt::format("<a href=\"{}?save\" download>save</a>", url);
    if (is_folder && place_.snapshot())
      more = fmt::format("<a href=\"{}?zip\" download>zip</a>", url);
    if (place_.snapshot()) more += " " + versions_link(std::string(name));
  } else {
    shown = escape_markup(name);
    if (S_ISLNK(node.status.st_mode)) {
      const auto target = place_.tree().link_target(node.id);
      shown += " &rarr; " + escape_markup(target ? *target : "?");
    } else {
      more = "neither file nor folder";
    }
  }
  return fmt::format(
      "<tr><td class=\"name\">{}</td><td class=\"size\">{}</td><td class=\"time\">{}</td>"
      "<td>{}</td></tr>\n",
      shown, is_file ? size_text(static_cast<std::uint64_t>(node.status.st_size)) : "",
      local_time(node.status.st_mtim.tv_sec), more);
}

Result<std::string> PageText::end(bool is_incomplete) {
  std::string page = "</tbody></table>\n";
  if (is_incomplete)
    page +=
        "<p class=\"trouble\">Some of this folder cannot be read; <a "
        "href=\"/.lagan/errors\">/.lagan/errors</a> says what.</p>\n";
  return page + "</body></html>\n";
}

}  // namespace lagan
