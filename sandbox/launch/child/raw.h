#pragma once

#include <sys/syscall.h>

/// System calls without the C library: nothing here allocates, locks or touches errno. Failures are -errno.
/// Used by the launch child and by the containers' init, which have no usable library around them.
namespace slipway::sandbox::raw {

#if defined(__x86_64__)
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) {
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc #0"
               : "+r"(x0)
               : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
               : "memory");
  return x0;
}
#else
#error "write the system call instruction of this machine here"
#endif

template <typename T>
long word(T* pointer) {
  return reinterpret_cast<long>(pointer);
}
template <typename T>
long word(T value) {
  return static_cast<long>(value);
}

template <typename... Args>
long invoke(long number, Args... args) {
  return call(number, word(args)...);
}

[[noreturn]] inline void exit_group(int code) {
  for (;;) call(SYS_exit_group, code);
}

}  // namespace slipway::sandbox::raw
