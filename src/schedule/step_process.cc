// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/step_process.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "src/schedule/command.h"
#include "util/duration.h"

namespace lagan {
namespace {

using Json = nlohmann::json;

std::string text_in(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

std::uint64_t number_in(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

// What lagan --json says on standard error, as a sentence.
std::string sentence(const Json& message) {
  std::string text = text_in(message, "message");
  if (const auto error = message.find("error"); error != message.end() && error->is_object())
    text = text_in(*error, "message");
  const std::string item = text_in(message, "item");
  return item.empty() ? text : item + ": " + text;
}

class Interpreter {
 public:
  explicit Interpreter(std::function<void(const std::string&)> say) : say_(std::move(say)) {}

  void take(bool is_error, std::string_view line) {
    if (line.empty()) return;
    const Json message = Json::parse(line, nullptr, false);
    if (message.is_object() && text_in(message, "message_type") == "summary" && !is_error) {
      outcome.has_summary = true;
      outcome.snapshot = text_in(message, "snapshot_id");
      outcome.files += number_in(message, "total_files_processed");
      outcome.bytes += number_in(message, "total_bytes_processed");
      outcome.added_bytes += number_in(message, "data_added_packed");
      return;
    }
    if (!is_error) return;
    // What went wrong was said before, and better.
    if (message.is_object() && outcome.has_summary &&
        text_in(message, "message_type") == "exit_error")
      return;
    const std::string text = message.is_object() ? sentence(message) : std::string(line);
    if (text.empty()) return;
    last_words_ = text;
    if (say_) say_(text);
  }
  const std::string& last_words() const { return last_words_; }

  StepOutcome outcome;

 private:
  const std::function<void(const std::string&)> say_;
  std::string last_words_;
};

}  // namespace

RunStep step_by_program(std::string program, std::stop_token stop,
                        std::function<void(const std::string&)> say) {
  return [program = std::move(program), stop, say = std::move(say)](const StepOrder& order) {
    Interpreter interpreter(say);
    CommandOrder command;
    command.words = {program};
    command.words.insert(command.words.end(), order.words.begin(), order.words.end());
    // Before what follows "--".
    command.words.insert(command.words.begin() + 2, "--json");
    command.variables = order.variables;
    command.priority = order.priority;
    command.timeout = order.timeout;
    command.stop = stop;
    command.on_line = [&](bool is_error, std::string_view line) {
      interpreter.take(is_error, line);
    };
    const auto ended = run_command(command);
    StepOutcome outcome = interpreter.outcome;
    outcome.exit_code = ended ? ended->exit_code : 1;
    if (!ended) {
      outcome.error = ended.error().message;
    } else if (ended->was_late && !outcome.is_success()) {
      outcome.exit_code = kTimedOut;
      outcome.error = fmt::format("it did not end within {}", format_duration(order.timeout));
    } else if (ended->exit_code != 0) {
      outcome.error = !interpreter.last_words().empty()
                          ? interpreter.last_words()
                          : fmt::format("ended with code {}", ended->exit_code);
    }
    return outcome;
  };
}

}  // namespace lagan
