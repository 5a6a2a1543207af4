#pragma once

#include <termios.h>

#include <optional>

#include "base/cancel.h"
#include "sandbox/engine.h"

namespace slipway::runner {

/// Size of the terminal on `fd`, or 24 by 80.
sandbox::Terminal terminal_size(int fd);

/// The person's terminal, when stdin is one.
class PersonTerminal {
 public:
  /// Nothing when stdin is not a terminal.
  static std::optional<PersonTerminal> open();
  PersonTerminal(PersonTerminal&&) noexcept;
  PersonTerminal& operator=(PersonTerminal&&) = delete;
  ~PersonTerminal();  ///< Restores its modes.

  sandbox::Terminal size() const;
  void make_raw();
  void restore();

 private:
  PersonTerminal() = default;
  termios saved_{};
  bool raw_ = false;
  bool owns_ = true;
};

/// Joins the person's terminal (raw while this runs) to a container started with ProcessSpec::terminal until its main
/// process ends: input, output, size changes. Calls container.wait().
sandbox::Outcome attach_terminal(sandbox::Container& container, PersonTerminal& person,
                                 const CancelToken& cancel, std::optional<MonoTime> deadline,
                                 const sandbox::StopPolicy& stop);

}  // namespace slipway::runner
