// The guest of most sandbox tests: each sub-command does one small thing and says what it saw.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char* what) {
  printf("%s: %s\n", what, strerror(errno));
  fflush(stdout);
  return 9;
}

static int cat(const char* path) {
  char buffer[65536];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(path);
  ssize_t size;
  while ((size = read(fd, buffer, sizeof buffer)) > 0) write(1, buffer, (size_t)size);
  return size < 0 ? fail(path) : 0;
}

static int put(const char* path, const char* text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return fail(path);
  if (write(fd, text, strlen(text)) < 0) return fail(path);
  return 0;
}

static int stat_path(const char* path) {
  struct stat s;
  if (lstat(path, &s) != 0) return fail(path);
  printf("%o %u:%u %u:%u\n", s.st_mode, s.st_uid, s.st_gid, (unsigned)(s.st_rdev >> 8 & 0xfff),
         (unsigned)(s.st_rdev & 0xff));
  return 0;
}

static int list(const char* path) {
  DIR* dir = opendir(path);
  if (!dir) return fail(path);
  struct dirent* entry;
  while ((entry = readdir(dir)))
    if (entry->d_name[0] != '.') printf("%s\n", entry->d_name);
  return 0;
}

// Open descriptors other than the one that looks.
static int descriptors(void) {
  DIR* dir = opendir("/proc/self/fd");
  if (!dir) return fail("/proc/self/fd");
  struct dirent* entry;
  while ((entry = readdir(dir)))
    if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir)) printf("%s\n", entry->d_name);
  return 0;
}

static int ids(void) {
  gid_t groups[64];
  int count = getgroups(64, groups);
  printf("%u:%u", getuid(), getgid());
  for (int i = 0; i < count; i++) printf(" %u", groups[i]);
  printf("\n");
  return 0;
}

static int hog(size_t megabytes) {
  for (size_t i = 0; i < megabytes; i++) {
    volatile char* block = malloc(1 << 20);  // Volatile, or the compiler leaves all of it out.
    if (!block) return fail("malloc");
    for (size_t at = 0; at < 1 << 20; at += 4096) block[at] = 1;
  }
  return 0;
}

static int fork_many(int wanted) {
  int made = 0;
  for (; made < wanted; made++) {
    pid_t pid = fork();
    if (pid < 0) break;
    if (pid == 0) {
      pause();
      _exit(0);
    }
  }
  printf("%d %s\n", made, made < wanted ? strerror(errno) : "all");
  return 0;
}

static int tty(void) {
  struct winsize size = {0};
  char name[64] = "?";
  ioctl(0, TIOCGWINSZ, &size);
  readlink("/proc/self/fd/0", name, sizeof name - 1);
  int controlling = open("/dev/tty", O_RDWR);
  printf("tty=%d rows=%d columns=%d name=%s controlling=%d leader=%d\n", isatty(0), size.ws_row,
         size.ws_col, name, controlling >= 0, getsid(0) == getpid());
  int injected = ioctl(0, TIOCSTI, "x");
  printf("inject=%s\n", injected == 0 ? "worked" : strerror(errno));
  return 0;
}

static volatile sig_atomic_t caught;
static void catch_signal(int signal) { caught = signal; }

// Says when it is ready, then waits for one of the usual signals.
static int wait_signal(int code) {
  for (int s = 1; s < 32; s++)
    if (s != SIGCHLD) signal(s, catch_signal);
  write(1, "ready\n", 6);
  while (!caught) pause();
  printf("caught %d\n", (int)caught);
  return code;
}

static int ignore_signals(void) {
  for (int s = 1; s < 32; s++) signal(s, SIG_IGN);
  write(1, "ready\n", 6);
  for (;;) pause();
}

static int interface_up(const char* name) {
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  if (ioctl(s, SIOCGIFFLAGS, &request) != 0) return fail(name);
  printf("%s\n", request.ifr_flags & IFF_UP ? "up" : "down");
  return 0;
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char* what = argc > 1 ? argv[1] : "";
  const char* one = argc > 2 ? argv[2] : "";
  const char* two = argc > 3 ? argv[3] : "";
  if (!strcmp(what, "exit")) return atoi(one);
  if (!strcmp(what, "raise")) return raise(atoi(one));
  if (!strcmp(what, "print")) return printf("%s\n", one) < 0;
  if (!strcmp(what, "both")) return dprintf(1, "%s", one) < 0 || dprintf(2, "%s", two) < 0;
  if (!strcmp(what, "cat")) return cat(one);
  if (!strcmp(what, "put")) return put(one, two);
  if (!strcmp(what, "append")) {
    int fd = open(one, O_WRONLY | O_APPEND);
    return fd < 0 ? fail(one) : 0;
  }
  if (!strcmp(what, "stat")) return stat_path(one);
  if (!strcmp(what, "list")) return list(one);
  if (!strcmp(what, "mkdir")) return mkdir(one, 0755) ? fail(one) : 0;
  if (!strcmp(what, "cwd")) return puts(getcwd(NULL, 0) ? getcwd(NULL, 0) : "?") < 0;
  if (!strcmp(what, "ids")) return ids();
  if (!strcmp(what, "env")) return puts(getenv(one) ? getenv(one) : "(unset)") < 0;
  if (!strcmp(what, "descriptors")) return descriptors();
  if (!strcmp(what, "hog")) return hog((size_t)atoi(one));
  if (!strcmp(what, "fork-many")) return fork_many(atoi(one));
  if (!strcmp(what, "tty")) return tty();
  if (!strcmp(what, "wait-signal")) return wait_signal(atoi(one));
  if (!strcmp(what, "ignore-signals")) return ignore_signals();
  if (!strcmp(what, "interface")) return interface_up(one);
  if (!strcmp(what, "hostname")) {
    char name[256];
    gethostname(name, sizeof name);
    return puts(name) < 0;
  }
  if (!strcmp(what, "umask")) return printf("%03o\n", umask(0)) < 0;
  if (!strcmp(what, "limit")) {
    struct rlimit limit;
    getrlimit(atoi(one), &limit);
    return printf("%lu %lu\n", (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max) < 0;
  }
  if (!strcmp(what, "mknod")) return mknod(one, S_IFCHR | 0666, 1 << 8 | 3) ? fail(one) : 0;
  if (!strcmp(what, "keyring")) {
    long id = syscall(SYS_keyctl, 0, -3, 0);
    return id < 0 ? fail("keyctl") : printf("%ld\n", id) < 0;
  }
  if (!strcmp(what, "open-write")) {
    int fd = open(one, O_WRONLY);
    return fd < 0 ? fail(one) : puts("opened for writing") < 0;
  }
  if (!strcmp(what, "unshare-user"))
    return syscall(SYS_unshare, 0x10000000) ? fail("unshare") : puts("made") < 0;
  if (!strcmp(what, "link")) {
    char target[4096] = "";
    return readlink(one, target, sizeof target - 1) < 0 ? fail(one) : puts(target) < 0;
  }
  if (!strcmp(what, "daemon")) {
    // A background child that outlives the command if it can.
    if (fork() == 0) {
      setsid();
      for (;;) pause();
    }
    return 0;
  }
  printf("unknown probe %s\n", what);
  return 8;
}
