#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "base/fd.h"

namespace slipway::testing {

struct ProgramRun {
  int exit_code =
      -1;           ///< 128 + signal when killed; -1 when it had to be killed for taking too long.
  std::string out;  ///< With a terminal: everything it printed.
  std::string err;
};

enum class Stdio {
  kPipes,
  kTerminal,  ///< A pty, which is the program's controlling terminal.
};

/// A child under the test's hand: type to it, wait for what it says, send it signals. Killed and reaped at the end.
/// Waiting gives up after a minute, which fails the test rather than hanging it.
class Program {
 public:
  Program(const std::vector<std::string>& argv, const std::map<std::string, std::string>& extra_env,
          Stdio stdio, const std::string& directory = "/");
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void type(const std::string& text);
  void close_input();
  void signal(int number) const;
  /// Of a terminal.
  void resize(unsigned short rows, unsigned short columns) const;
  /// Reads until `text` was printed (on either stream); false when it ended or a minute passed before.
  bool wait_for(const std::string& text);
  ProgramRun finish();  ///< Closes its input, reads to the end, reaps.

 private:
  bool read_some();
  pid_t pid_ = -1;
  Fd input_, out_, err_;
  ProgramRun run_;
};

/// Runs to the end with `input` on stdin.
ProgramRun run_program(const std::vector<std::string>& argv,
                       const std::map<std::string, std::string>& extra_env = {},
                       const std::string& input = "", const std::string& directory = "/");

}  // namespace slipway::testing
