#pragma once

#include <cstddef>
#include <cstdint>

/// What the launch child does, as data. The parent fills a flat array with pointers into memory that outlives the
/// launch; the child only loops over it (see child.cc). Both sides include this header, so it has no behaviour.
namespace slipway::sandbox {

/// Places in the child's descriptor table. Operations name places, never numbers.
enum Place : std::int16_t {
  kNowhere = -1,  ///< As a directory: AT_FDCWD.
  kReport,        ///< Write {operation, errno} here; closed by exec.
  kParentGate,    ///< One byte when the parent has set up ids and cgroups.
  kStatus,        ///< Init writes how the command ended.
  kLifeline,      ///< Hangs up when the engine's process is gone.
  kGateRead,      ///< One byte when init has given up what the command may not use.
  kGateWrite,
  kInitImage,  ///< The program of init.cc.
  kPlan,       ///< The memory that holds the LaunchTable and all it points to.
  kTarget,     ///< pidfd of a process whose namespaces are entered; there may be two more.
  kTarget2,
  kTarget3,
  kShm,  ///< Mounts of the machine or of a peer.
  kMqueue,
  kChild,       ///< pidfd of the process that kSpawn made.
  kCgroupKill,  ///< cgroup.kill, where the pid namespace is not the container's own.
  kNull,
  kStdin,
  kStdout,
  kStderr,
  kSocket,  ///< Where descriptors are sent to the engine.
  kOldRoot,
  kNewRoot,  ///< The container's root mount.
  kRoot,     ///< The same descriptor, as the directory that paths are resolved in.
  kProc,
  kSys,
  kDev,
  kScratch,  ///< tmpfs that is never attached in the container: sources of masks and files.
  kMaster,
  kSlave,
  kTemp,
  kFirstCgroup,
  kFirstDevice = kFirstCgroup + 8,
  kFirstMount = kFirstDevice + 8,  ///< Mounts made by the parent.
  kPlaces = 256,
};

enum class OpCode : std::uint8_t {
  // In the engine's memory (see Plan).
  kExecImage,  ///< Runs init.cc, which goes on with the next operation; data = its arguments
  // Processes.
  kEnter,  ///< in = pidfd, flags = CLONE_NEW*: setns
  kSpawn,  ///< flags = clone3's, mode = stack, size = operation where the child begins -> kChild
  kReportPid,  ///< Of the spawned process, through kReport
  kExit,
  kServe,        ///< Container's init, for ever; flags != 0: dumpable
  kMind,         ///< Waits for the spawned process, tells how it ended through kStatus
  kSubreaper,    ///< Orphans come to init although it is not PID 1
  kCloseOthers,  ///< Everything that is not in the table.
  kJoinCgroup,   ///< in: a procs file
  kAwaitByte,    ///< in
  kJoinKeyring,  ///< A new anonymous session keyring: the host's are out of reach.
  kBecomeRoot,   ///< flags != 0: setgroups is allowed
  kUnshareCgroup,
  kSetHostname,    ///< data, size
  kSetDomainname,  ///< data, size
  kLoopbackUp,
  kMountFs,        ///< path = type, data = options, flags = MOUNT_ATTR_* -> out
  kCloneMount,     ///< at, path (followed as it is), flags = AT_RECURSIVE -> out
  kSetAttributes,  ///< in, flags = MOUNT_ATTR_* to set, mode != 0: recursive
  kCheckDevice,    ///< in is the character device uid:gid (major, minor)
  kAttach,         ///< in onto at/path; path resolved below at without links
  kAttachTarget,  ///< in onto path in the root; links resolved in the root, target made; mode = S_IFDIR or S_IFREG;
                  ///< flags != 0: may be left out on a read-only root
  kHide,  ///< path below at: covered by an empty directory or the null device; missing is fine
  kFreezePath,       ///< path below at: made read-only by a mount of itself; missing is fine
  kOpenDirectory,    ///< at, path, no links at all -> out
  kOpenRoot,         ///< "/" -> out
  kMakeDirectory,    ///< at, path, mode; existing is fine
  kMakeDirectories,  ///< path in the root; the last one gets uid, gid when made
  kMakeFile,         ///< at, path, mode, uid, gid, data, size; must not exist
  kMakeLink,         ///< at, path; data = target; existing is fine
  kWriteControl,     ///< at, path, data, size; flags != 0: missing or refused is fine
  kPivot,            ///< kNewRoot becomes "/"
  kLeaveOldRoot,
  kOpenTerminal,    ///< kDev -> kMaster, kSlave; owner uid, data = winsize
  kOpenPts,         ///< The same by path in a running container, checked
  kSendDescriptor,  ///< in, mode = a letter that says which
  // For the command only.
  kSetLimit,         ///< mode = RLIMIT_*, data = struct rlimit64
  kDropBounding,     ///< flags = mask of capabilities that stay
  kSetGroups,        ///< data = gids, size = count
  kSetIds,           ///< uid, gid
  kSetCapabilities,  ///< flags = mask
  kNoNewPrivileges,
  kInstallFilter,  ///< data = struct sock_fprog
  kNewSession,
  kTakeTerminal,
  kMoveDescriptor,  ///< in becomes descriptor number mode (kept over exec)
  kKeepOnly,        ///< Descriptors from number mode on close at exec.
  kCloseFrom,       ///< Descriptors from number mode on close now.
  kResetSignals,
  kSetUmask,
  kSetProfile,       ///< data, size: what AppArmor is told
  kChangeDirectory,  ///< path
  kExecCommand,      ///< data = struct CommandImage
};

/// Whose trouble a failure is.
enum class Blame : std::uint8_t { kEngine, kJob };

struct Operation {
  OpCode code = OpCode::kCloseOthers;
  Blame blame = Blame::kEngine;
  std::int16_t in = kNowhere;
  std::int16_t at = kNowhere;
  std::int16_t out = kNowhere;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t flags = 0;
  const char* path = "";
  const void* data = nullptr;
  std::size_t size = 0;
};

struct FsOption {
  const char* name = nullptr;   ///< Null ends the list.
  const char* value = nullptr;  ///< Null: a flag.
};

/// What to exec: the first of `candidates` that exists.
struct CommandImage {
  const char* const* candidates = nullptr;
  char* const* argv = nullptr;
  char* const* env = nullptr;
};

/// Everything the child may look at; lies at the begin of the plan's memory, which init.cc maps at the same address.
/// `descriptors` are those it starts with (-1: none); it works on its own copy.
struct LaunchTable {
  LaunchTable* address = nullptr;
  std::size_t size = 0;  ///< Of all the memory.
  const Operation* operations = nullptr;
  std::size_t count = 0;
  std::size_t resume = 0;  ///< Behind kExecImage.
  int descriptors[kPlaces];
};

/// What comes through kReport.
struct LaunchFailure {
  std::uint32_t operation;  ///< Or kPidReport.
  std::int32_t error;       ///< Or the pid.
};
inline constexpr std::uint32_t kPidReport = 0xffffffff;

/// What init writes to kStatus. Spec: wait4(2).
struct ExitRecord {
  std::int32_t wait_status;
  std::int32_t reserved;
  std::int64_t user_us;
  std::int64_t system_us;
  std::int64_t max_rss_kib;
};

/// Descriptor numbers that init starts with.
inline constexpr int kInitStatus = 3;
inline constexpr int kInitLifeline = 4;
inline constexpr int kInitGate = 5;
inline constexpr int kInitKill = 6;

/// The child's main function; `table` is a LaunchTable.
int launch_child(void* table);
/// The same behind kExecImage; never returns.
[[noreturn]] void launch_resume(const LaunchTable* table);

}  // namespace slipway::sandbox
