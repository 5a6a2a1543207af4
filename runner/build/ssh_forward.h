#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace slipway::runner {

/// A socket for one RUN that leads to the person's ssh agent: the agent's own belongs to somebody whom a container's
/// user is not. It goes with this object, and so does every connection.
class SshForward {
 public:
  struct Owner {
    unsigned uid = 0, gid = 0, mode = 0600;
  };
  /// `directory`/agent is the socket.
  static Result<SshForward> open(const std::string& directory, const std::string& agent,
                                 const Owner& owner);
  SshForward(SshForward&&) noexcept;
  SshForward& operator=(SshForward&&) noexcept;
  ~SshForward();

 private:
  struct State;
  explicit SshForward(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace slipway::runner
