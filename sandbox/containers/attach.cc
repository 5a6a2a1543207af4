// Streams of containers, and further processes in them.
#include <sys/socket.h>

#include "sandbox/containers/changes.h"
#include "sandbox/containers/local_containers.h"
#include "sandbox/containers/message.h"

namespace slipway::sandbox {
namespace {

struct Pair {
  Fd ours, theirs;
};

// A socket pair of our own rather than the connection itself: bytes without packets, and each side can end its half.
Result<Pair> make_stream() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno("make stream");
  return Pair{Fd(ends[0]), Fd(ends[1])};
}

}  // namespace

Result<Attachment> LocalContainers::attach(const std::string& name) {
  const std::string id = SLIP_TRY(resolve(name));
  Pair stream = SLIP_TRY(make_stream());
  const Json answer = SLIP_TRY(
      ask(id, Json::object({{"request", "attach"}}), Monitoring::kStartOne, stream.theirs.get()));
  return Attachment{std::move(stream.ours), answer["tty"].bool_or(false)};
}

Status LocalContainers::resize(const std::string& name, Terminal size) {
  const std::string id = SLIP_TRY(resolve(name));
  SLIP_TRY(
      ask(id, Json::object({{"request", "resize"}, {"rows", size.rows}, {"columns", size.columns}}),
          Monitoring::kMustRun));
  return {};
}

}  // namespace slipway::sandbox
