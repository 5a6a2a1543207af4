// The program that every process of a launch runs until its own: maps the plan that the engine made and goes on with
// it, at last as the container's init. Freestanding and static; it runs from a sealed memfd and shares no page with
// the runner (R1).
#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <sys/prctl.h>

#include "sandbox/launch/child/operation.h"
#include "sandbox/launch/child/raw.h"

namespace slipway::sandbox {
namespace {

constexpr int kBroken = 125;

int parse_number(const char* text) {
  int number = 0;
  for (; *text >= '0' && *text <= '9'; text++) number = number * 10 + (*text - '0');
  return number;
}

}  // namespace

// argv: a name, the number of the plan's descriptor.
extern "C" [[noreturn]] void slipway_init(const long* stack) {
  const char* const* argv = reinterpret_cast<const char* const*>(stack + 1);
  if (stack[0] < 2) raw::exit_group(kBroken);
  // Before any namespace is entered: whoever is in there must not look into this process or steer it (CVE-2016-9962).
  raw::invoke(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  const int plan = parse_number(argv[1]);
  LaunchTable head;
  if (raw::invoke(SYS_pread64, plan, &head, static_cast<long>(sizeof head), 0) !=
      static_cast<long>(sizeof head))
    raw::exit_group(kBroken);
  // The plan is full of pointers, so it must lie where the engine had it. The kernel puts the stack and the vdso of a
  // program above where it maps files for another, so the place is free.
  const long mapped =
      raw::invoke(SYS_mmap, head.address, static_cast<long>(head.size), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_FIXED_NOREPLACE, plan, 0);
  if (mapped != raw::word(head.address)) {
    const LaunchFailure failure = {static_cast<std::uint32_t>(head.resume - 1),
                                   static_cast<std::int32_t>(mapped < 0 ? -mapped : EADDRINUSE)};
    raw::invoke(SYS_write, head.descriptors[kReport], &failure, static_cast<long>(sizeof failure));
    raw::exit_group(kBroken);
  }
  raw::invoke(SYS_close, plan);
  launch_resume(head.address);
}

}  // namespace slipway::sandbox

#if defined(__x86_64__)
asm(".globl _start\n_start:\n  xorl %ebp, %ebp\n  movq %rsp, %rdi\n  andq $-16, %rsp\n  call "
    "slipway_init\n  hlt\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n  mov x29, #0\n  mov x0, sp\n  bl slipway_init\n  brk #0\n");
#endif

// The compiler makes calls to these by itself; there is no library here that has them.
extern "C" {
void* memcpy(void* to, const void* from, unsigned long size) {
  for (unsigned long i = 0; i < size; i++)
    static_cast<volatile char*>(to)[i] = static_cast<const char*>(from)[i];
  return to;
}
void* memset(void* to, int value, unsigned long size) {
  for (unsigned long i = 0; i < size; i++)
    static_cast<volatile char*>(to)[i] = static_cast<char>(value);
  return to;
}
}
