// Which system calls a container may make, as data. The rules are those of Docker's default profile
// (moby/profiles, as of June 2026), in groups by subject; a call is added here only with a thought
// about what it opens.
#include "sandbox/policy/seccomp_table.h"

#include <linux/capability.h>

namespace slipway::sandbox::policy {
namespace {

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }

constexpr AllowedGroup kAllowed[] = {
    {"descriptors",
     "open openat openat2 creat close close_range dup dup2 dup3 fcntl fcntl64 flock pipe pipe2 "
     "memfd_create memfd_secret name_to_handle_at umask access faccessat faccessat2 "
     "eventfd eventfd2 signalfd signalfd4"},
    {"reading and writing",
     "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek _llseek "
     "sendfile sendfile64 splice tee vmsplice copy_file_range truncate truncate64 ftruncate "
     "ftruncate64 fallocate fadvise64 fadvise64_64 arm_fadvise64_64 readahead cachestat=451 "
     "sync syncfs fsync fdatasync sync_file_range sync_file_range2 arm_sync_file_range"},
    {"what a file is",
     "stat stat64 fstat fstat64 lstat lstat64 newfstatat fstatat64 statx statfs statfs64 fstatfs "
     "fstatfs64 statmount=457 listmount=458 file_getattr=468 file_setattr=469"},
    {"changing what a file is",
     "chmod fchmod fchmodat fchmodat2=452 chown chown32 fchown fchown32 lchown lchown32 fchownat "
     "utime utimes futimesat utimensat utimensat_time64"},
    {"extended attributes",
     "getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr setxattr lsetxattr fsetxattr "
     "removexattr lremovexattr fremovexattr "
     "setxattrat=463 getxattrat=464 listxattrat=465 removexattrat=466"},
    {"names and directories",
     "link linkat symlink symlinkat readlink readlinkat unlink unlinkat rename renameat renameat2 "
     "mkdir mkdirat rmdir mknod mknodat getdents getdents64 getcwd chdir fchdir "
     "inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark"},
    {"waiting for descriptors",
     "poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create "
     "epoll_create1 "
     "epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2"},
    {"asynchronous input and output",
     "io_setup io_submit io_getevents io_pgetevents io_pgetevents_time64 io_cancel io_destroy"},
    {"sockets",
     "socketpair bind connect listen accept accept4 getsockname getpeername getsockopt setsockopt "
     "send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 shutdown "
     "socketcall"},  // i386 only. Its arguments are in memory: the family cannot be tested.
    {"memory",
     "brk mmap mmap2 munmap mremap mprotect msync madvise mincore mlock mlock2 mlockall munlock "
     "munlockall remap_file_pages pkey_alloc pkey_free pkey_mprotect membarrier process_mrelease "
     "map_shadow_stack=453 mseal=462"},
    {"processes",
     "fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid gettid "
     "getpgid "
     "getpgrp setpgid getsid setsid prctl arch_prctl set_tid_address set_thread_area "
     "get_thread_area modify_ldt breakpoint cacheflush set_tls pidfd_open pidfd_send_signal "
     "restart_syscall seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self"},
    {"looking at own processes", "ptrace process_vm_readv process_vm_writev"},  // Safe since 4.8.
    {"threads",
     "futex futex_time64 futex_waitv futex_wake=454 futex_wait=455 futex_requeue=456 "
     "set_robust_list get_robust_list rseq"},
    {"scheduling",
     "sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_setparam "
     "sched_getscheduler sched_setscheduler sched_getattr sched_setattr sched_get_priority_max "
     "sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64 nice getpriority "
     "setpriority ioprio_get ioprio_set getcpu"},
    {"signals",
     "kill tkill tgkill pause rt_sigaction rt_sigprocmask rt_sigpending rt_sigqueueinfo "
     "rt_tgsigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 "
     "sigaltstack sigprocmask sigreturn"},
    {"limits and information",
     "getrlimit ugetrlimit setrlimit prlimit64 getrusage times sysinfo uname getrandom"},
    {"identity",
     "getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 "
     "getresgid getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid "
     "setreuid32 setregid setregid32 setresuid setresuid32 setresgid setresgid32 setgroups "
     "setgroups32 setfsuid setfsuid32 setfsgid setfsgid32 capget capset"},
    {"clocks and timers",
     "time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 "
     "clock_nanosleep clock_nanosleep_time64 nanosleep alarm getitimer setitimer timer_create "
     "timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 "
     "timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64"},
    {"System V and POSIX messages",
     "ipc msgget msgsnd msgrcv msgctl semget semop semctl semtimedop semtimedop_time64 shmget "
     "shmat "
     "shmdt shmctl mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64 "
     "mq_timedreceive mq_timedreceive_time64"},
};

constexpr CapabilityGroup kByCapability[] = {
    {bit(CAP_SYS_ADMIN), Otherwise::kCheck, "clone"},
    // A structure in memory cannot be tested; the C library takes clone when this one is missing.
    {bit(CAP_SYS_ADMIN), Otherwise::kEnosys, "clone3"},
    {bit(CAP_SYS_ADMIN), Otherwise::kEperm,
     "mount umount umount2 mount_setattr move_mount open_tree open_tree_attr=467 fsconfig fsmount "
     "fsopen fspick setns unshare sethostname setdomainname quotactl quotactl_fd fanotify_init "
     "lookup_dcookie lsm_get_self_attr=459 lsm_set_self_attr=460 lsm_list_modules=461"},
    {bit(CAP_SYS_ADMIN) | bit(CAP_BPF), Otherwise::kEperm, "bpf"},
    {bit(CAP_SYS_ADMIN) | bit(CAP_PERFMON), Otherwise::kEperm, "perf_event_open"},
    {bit(CAP_SYS_ADMIN) | bit(CAP_SYSLOG), Otherwise::kEperm, "syslog"},
    {bit(CAP_DAC_READ_SEARCH), Otherwise::kEperm, "open_by_handle_at"},
    {bit(CAP_SYS_BOOT), Otherwise::kEperm, "reboot"},
    {bit(CAP_SYS_CHROOT), Otherwise::kEperm, "chroot"},
    {bit(CAP_SYS_MODULE), Otherwise::kEperm, "init_module finit_module delete_module"},
    {bit(CAP_SYS_PACCT), Otherwise::kEperm, "acct"},
    {bit(CAP_SYS_PTRACE), Otherwise::kEperm, "kcmp pidfd_getfd process_madvise"},
    {bit(CAP_SYS_RAWIO), Otherwise::kEperm, "iopl ioperm"},
    {bit(CAP_SYS_TIME), Otherwise::kEperm,
     "settimeofday stime clock_settime clock_settime64 adjtimex clock_adjtime clock_adjtime64"},
    {bit(CAP_SYS_TTY_CONFIG), Otherwise::kEperm, "vhangup"},
    {bit(CAP_SYS_NICE), Otherwise::kEperm,
     "get_mempolicy set_mempolicy mbind set_mempolicy_home_node"},
};

constexpr CheckedCall kChecked[] = {
    {"socket", Check::kSocketFamily},
    {"clone", Check::kCloneFlags},
    {"personality", Check::kPersonality},
    {"ioctl", Check::kIoctlCommand},
};

constexpr AllowedGroup kDenied[] = {
    {"keys are not namespaced enough: the host's user keyring would be readable",
     "keyctl add_key request_key"},
    {"a second way into the kernel that no filter sees",
     "io_uring_setup io_uring_enter io_uring_register"},
    {"makes kernel races easy to win", "userfaultfd"},
    {"the machine's, not the container's",
     "kexec_load kexec_file_load swapon swapoff pivot_root nfsservctl _sysctl sysfs ustat uselib "
     "create_module get_kernel_syms query_module vm86 vm86old migrate_pages move_pages bdflush"},
};

// Frequent in every program.
constexpr const char* kHot[] = {"read",         "write",          "openat", "close",
                                "mmap",         "futex",          "fstat",  "newfstatat",
                                "rt_sigaction", "rt_sigprocmask", "lseek",  "clock_gettime"};

}  // namespace

std::span<const AllowedGroup> allowed_groups() { return kAllowed; }
std::span<const CapabilityGroup> capability_groups() { return kByCapability; }
std::span<const CheckedCall> checked_calls() { return kChecked; }
std::span<const AllowedGroup> denied_groups() { return kDenied; }
std::span<const char* const> hot_calls() { return kHot; }

}  // namespace slipway::sandbox::policy
