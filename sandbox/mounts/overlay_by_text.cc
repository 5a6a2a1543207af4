// Overlays before Linux 6.7. fsconfig(2) takes at most 255 bytes for all lower layers together and mount(2) a page
// for all options, so layers are named by descriptor number alone, relative to /proc/self/fd as working directory.
// That and the mount itself happen in a thread with a directory and a mount namespace of its own: nobody else sees
// either.
#include "sandbox/mounts/overlay_by_text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <system_error>
#include <thread>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/mounts/creator.h"
#include "sandbox/mounts/tree.h"

namespace slipway::sandbox {
namespace {

// mount(2) copies one page, the last byte of which it makes zero.
constexpr std::size_t kMaxText = 4095;
// Exists everywhere; covered in the thread's own namespace only.
constexpr char kTarget[] = "/proc";

struct OpenLayers {
  std::vector<Fd> descriptors;
  std::string text;
};

// Where the view's directory is attached. Layers must be opened again by that path: overlayfs takes only mounts of the
// namespace that it is mounted in, and a descriptor from before stays in the old one.
Result<std::string> path_of_view(const LayerView& view) {
  char path[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(view.directory);
  const ssize_t size = ::readlink(link.c_str(), path, sizeof path);
  if (size <= 0) return fail_errno("mount overlay: read link " + link);
  return std::string(path, static_cast<std::size_t>(size));
}

Result<std::string> add_layer(const std::string& path, const LayerView& view, OpenLayers& layers) {
  const std::string by_descriptor = "/proc/self/fd/" + std::to_string(view.directory) + "/";
  std::string full = path;
  if (path.rfind(by_descriptor, 0) == 0) {
    full = SLIP_TRY(path_of_view(view)) + "/" + path.substr(by_descriptor.size());
  }
  layers.descriptors.push_back(
      SLIP_TRY_WITHIN("mount overlay", open_file(full, O_PATH | O_DIRECTORY)));
  return std::to_string(layers.descriptors.back().get());
}

Result<OpenLayers> open_layers(const OverlayNames& names, const LayerView& view) {
  OpenLayers layers;
  std::vector<std::string> lowers;
  for (const std::string& path : names.lowers) {
    lowers.push_back(SLIP_TRY(add_layer(path, view, layers)));
  }
  layers.text = "lowerdir=" + join(lowers, ":");
  if (!names.upper.empty()) {
    layers.text += ",upperdir=" + SLIP_TRY(add_layer(names.upper, view, layers));
    layers.text += ",workdir=" + SLIP_TRY(add_layer(names.work, view, layers)) + ",volatile";
  }
  layers.text += view.user_xattr ? ",userxattr" : ",redirect_dir=off,index=off,metacopy=off";
  if (layers.text.size() <= kMaxText) return layers;
  return fail(ErrorCode::kExhausted,
              "mount overlay: " + std::to_string(names.lowers.size()) +
                  " layers are too many for this kernel (Linux 6.7 takes 500)");
}

Result<Fd> mount_in_thread(const OverlayNames& names, const LayerView& view) {
  if (::unshare(CLONE_NEWNS) != 0) return fail_errno("mount overlay: make a mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return fail_errno("mount overlay: make mounts private");
  }
  const OpenLayers layers = SLIP_TRY(open_layers(names, view));
  if (::chdir("/proc/self/fd") != 0) return fail_errno("mount overlay: enter /proc/self/fd");
  const unsigned long frozen = names.upper.empty() ? unsigned{MS_RDONLY} : 0U;
  {
    CreatorIds creator(view.creator);
    if (::mount("overlay", kTarget, "overlay", MS_NODEV | frozen, layers.text.c_str()) != 0) {
      return fail_errno("mount overlay: " + layers.text);
    }
  }
  return clone_tree(AT_FDCWD, kTarget, Depth::kOne);
}

}  // namespace

bool takes_layers_one_by_one() {
  static const bool takes = [] {
    const Fd context(::fsopen("overlay", FSOPEN_CLOEXEC));
    // A kernel that knows the option looks the path up at once; the oldest ones take any text and complain at the end.
    return context.valid() &&
           ::fsconfig(context.get(), FSCONFIG_SET_STRING, "lowerdir+", "/proc/none", 0) != 0 &&
           errno == ENOENT;
  }();
  return takes;
}

Result<Fd> mount_overlay_by_text(const OverlayNames& names, const LayerView& view) {
  Result<Fd> mounted = fail(ErrorCode::kInternal, "mount overlay: no answer");
  try {
    std::thread([&] { mounted = mount_in_thread(names, view); }).join();
  } catch (const std::system_error& error) {
    return fail(ErrorCode::kExhausted,
                std::string("mount overlay: start a thread: ") + error.what());
  }
  return mounted;
}

}  // namespace slipway::sandbox
