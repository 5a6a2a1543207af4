// File-system ids of the calling thread for the moment an overlay is created.
#include "sandbox/mounts/creator.h"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace slipway::sandbox {
namespace {

struct Capabilities {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {};
};

}  // namespace

// Linux: capabilities(7), "Effect of user ID changes": leaving fsuid 0 takes the file capabilities out of the effective
// set (they stay permitted); returning to 0 puts them back.
CreatorIds::CreatorIds(std::optional<uid_t> id) : active_(id.has_value()) {
  if (!active_) return;
  Capabilities held;
  ::syscall(SYS_capget, &held.header, &held.data[0]);
  ::setfsgid(*id);
  ::setfsuid(*id);
  ::syscall(SYS_capset, &held.header, &held.data[0]);
}

CreatorIds::~CreatorIds() {
  if (!active_) return;
  ::setfsuid(0);
  ::setfsgid(0);
}

}  // namespace slipway::sandbox
