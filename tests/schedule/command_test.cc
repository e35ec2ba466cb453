// SPDX-License-Identifier: Apache-2.0
#include "src/schedule/command.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <csignal>

namespace lagan {
namespace {

CommandOrder shell(const std::string& line) {
  CommandOrder order;
  order.words = {"/bin/sh", "-c", line};
  return order;
}

}  // namespace

TEST_CASE("a command gets its input and environment, and what it says is heard") {
  CommandOrder order = shell("read line; echo \"$line $NAME\"; echo trouble >&2; exit 5");
  order.input = "hello\n";
  order.variables = {{"NAME", "world"}};
  std::vector<std::pair<bool, std::string>> lines;
  order.on_line = [&](bool is_error, std::string_view line) { lines.emplace_back(is_error, line); };
  const auto outcome = run_command(order);
  REQUIRE(outcome);
  CHECK(outcome->exit_code == 5);
  CHECK(outcome->output == "hello world\n");
  CHECK(outcome->errors == "trouble\n");
  CHECK(lines.size() == 2);
}

TEST_CASE("a command may leave its input alone, and say much") {
  CommandOrder order = shell("head -c 300000 /dev/zero | tr '\\0' x; echo; echo end");
  order.input = std::string(300'000, 'y');
  const auto outcome = run_command(order);
  REQUIRE(outcome);
  CHECK(outcome->exit_code == 0);
  CHECK(outcome->output.ends_with("x\nend\n"));
  CHECK(outcome->output.size() <= 64 << 10);
  CHECK(outcome->was_cut);
  CHECK_FALSE(run_command(shell("echo end"))->was_cut);
}

TEST_CASE("a command whose end nobody can be told of is an error, and not waited for") {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  const auto outcome = run_command(shell("exit 0"));
  std::signal(SIGCHLD, before);
  CHECK_FALSE(outcome);
}

TEST_CASE("a command has a priority of its own, and ours stays") {
  const auto ours = run_command(shell("nice"))->output;
  CommandOrder order = shell("nice");
  order.priority.nice = 19;
  CHECK(run_command(order)->output == "19\n");
  CHECK(run_command(shell("nice"))->output == ours);
  order = shell("true");
  order.priority.ionice = "idle";
  CHECK(run_command(order)->errors.empty());
}

TEST_CASE("a command that is not there, or dies, has the codes of a shell") {
  CommandOrder none;
  none.words = {"lagan-no-such-program"};
  CHECK(run_command(none)->exit_code == 127);
  CHECK(run_command(shell("kill -9 $$"))->exit_code == 137);
}

TEST_CASE("a command that takes too long, or is no longer wanted, is ended with its children") {
  CommandOrder late = shell("sleep 1000 | sleep 1000");
  late.timeout = 1;
  const auto outcome = run_command(late);
  REQUIRE(outcome);
  CHECK(outcome->was_late);
  CHECK(outcome->exit_code == 128 + 15);
  std::stop_source source;
  source.request_stop();
  CommandOrder stopped = shell("sleep 1000");
  stopped.stop = source.get_token();
  CHECK(run_command(stopped)->exit_code == 128 + 15);
}

TEST_CASE("what does not heed the end of a command is killed with its group") {
  // Neither the shell nor what it waits for wants to go.
  CommandOrder order = shell("trap '' TERM; sleep 1000; true");
  order.timeout = 2'000'000'000;  // by then the shell does not heed it
  order.grace = 50'000'000;
  const auto outcome = run_command(order);
  REQUIRE(outcome);
  CHECK(outcome->was_late);
  CHECK(outcome->exit_code == 128 + 9);
  // The shell goes at once, and leaves somebody who does not: that pipe would stay open.
  order = shell("(trap '' TERM; echo begun; sleep 1000) & exec sleep 1000");
  order.grace = 50'000'000;
  std::stop_source source;
  order.stop = source.get_token();
  order.on_line = [&](bool, std::string_view) { source.request_stop(); };
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  CHECK(run_command(order)->exit_code == 128 + 9);
  ::close(ends[1]);
  char byte = 0;
  CHECK(::read(ends[0], &byte, 1) == 0);
  ::close(ends[0]);
}

TEST_CASE("what takes its time to end in order has it") {
  CommandOrder order =
      shell("(trap 'echo tidied; exit' TERM; echo begun; while :; do sleep 0.01; done) & wait");
  std::stop_source source;
  order.stop = source.get_token();
  order.on_line = [&](bool, std::string_view) { source.request_stop(); };
  CHECK(run_command(order)->output == "begun\ntidied\n");
}

TEST_CASE("what a command leaves in the background does not keep it from being over") {
  const auto outcome = run_command(shell("sleep 1000 & echo started; echo $! >&2"));
  REQUIRE(outcome);
  CHECK(outcome->output == "started\n");
  CHECK(run_command(shell("kill " + outcome->errors))->exit_code == 0);
}

}  // namespace lagan
