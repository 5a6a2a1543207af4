// Capability sets by name; what of /proc and /sys is hidden; devices.
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "sandbox/policy/profile.h"

namespace slipway::sandbox {
namespace {

CapabilityMask bit(int capability) { return CapabilityMask{1} << capability; }

CapabilityMask mask(const std::vector<std::string>& add, const std::vector<std::string>& drop) {
  const auto result = capability_mask(add, drop);
  EXPECT_TRUE(result) << result.error().text();
  return result ? *result : 0;
}

TEST(CapabilityMask, DefaultIsElevenWithoutRawSocketsAndDeviceNodes) {
  const CapabilityMask set = mask({}, {});
  EXPECT_EQ(set, kDefaultCapabilities);
  EXPECT_EQ(std::popcount(set), 11);
  for (const int capability : {CAP_NET_RAW, CAP_MKNOD, CAP_AUDIT_WRITE, CAP_SYS_ADMIN,
                               CAP_SYS_PTRACE, CAP_NET_ADMIN, CAP_DAC_READ_SEARCH}) {
    EXPECT_EQ(set & bit(capability), 0u) << capability_name(capability);
  }
}

TEST(CapabilityMask, NamesAreTakenInAllSpellings) {
  for (const char* name : {"NET_RAW", "net_raw", "CAP_NET_RAW", "cap_net_raw", "Cap_Net_Raw"}) {
    EXPECT_EQ(mask({name}, {}), kDefaultCapabilities | bit(CAP_NET_RAW)) << name;
  }
  EXPECT_EQ(mask({}, {"chown"}), kDefaultCapabilities & ~bit(CAP_CHOWN));
}

TEST(CapabilityMask, AllIsAStartingPointThatSingleNamesChange) {
  EXPECT_EQ(mask({}, {"ALL"}), 0u);
  EXPECT_EQ(mask({"CHOWN"}, {"ALL"}), bit(CAP_CHOWN));
  EXPECT_EQ(mask({"ALL"}, {"SYS_ADMIN"}) & bit(CAP_SYS_ADMIN), 0u);
  EXPECT_NE(mask({"ALL"}, {"SYS_ADMIN"}) & bit(CAP_NET_ADMIN), 0u);
  EXPECT_EQ(mask({"CHOWN"}, {"CHOWN"}), kDefaultCapabilities & ~bit(CAP_CHOWN));
}

TEST(CapabilityMask, UnknownNameIsRefusedWithTheNearest) {
  const auto result = capability_mask({"NET_RAV"}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kInvalid);
  EXPECT_NE(result.error().text().find("did you mean \"NET_RAW\""), std::string::npos)
      << result.error().text();
  EXPECT_FALSE(capability_mask({""}, {}));
  EXPECT_FALSE(capability_mask({"CAP_"}, {}));
  EXPECT_FALSE(capability_mask({}, {"CAP_CAP_CHOWN"}));
}

TEST(CapabilityMask, IsClampedToTheBoundingSet) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::prctl(PR_CAPBSET_DROP, CAP_SYS_TIME, 0, 0, 0) != 0) ::_exit(2);
    if (::prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0) != 0) ::_exit(2);
    const auto all = capability_mask({"ALL"}, {});
    const auto standard = capability_mask({"SYS_TIME"}, {});
    if (!all || !standard) ::_exit(3);
    const CapabilityMask missing = bit(CAP_SYS_TIME) | bit(CAP_CHOWN);
    ::_exit((*all & missing) == 0 && (*standard & missing) == 0 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(CapabilityNames, FollowTheKernelsNumbers) {
  EXPECT_EQ(capability_name(CAP_CHOWN), "CAP_CHOWN");
  EXPECT_EQ(capability_name(CAP_SYS_ADMIN), "CAP_SYS_ADMIN");
  EXPECT_EQ(capability_name(CAP_SETFCAP), "CAP_SETFCAP");
  EXPECT_EQ(capability_name(CAP_CHECKPOINT_RESTORE), "CAP_CHECKPOINT_RESTORE");
  EXPECT_EQ(capability_name(57), "CAP_57");
  EXPECT_GE(last_capability(), CAP_CHECKPOINT_RESTORE);
}

TEST(HiddenPaths, ExistAndCoverWhatTellsAboutTheMachine) {
  const auto paths = masked_paths();
  struct stat info {};
  for (const char* path : paths) EXPECT_EQ(::lstat(path, &info), 0) << path;
  for (std::string_view wanted : {"/proc/kallsyms", "/proc/interrupts", "/proc/kpageflags",
                                  "/proc/keys", "/proc/kcore", "/sys/firmware"}) {
    if (::lstat(wanted.data(), &info) != 0) continue;  // Absent here, so absent inside.
    EXPECT_NE(std::find(paths.begin(), paths.end(), wanted), paths.end()) << wanted;
  }
  const auto read_only = read_only_paths();
  EXPECT_NE(std::find(read_only.begin(), read_only.end(), std::string_view("/proc/sys")),
            read_only.end());
}

TEST(Devices, AreTheMachinesHarmlessSix) {
  EXPECT_EQ(default_devices().size(), 6u);
  for (const DeviceNode& device : default_devices()) {
    struct stat info {};
    ASSERT_EQ(::stat((std::string("/dev/") + device.name).c_str(), &info), 0) << device.name;
    EXPECT_TRUE(S_ISCHR(info.st_mode));
    EXPECT_EQ(info.st_rdev, makedev(device.major, device.minor)) << device.name;
  }
}

}  // namespace
}  // namespace slipway::sandbox
