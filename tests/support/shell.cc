// Runs real shells for tests that claim something about shell text.
#include "tests/support/shell.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/sys.h"
#include "base/units.h"

namespace slipway::testing {
namespace {

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

ShellRun run_shell(std::vector<std::string> shell, const std::string& script,
                   const std::map<std::string, std::string>& env, const std::string& cwd) {
  shell.insert(shell.end(), {"-c", script});
  std::vector<std::string> entries{"PATH=/usr/local/bin:/usr/bin:/bin"};
  for (const auto& [name, value] : env) entries.push_back(name + "=" + value);

  Result<sys::Pipe> pipe = sys::make_pipe();
  if (!pipe) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, cwd.c_str());
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe->write.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, pipe->write.get(), STDERR_FILENO);
  pid_t pid = -1;
  const int failed = posix_spawnp(&pid, shell[0].c_str(), &actions, nullptr, pointers(shell).data(),
                                  pointers(entries).data());
  posix_spawn_file_actions_destroy(&actions);
  pipe->write.reset();
  if (failed != 0) return {};

  ShellRun run;
  run.out = read_fd(pipe->read.get(), 16_MiB, "shell output").value_or("");
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return run;
}

}  // namespace slipway::testing
