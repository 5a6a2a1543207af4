// Docker's seccomp profiles: whatever is read must give a program that the kernel's checks would take.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sandbox/policy/seccomp_profile.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::sandbox;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto program = compile_seccomp_profile(text, kDefaultCapabilities);
  if (!program) return 0;
  if (program->empty() || program->size() > BPF_MAXINSNS) std::abort();
  // Linux: net/core/filter.c, bpf_check_classic: every jump stays inside, the last instruction returns.
  for (std::size_t at = 0; at < program->size(); ++at) {
    const sock_filter& step = (*program)[at];
    if (BPF_CLASS(step.code) != BPF_JMP) continue;
    const bool always = BPF_OP(step.code) == BPF_JA;
    const std::size_t farthest = always ? step.k : (step.jt > step.jf ? step.jt : step.jf);
    if (at + 1 + farthest >= program->size()) std::abort();
  }
  if (BPF_CLASS(program->back().code) != BPF_RET) std::abort();
  return 0;
}
