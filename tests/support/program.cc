// Child programs for tests: pipes or a pty, typed input, awaited output.
#include "tests/support/program.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "base/sys.h"

namespace slipway::testing {
namespace {

constexpr int kGiveUpMs = 60'000;

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& extra) {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text(*entry);
    if (!extra.contains(text.substr(0, text.find('=')))) entries.push_back(text);
  }
  for (const auto& [name, value] : extra) entries.push_back(name + "=" + value);
  return entries;
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> result;
  for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
  result.push_back(nullptr);
  return result;
}

struct Ends {
  Fd input, out, err;                  // ours
  int child_in, child_out, child_err;  // the child's
};

[[noreturn]] void become(const Ends& ends, Stdio stdio, const char* directory, char** argv,
                         char** envp) {
  ::setsid();
  if (stdio == Stdio::kTerminal) ::ioctl(ends.child_in, TIOCSCTTY, 0);
  ::dup2(ends.child_in, 0);
  ::dup2(ends.child_out, 1);
  ::dup2(ends.child_err, 2);
  ::close_range(3, ~0U, 0);
  if (::chdir(directory) == 0) ::execvpe(argv[0], argv, envp);
  ::_exit(127);
}

}  // namespace

Program::Program(const std::vector<std::string>& argv,
                 const std::map<std::string, std::string>& extra_env, Stdio stdio,
                 const std::string& directory) {
  const std::vector<std::string> environment = merged_environment(extra_env);
  std::vector<char*> arguments = pointers(argv);
  std::vector<char*> variables = pointers(environment);
  sys::Pipe in, out, err;
  int master = -1;
  int slave = -1;
  if (stdio == Stdio::kTerminal) {
    const winsize size{30, 100, 0, 0};
    if (::openpty(&master, &slave, nullptr, nullptr, &size) != 0) return;
    ::fcntl(master, F_SETFD, FD_CLOEXEC);
    input_ = Fd(::fcntl(master, F_DUPFD_CLOEXEC, 3));
    out_ = Fd(master);
  } else {
    in = sys::make_pipe().value();
    out = sys::make_pipe().value();
    err = sys::make_pipe().value();
  }
  const Fd slave_guard(slave);
  const Ends ends{Fd(),
                  Fd(),
                  Fd(),
                  slave >= 0 ? slave : in.read.get(),
                  slave >= 0 ? slave : out.write.get(),
                  slave >= 0 ? slave : err.write.get()};
  pid_ = ::fork();
  if (pid_ == 0) become(ends, stdio, directory.c_str(), arguments.data(), variables.data());
  if (stdio == Stdio::kPipes) {
    input_ = std::move(in.write);
    out_ = std::move(out.read);
    err_ = std::move(err.read);
  }
}

Program::~Program() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Program::type(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = ::write(input_.get(), text.data() + done, text.size() - done);
    if (written <= 0) return;
    done += static_cast<std::size_t>(written);
  }
}

void Program::close_input() { input_.reset(); }
void Program::signal(int number) const { ::kill(pid_, number); }

void Program::resize(unsigned short rows, unsigned short columns) const {
  const winsize size{rows, columns, 0, 0};
  ::ioctl(out_.get(), TIOCSWINSZ, &size);
}

/// False at the end of both streams or when nothing came for too long.
bool Program::read_some() {
  if (!out_ && !err_) return false;
  std::array<pollfd, 2> polls{pollfd{out_.get(), POLLIN, 0}, pollfd{err_.get(), POLLIN, 0}};
  if (::poll(polls.data(), polls.size(), kGiveUpMs) <= 0) return false;
  std::array<char, 65536> buffer{};
  for (std::size_t i = 0; i < polls.size(); ++i) {
    if (polls[i].revents == 0) continue;
    const ssize_t got = ::read(polls[i].fd, buffer.data(), buffer.size());
    std::string& text = i == 0 ? run_.out : run_.err;
    if (got > 0)
      text.append(buffer.data(), static_cast<std::size_t>(got));
    else
      (i == 0 ? out_ : err_).reset();  // EIO is a pty's end
  }
  return true;
}

bool Program::wait_for(const std::string& text) {
  while (run_.out.find(text) == std::string::npos && run_.err.find(text) == std::string::npos) {
    if (!read_some()) return false;
  }
  return true;
}

ProgramRun Program::finish() {
  if (err_) close_input();
  while (read_some()) {
  }
  const bool stuck = out_ || err_;
  if (stuck) ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  run_.exit_code = stuck ? -1 : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return run_;
}

ProgramRun run_program(const std::vector<std::string>& argv,
                       const std::map<std::string, std::string>& extra_env,
                       const std::string& input, const std::string& directory) {
  Program program(argv, extra_env, Stdio::kPipes, directory);
  program.type(input);
  return program.finish();
}

}  // namespace slipway::testing
