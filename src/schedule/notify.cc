// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/notify.h"

#include <fmt/format.h>

#include <memory>

#include "storage/http.h"

namespace lagan {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;
// Who is told must not keep a run from ending.
constexpr Nanoseconds kCommandTimeout = 120 * kSecond;

// A line of a mail's head.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

// As Prometheus wants the value of a label.
std::string label(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

const char* word_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::well:
      return "ok";
    case Outcome::incomplete:
      return "incomplete";
    case Outcome::failed:
      return "failed";
  }
  return "";
}

double seconds(Nanoseconds time) { return static_cast<double>(time) / 1e9; }

}  // namespace

bool is_worth_telling(const Profile& profile, Outcome outcome, ProfileRecord& record,
                      Nanoseconds now) {
  const bool always = profile.text("notify.on", "failure") == "always";
  const bool is_worse = record.is_incomplete && outcome == Outcome::failed;
  record.is_incomplete = outcome == Outcome::incomplete;
  if (outcome == Outcome::well) {
    const bool was_told = record.failure_told != 0;
    record.failing_since = record.failure_told = 0;
    return was_told || always;
  }
  if (record.failing_since == 0) record.failing_since = now;
  const Nanoseconds repeat = profile.duration("notify.repeat", "1d");
  const bool is_time = is_worse || record.failure_told == 0 || record.failure_told > now ||
                       now - record.failure_told >= repeat;
  if (is_time) record.failure_told = now;
  return is_time || always;
}

std::vector<std::string> Notifier::tell_start() const {
  const std::string url = profile_.text("notify.url");
  if (url.empty()) return {};
  const auto sent = post_(url + "/start", "");
  return sent ? std::vector<std::string>() : std::vector{"notify.url: " + sent.error().message};
}

std::vector<std::string> Notifier::tell_end(const Report& report) const {
  const std::string url = profile_.text("notify.url");
  if (url.empty()) return {};
  const auto sent = post_(report.outcome == Outcome::failed ? url + "/fail" : url, report.text);
  return sent ? std::vector<std::string>() : std::vector{"notify.url: " + sent.error().message};
}

void Notifier::add_trouble(std::vector<std::string>& trouble, const std::string& way,
                           const CommandOrder& order) const {
  const auto done = run_(order);
  if (!done) {
    trouble.push_back(fmt::format("{}: {}", way, done.error().message));
  } else if (done->was_late) {
    trouble.push_back(fmt::format("{}: did not end in time", way));
  } else if (done->exit_code != 0) {
    trouble.push_back(fmt::format("{}: ended with status {}{}{}", way, done->exit_code,
                                  done->errors.empty() ? "" : ": ", one_line(done->errors)));
  }
}

std::vector<std::string> Notifier::tell(const Report& report) const {
  std::vector<std::string> trouble;
  CommandOrder order;
  order.timeout = kCommandTimeout;
  if (const std::string to = profile_.text("notify.mail"); !to.empty()) {
    CommandOrder mail = order;
    mail.words = {"/bin/sh", "-c",
                  "PATH=\"$PATH:/usr/sbin:/usr/lib\"; export PATH; exec sendmail -t -i"};
    mail.input = fmt::format(
        "To: {}\nSubject: {}\nContent-Type: text/plain; charset=utf-8\nAuto-Submitted: "
        "auto-generated\n\n{}\n",
        one_line(to), one_line(report.title), report.text);
    add_trouble(trouble, "notify.mail", mail);
  }
  if (const std::string line = profile_.text("notify.command"); !line.empty()) {
    CommandOrder command = order;
    command.words = {"/bin/sh", "-c", line};
    command.variables = report.variables;
    command.variables.insert(command.variables.end(), {{"LAGAN_PROFILE", profile_.name},
                                                       {"LAGAN_STATUS", word_of(report.outcome)},
                                                       {"LAGAN_TITLE", report.title}});
    command.input = report.text + "\n";
    add_trouble(trouble, "notify.command", command);
  }
  if (profile_.flag("notify.desktop")) {
    CommandOrder desktop = order;
    desktop.words = {"notify-send", "--app-name=lagan",
                     report.outcome == Outcome::failed ? "--urgency=critical" : "--urgency=normal",
                     report.title, report.text};
    add_trouble(trouble, "notify.desktop", desktop);
  }
  return trouble;
}

Notifier::Post http_post(const std::string& user_agent) {
  HttpOptions options;
  options.user_agent = user_agent;
  options.stall_seconds = 15;
  const auto client = std::make_shared<HttpClient>(options);
  return [client](const std::string& url, const std::string& text) -> Result<void> {
    constexpr int kTries = 2;
    for (int left = kTries;;) {
      HttpRequest request;
      request.method = "POST";
      request.url = url;
      request.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
      request.body = as_bytes(text);
      const auto answer = client->send(request);
      if (answer && answer->is_success()) return {};
      if (--left > 0) continue;
      if (!answer) return fail(answer.error());
      // The URL is a secret: who knows it can beat in our place.
      return fail(http_status_error(*answer, "the server's answer"));
    }
  };
}

std::string metrics_text(const std::map<std::string, ProfileRecord>& profiles) {
  std::string text;
  const auto head = [&](const char* name, const char* help) {
    text += fmt::format("# HELP lagan_{0} {1}\n# TYPE lagan_{0} gauge\n", name, help);
  };
  // All of one name stand together, of whatever profile.
  const auto each_repository = [&](const char* name, const char* help, auto value) {
    head(name, help);
    for (const auto& [profile, record] : profiles) {
      for (const auto& [repository, each] : record.repositories) {
        text += fmt::format("lagan_{}{{profile=\"{}\",repository=\"{}\"}} {}\n", name,
                            label(profile), label(repository), value(each));
      }
    }
  };
  const auto each_step = [&](const char* name, const char* help, auto value) {
    head(name, help);
    for (const auto& [profile, record] : profiles) {
      for (const auto& [repository, each] : record.repositories) {
        for (const auto& [step, done] : each.steps) {
          text += fmt::format("lagan_{}{{profile=\"{}\",repository=\"{}\",step=\"{}\"}} {}\n", name,
                              label(profile), label(repository), step_name(step), value(done));
        }
      }
    }
  };
  each_step("last_success_timestamp_seconds", "When the step was begun that went well last.",
            [](const StepRecord& step) { return fmt::format("{:.3f}", seconds(step.succeeded)); });
  each_step("last_attempt_timestamp_seconds", "When the step was begun last.",
            [](const StepRecord& step) { return fmt::format("{:.3f}", seconds(step.attempted)); });
  each_step("last_duration_seconds", "How long the last attempt took.", [](const StepRecord& step) {
    return fmt::format("{:.3f}", seconds(step.finished - step.attempted));
  });
  each_step("failures", "Failed attempts since the last that went well.",
            [](const StepRecord& step) { return step.failures; });
  each_step("exit_code", "Exit code of the last attempt.",
            [](const StepRecord& step) { return step.exit_code; });
  each_repository("newest_snapshot_timestamp_seconds", "Time of the newest snapshot.",
                  [](const RepositoryRecord& each) {
                    return fmt::format("{:.3f}", seconds(each.snapshot_time));
                  });
  each_repository("source_files", "Files of the newest snapshot.",
                  [](const RepositoryRecord& each) { return each.files; });
  each_repository("source_bytes", "Content of the newest snapshot.",
                  [](const RepositoryRecord& each) { return each.bytes; });
  each_repository("added_bytes", "Bytes stored for the newest snapshot.",
                  [](const RepositoryRecord& each) { return each.added_bytes; });
  return text;
}

}  // namespace lagan
