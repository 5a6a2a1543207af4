#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/container_state.h"
#include "sandbox/containers/log_writer.h"
#include "sandbox/containers/loop.h"

namespace slipway::sandbox {

/// The standard streams of one process (a container's or an exec's) and the clients attached to them. What the process
/// prints goes to the log, if there is one, and to every client in docker's frames; what clients send goes to its
/// stdin. A client that does not read stops the process's output (its pipe fills) once 64 KiB wait for it.
class Streams {
 public:
  enum class Stdin {
    kNone,  ///< /dev/null
    kOpen,  ///< Stays open whoever comes and goes.
    kOnce,  ///< Ends with the first client that ends its own.
  };
  struct Options {
    bool tty = false;
    Stdin input = Stdin::kNone;
  };

  Streams(Loop& loop, Options options) : loop_(loop), options_(options) {}
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;
  ~Streams();

  /// Also before there is a process; its output is then awaited and nothing is read from the client.
  Status attach(Fd client);
  std::size_t clients() const { return clients_.size(); }
  void on_client_gone(std::function<void()> action) { client_gone_ = std::move(action); }

  /// The process's ends of new pipes, to be closed when it has them. Not for a terminal.
  struct Ends {
    Fd input, output, error;
  };
  Result<Ends> open_pipes();
  /// From now on output flows; `log` may be null and is borrowed. `terminal`: the master, borrowed, or -1.
  Status begin(LogWriter* log, int terminal);
  /// Called when the last output descriptor has ended.
  void on_output_end(std::function<void()> action) { output_end_ = std::move(action); }
  void read_rest();  ///< What is in the pipes now, whoever may write more.
  bool output_ended() const { return !outputs_[0].open && !outputs_[1].open; }
  /// The process is gone: reads what is left in the pipes (nobody can write any more, or nobody may: then what comes
  /// later is cut), closes them, and lets the clients go when they have read all.
  void end();

 private:
  struct Output {
    int fd = -1;
    bool open = false;
    OutputStream stream = OutputStream::kStdout;
  };
  struct Client {
    Fd socket;
    std::string pending;   ///< Towards the client.
    bool reading = true;   ///< It has not ended its stdin.
    bool closing = false;  ///< Goes when `pending` is empty.
  };
  void on_output(Output& output);
  bool read_output(Output& output);  ///< False when nothing more is there.
  void give(OutputStream stream, std::string_view data);
  void give_to(Client& client, std::string_view head, std::string_view data);
  void close_output(Output& output);
  void on_client(int fd, std::uint32_t events);
  void flush(Client& client);
  void read_client(Client& client);
  void end_input(Client& client);
  void drop(int fd);
  void write_input();
  void close_input();
  void update();  ///< What is to be watched now.

  Loop& loop_;
  Options options_;
  LogWriter* log_ = nullptr;
  int terminal_ = -1;
  bool begun_ = false;
  std::array<Fd, 3> pipes_;  ///< Our ends of stdin, stdout, stderr.
  std::array<Output, 2> outputs_;
  int input_ = -1;  ///< Of pipes_, or the terminal.
  std::string input_pending_;
  bool input_watched_ = false;
  bool input_over_ = false;  ///< Ends once what is pending is written.
  std::map<int, Client> clients_;
  std::function<void()> client_gone_;
  std::function<void()> output_end_;
};

}  // namespace slipway::sandbox
