// Descriptors and the terminal: what the child keeps, waits for, sends and hands to the command.
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>

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

namespace {

// R4: both sides come from the container's own devpts by descriptor; no name can be swapped in
// between.
long take_pair(State& state, const Operation& operation, long master) {
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

// Spec: Documentation/filesystems/devpts.rst; ptmx is 5:2 there.
bool is_ptmx(long fd) {
  struct statfs system;
  struct statx found;
  if (raw::invoke(SYS_fstatfs, fd, &system) < 0 || system.f_type != DEVPTS_SUPER_MAGIC)
    return false;
  return raw::invoke(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &found) >= 0 &&
         S_ISCHR(found.stx_mode) && found.stx_rdev_major == 5 && found.stx_rdev_minor == 2;
}

}  // namespace

long open_terminal(State& state, const Operation& operation) {
  const long master = open_how(state.fd(kDev), "pts/ptmx", O_RDWR | O_NOCTTY, 0);
  return master < 0 ? master : take_pair(state, operation, master);
}

// The container may have put anything at that name: it is looked at before it is opened for real.
long open_pts(State& state, const Operation& operation) {
  const long seen =
      open_how(AT_FDCWD, "/dev/pts/ptmx", O_PATH, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  if (seen < 0) return seen;
  if (!is_ptmx(seen)) {
    raw::invoke(SYS_close, seen);
    return -ENOTTY;
  }
  raw::invoke(SYS_close, seen);
  const long master = open_how(AT_FDCWD, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK,
                               RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  if (master < 0) return master;
  if (!is_ptmx(master)) {
    raw::invoke(SYS_close, master);
    return -ENOTTY;
  }
  raw::invoke(SYS_fcntl, master, F_SETFL, O_RDWR);
  return take_pair(state, operation, master);
}

long send_descriptor(State& state, const Operation& operation) {
  char byte = static_cast<char>(operation.mode);
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
  *reinterpret_cast<int*>(CMSG_DATA(header)) = state.fd(operation.in);
  const long sent = raw::invoke(SYS_sendmsg, state.fd(kSocket), &message, MSG_NOSIGNAL);
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

long close_from(State&, const Operation& operation) {
  return raw::invoke(SYS_close_range, operation.mode, ~0U, 0);
}

}  // namespace slipway::sandbox::child
