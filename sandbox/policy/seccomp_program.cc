// From rules to classic BPF. We do not use libseccomp's generator: it takes 7 ms for two
// architectures, compares all 64 bits of arguments of which the kernel reads 32 (a way around a
// deny rule), and cannot say "all but these" about one.
#include "sandbox/policy/seccomp_program.h"

#include <asm/ioctls.h>
#include <linux/seccomp.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <iterator>

namespace slipway::sandbox::policy {
namespace {

static_assert(std::endian::native == std::endian::little,
              "argument offsets below are of low words");

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kEnosys = SECCOMP_RET_ERRNO | ENOSYS;

// CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}. CLONE_NEWTIME shares its bit with clone's exit signal
// and cannot be asked here.
constexpr std::uint32_t kNewNamespaces = 0x7e020000;
// Linux, ADDR_NO_RANDOMIZE, UNAME26, both; and the question what is set.
constexpr std::array<std::uint32_t, 5> kPersonalities = {0, 0x8, 0x20000, 0x20008, 0xffffffff};

using Program = std::vector<sock_filter>;

std::uint32_t low_word_of_argument(int index) {
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args)) +
         8u * static_cast<unsigned>(index);
}

void load(Program& out, std::uint32_t offset) {
  out.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}
void give(Program& out, std::uint32_t action) { out.push_back(BPF_STMT(BPF_RET | BPF_K, action)); }
// `condition` (BPF_JEQ, BPF_JGE, BPF_JSET) true: `action`; else go on.
void give_if(Program& out, unsigned condition, std::uint32_t value, std::uint32_t action) {
  out.push_back(BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | condition | BPF_K), value, 0, 1));
  give(out, action);
}

// Each looks at the low 32 bits only: that is what the kernel reads of these arguments.
void emit_check(Program& out, Check check) {
  switch (check) {
    case Check::kSocketFamily:
      load(out, low_word_of_argument(0));
      give_if(out, BPF_JEQ, AF_ALG, kEperm);
      give_if(out, BPF_JEQ, AF_VSOCK, kEperm);
      return give(out, kAllow);
    case Check::kCloneFlags:
      load(out, low_word_of_argument(0));
      give_if(out, BPF_JSET, kNewNamespaces, kEperm);
      return give(out, kAllow);
    case Check::kPersonality:
      load(out, low_word_of_argument(0));
      for (const std::uint32_t value : kPersonalities) give_if(out, BPF_JEQ, value, kAllow);
      return give(out, kEperm);
    case Check::kIoctlCommand:
      load(out, low_word_of_argument(1));
      give_if(out, BPF_JEQ, TIOCSTI, kEperm);    // Types into a terminal.
      give_if(out, BPF_JEQ, TIOCLINUX, kEperm);  // Pastes into a console.
      return give(out, kAllow);
  }
}

// Numbers [start, next run's start) share one verdict.
struct Run {
  std::uint32_t start;
  Verdict verdict;
  Check check;
};

bool same(const Run& a, const Run& b) {
  return a.verdict == b.verdict && (a.verdict != Verdict::kCheck || a.check == b.check);
}

std::vector<Run> runs_of(const std::vector<Rule>& rules) {
  std::vector<Run> runs;
  const auto add = [&](const Run& run) {
    if (runs.empty() || !same(runs.back(), run)) runs.push_back(run);
  };
  std::uint32_t next = 0;
  for (const Rule& rule : rules) {
    if (rule.number > next) add({next, Verdict::kEnosys, {}});
    add({rule.number, rule.verdict, rule.check});
    next = rule.number + 1;
  }
  add({next, Verdict::kEnosys, {}});
  return runs;
}

void emit_leaf(Program& out, const Run& run) {
  switch (run.verdict) {
    case Verdict::kAllow:
      return give(out, kAllow);
    case Verdict::kEperm:
      return give(out, kEperm);
    case Verdict::kEnosys:
      return give(out, kEnosys);
    case Verdict::kCheck:
      return emit_check(out, run.check);
  }
}

void append(Program& out, const Program& part) { out.insert(out.end(), part.begin(), part.end()); }

// Jumps over `distance` instructions when `condition` holds; conditional jumps reach 255, JA
// everything.
void skip_if(Program& out, unsigned condition, std::uint32_t value, std::size_t distance) {
  const auto code = static_cast<std::uint16_t>(BPF_JMP | condition | BPF_K);
  if (distance <= 255) {
    out.push_back(BPF_JUMP(code, value, static_cast<std::uint8_t>(distance), 0));
    return;
  }
  out.push_back(BPF_JUMP(code, value, 0, 1));
  out.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(distance)));
}

// The number is in the accumulator. Depth is log2 of the number of runs.
Program search(std::span<const Run> runs) {
  Program out;
  if (runs.size() == 1) {
    emit_leaf(out, runs.front());
    return out;
  }
  const std::size_t middle = runs.size() / 2;
  const Program low = search(runs.first(middle));
  skip_if(out, BPF_JGE, runs[middle].start, low.size());
  append(out, low);
  append(out, search(runs.subspan(middle)));
  return out;
}

Program program_of(const ArchRules& rules) {
  Program out;
  load(out, offsetof(seccomp_data, nr));
  give_if(out, BPF_JGE, rules.end_of_numbers, kEnosys);
  for (std::size_t i = 0; i < rules.hot.size(); ++i) {
    // Behind the last test stands "skip the next one", then the common verdict.
    skip_if(out, BPF_JEQ, rules.hot[i], rules.hot.size() - i);
  }
  if (!rules.hot.empty()) {
    out.push_back(BPF_STMT(BPF_JMP | BPF_JA, 1));
    give(out, kAllow);
  }
  append(out, search(runs_of(rules.rules)));
  return out;
}

}  // namespace

std::vector<sock_filter> assemble(std::span<const ArchRules> architectures) {
  Program out;
  load(out, offsetof(seccomp_data, arch));
  for (const ArchRules& rules : architectures) {
    const Program program = program_of(rules);
    // "Not this architecture": over its program to the next test.
    out.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rules.audit_arch, 1, 0));
    out.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(program.size())));
    append(out, program);
  }
  give(out, SECCOMP_RET_KILL_PROCESS);
  return out;
}

}  // namespace slipway::sandbox::policy
