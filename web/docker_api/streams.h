#pragma once

#include <string>
#include <string_view>

#include "sandbox/container_state.h"
#include "web/docker_api/api.h"

namespace slipway::web::docker_api {

/// "application/vnd.docker.raw-stream", or from API 1.42 on what says that frames come.
std::string stream_type(const Call& call, bool tty);

/// Leaves HTTP and joins the client to a container's or an exec's streams until one of them ends.
struct SpliceOptions {
  bool tty = false;
  bool input = true;
  bool output = true;
  bool error = true;
  std::string detach_keys;  ///< Empty: docker's.
  std::string before;       ///< Sent first: the log of `logs=1`.
};
Status splice(Call& call, sandbox::Attachment attachment, const SpliceOptions& options);

/// Appends one of docker's frames. Docker API, "Attach to a container", Stream format.
void append_frame(std::string& to, sandbox::OutputStream stream, std::string_view data);

/// What a handler puts on a pipe arrives at the client: `write` gets its writing end. For functions that want a
/// descriptor. The answer has begun when the first byte comes; an error before that is answered as one.
Status stream_from_pipe(Call& call, std::string_view type, const Headers& headers,
                        const std::function<Status(int write_fd)>& write);
/// The other way: the request's body as a pipe.
Status body_to_pipe(Call& call, const std::function<Status(int read_fd)>& read);

}  // namespace slipway::web::docker_api
