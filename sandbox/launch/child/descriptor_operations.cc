// Descriptors and the terminal: what the child keeps, waits for, sends and hands to the command.
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "sandbox/launch/child/child.h"
#include "sandbox/launch/child/raw.h"

namespace slipway::sandbox::child {

// Closes what is not in the table, in gaps. Other launches' pipe ends among them would keep those
// pipes open: two children waiting for each other's end of file is a dead lock.
long close_others(State& state, const Operation&) {
  int kept[kPlaces];
  int count = 0;
  for (int place = 0; place < kPlaces; place++) {
    const int number = state.places[place];
    if (number < 0) continue;
    int at = count++;
    for (; at > 0 && kept[at - 1] > number; at--) kept[at] = kept[at - 1];
    kept[at] = number;
  }
  unsigned next = 3;  // 0-2 stay taken until the command's are moved there.
  for (int i = 0; i < count; i++) {
    const unsigned number = static_cast<unsigned>(kept[i]);
    if (number > next) raw::invoke(SYS_close_range, next, number - 1, 0);
    if (number >= next) next = number + 1;
  }
  return raw::invoke(SYS_close_range, next, ~0U, 0);
}

long join_cgroup(State& state, const Operation& operation) {
  const long result = raw::invoke(SYS_write, state.fd(operation.in), "0", 1);
  return result < 0 ? result : 0;
}

long await_byte(State& state, const Operation& operation) {
  char byte;
  const long size = raw::invoke(SYS_read, state.fd(operation.in), &byte, 1);
  return size == 1 ? 0 : size < 0 ? size : -EPIPE;
}

// R4: both sides come from the container's own devpts by descriptor; no name can be swapped in
// between.
long open_terminal(State& state, const Operation& operation) {
  const long master = open_how(state.fd(kDev), "pts/ptmx", O_RDWR | O_NOCTTY, 0);
  if (master < 0) return master;
  state.keep(kMaster, static_cast<int>(master));
  const int unlock = 0;
  long result = raw::invoke(SYS_ioctl, master, TIOCSPTLCK, &unlock);
  if (result < 0) return result;
  const long slave = raw::invoke(SYS_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return slave;
  state.keep(kSlave, static_cast<int>(slave));
  result = raw::invoke(SYS_ioctl, slave, TIOCSWINSZ, operation.data);
  if (result < 0) return result;
  return raw::invoke(SYS_fchown, slave, operation.uid, -1);
}

long send_master(State& state, const Operation&) {
  char byte = 0;
  struct iovec part = {&byte, 1};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  for (char& c : control) c = 0;
  struct msghdr message {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  auto* header = reinterpret_cast<struct cmsghdr*>(control);
  header->cmsg_len = CMSG_LEN(sizeof(int));
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  *reinterpret_cast<int*>(CMSG_DATA(header)) = state.fd(kMaster);
  const long sent = raw::invoke(SYS_sendmsg, state.fd(kMasterSocket), &message, MSG_NOSIGNAL);
  return sent < 0 ? sent : 0;
}

long take_terminal(State& state, const Operation&) {
  return raw::invoke(SYS_ioctl, state.fd(kSlave), TIOCSCTTY, 0);
}

// Places are never below 10 where a number below 10 is a goal, so nothing needed is overwritten.
long move_descriptor(State& state, const Operation& operation) {
  const long result = raw::invoke(SYS_dup3, state.fd(operation.in), operation.mode, 0);
  return result < 0 ? result : 0;
}

// R2: whatever is open beyond the given ones ends with exec.
long keep_only(State&, const Operation& operation) {
  return raw::invoke(SYS_close_range, operation.mode, ~0U, CLOSE_RANGE_CLOEXEC);
}

}  // namespace slipway::sandbox::child
