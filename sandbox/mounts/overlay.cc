// Overlays as detached mounts. The layers are named through a descriptor of the (shifted) store, so their paths stay
// short and all belong to one mount, as overlayfs demands of upper and work.
#include "sandbox/mounts/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstring>

#include "base/files.h"
#include "sandbox/mounts/creator.h"
#include "sandbox/mounts/overlay_by_text.h"
#include "sandbox/mounts/tree.h"

namespace slipway::sandbox {
namespace {

constexpr std::size_t kMaxLayers = 500;  // OVL_MAX_STACK, and SECURITY's limit for images.

// The layer below the view's root, relative.
Result<std::string> relative(const std::string& path, const LayerView& view) {
  const std::string prefix = view.root + "/";
  if (path.compare(0, prefix.size(), prefix) != 0 || path.find("/../") != std::string::npos) {
    return fail(ErrorCode::kInvalid, "mount overlay: layer " + path + " is not below " + view.root);
  }
  return path.substr(prefix.size());
}

// What the file system said about the last failure. Linux 5.2: read(2) of an fsopen descriptor.
std::string kernel_words(int context) {
  char line[512];
  const ssize_t size = ::read(context, line, sizeof line);
  if (size <= 2) return "";
  std::string words(line + 2, static_cast<std::size_t>(size) - 2);  // After "e ".
  while (!words.empty() && words.back() == '\n') words.pop_back();
  return " (" + words + ")";
}

Status set_option(int context, const char* name, const std::string& value) {
  if (::fsconfig(context, FSCONFIG_SET_STRING, name, value.c_str(), 0) == 0) return {};
  const int saved = errno;
  return fail(errno_error(
      saved, "mount overlay: set " + std::string(name) + "=" + value + kernel_words(context)));
}

Status set_flag(int context, const char* name) {
  if (::fsconfig(context, FSCONFIG_SET_FLAG, name, nullptr, 0) == 0) return {};
  const int saved = errno;
  return fail(
      errno_error(saved, "mount overlay: set " + std::string(name) + kernel_words(context)));
}

// The file system belongs to the machine when root mounts it: a device node in a layer would open the real device.
constexpr unsigned kNoDevices = MOUNT_ATTR_NODEV;

Status check_layers(const OverlayStack& stack) {
  if (stack.lowers.empty() || stack.lowers.size() > kMaxLayers) {
    return fail(ErrorCode::kInvalid, "mount overlay: " + std::to_string(stack.lowers.size()) +
                                         " layers (1 to 500 are possible)");
  }
  for (const std::string& lower : stack.lowers) {
    struct stat found;
    if (::stat(lower.c_str(), &found) != 0) return fail_errno("mount overlay: layer " + lower);
    if (!S_ISDIR(found.st_mode)) {
      return fail(ErrorCode::kInvalid, "mount overlay: layer " + lower + ": not a directory");
    }
  }
  return {};
}

// `volatile` leaves this mark so that a crashed upper is not used again by mistake. Ours are drafts, which do not
// outlive their owner; the same draft under a second container is no mistake.
void forget_volatile_mark(const std::string& work) {
  const std::string mark = work + "/work/incompat/volatile";
  ::unlink((mark + "/dirty").c_str());
  ::rmdir(mark.c_str());
}

Status configure(int context, const OverlayNames& names, const LayerView& view) {
  for (const std::string& lower : names.lowers) SLIP_TRY(set_option(context, "lowerdir+", lower));
  if (!names.upper.empty()) {
    SLIP_TRY(set_option(context, "upperdir", names.upper));
    SLIP_TRY(set_option(context, "workdir", names.work));
    // Unmounting would else sync the whole file system; durability is the store's work at commit.
    SLIP_TRY(set_flag(context, "volatile"));
  }
  if (view.user_xattr) return set_flag(context, "userxattr");
  // Metadata that makes a layer depend on the stack it was made in would break snapshots.
  SLIP_TRY(set_option(context, "redirect_dir", "off"));
  SLIP_TRY(set_option(context, "index", "off"));
  return set_option(context, "metacopy", "off");
}

Result<Fd> create(const OverlayNames& names, const LayerView& view) {
  Fd context(::fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context) {
    if (errno == ENODEV)
      return fail(ErrorCode::kUnsupported,
                  "mount overlay: the kernel has no overlayfs (modprobe overlay)");
    return fail_errno("mount overlay");
  }
  SLIP_TRY(configure(context.get(), names, view));
  CreatorIds creator(view.creator);
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    const int saved = errno;
    return fail(errno_error(saved, "mount overlay" + kernel_words(context.get())));
  }
  const unsigned frozen = names.upper.empty() ? MOUNT_ATTR_RDONLY : 0;
  Fd tree(::fsmount(context.get(), FSMOUNT_CLOEXEC, kNoDevices | frozen));
  if (!tree) return fail_errno("mount overlay");
  return tree;
}

}  // namespace

Result<Fd> mount_overlay(const OverlayStack& stack, const LayerView& view) {
  SLIP_TRY(check_layers(stack));
  OverlayNames names;
  // Through the descriptor: fsconfig(2) takes at most 255 bytes, less than a store deep in a home directory.
  const std::string prefix = "/proc/self/fd/" + std::to_string(view.directory) + "/";
  for (auto lower = stack.lowers.rbegin(); lower != stack.lowers.rend(); ++lower) {
    names.lowers.push_back(prefix +
                           SLIP_TRY(relative(*lower, view)));  // lowerdir+ wants the top first.
  }
  if (stack.upper.empty() && names.lowers.size() == 1) {
    Fd tree = SLIP_TRY(clone_tree(AT_FDCWD, names.lowers[0], Depth::kOne));
    SLIP_TRY(set_tree_attributes(tree.get(), kNoDevices | MOUNT_ATTR_RDONLY, Depth::kOne,
                                 stack.lowers[0]));
    return tree;
  }
  if (!stack.upper.empty()) {
    names.upper = prefix + SLIP_TRY(relative(stack.upper, view));
    names.work = prefix + SLIP_TRY(relative(stack.work, view));
    forget_volatile_mark(stack.work);
  }
  return takes_layers_one_by_one() ? create(names, view) : mount_overlay_by_text(names, view);
}

}  // namespace slipway::sandbox
