// Rules of a profile to classic BPF: a binary search for the call's number, then its tests one after another.
#include <linux/seccomp.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <map>

#include "sandbox/policy/seccomp_profile.h"
#include "sandbox/policy/seccomp_program.h"

namespace slipway::sandbox {
namespace {

static_assert(std::endian::native == std::endian::little, "argument words below");

using Program = std::vector<sock_filter>;

void load(Program& out, std::size_t offset) {
  out.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
}
void give(Program& out, std::uint32_t action) { out.push_back(BPF_STMT(BPF_RET | BPF_K, action)); }
void append(Program& out, const Program& part) { out.insert(out.end(), part.begin(), part.end()); }

// A test is written with two ways out, which are jumps to be filled in: 255 stands for "does not match".
constexpr std::uint8_t kFailed = 255;
void jump(Program& out, unsigned condition, std::uint32_t value, std::uint8_t yes,
          std::uint8_t no) {
  out.push_back(BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | condition | BPF_K), value, yes, no));
}

// Spec: linux/seccomp.h: arguments are 64 bits; a program compares 32 at a time. Falls through when it matches.
void emit_test(Program& out, const ArgumentRule& rule) {
  const std::size_t low = offsetof(seccomp_data, args) + 8 * rule.index;
  const std::size_t high = low + 4;
  const auto value_low = static_cast<std::uint32_t>(rule.value);
  const auto value_high = static_cast<std::uint32_t>(rule.value >> 32);
  switch (rule.test) {
    case ArgumentTest::kEqual:
      load(out, high);
      jump(out, BPF_JEQ, value_high, 0, kFailed);
      load(out, low);
      return jump(out, BPF_JEQ, value_low, 0, kFailed);
    case ArgumentTest::kNotEqual:
      load(out, high);
      jump(out, BPF_JEQ, value_high, 0, 2);
      load(out, low);
      return jump(out, BPF_JEQ, value_low, kFailed, 0);
    case ArgumentTest::kMaskedEqual:
      load(out, high);
      out.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, value_high));
      jump(out, BPF_JEQ, static_cast<std::uint32_t>(rule.value_two >> 32), 0, kFailed);
      load(out, low);
      out.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, value_low));
      return jump(out, BPF_JEQ, static_cast<std::uint32_t>(rule.value_two), 0, kFailed);
    case ArgumentTest::kGreater:
    case ArgumentTest::kGreaterEqual:
      load(out, high);
      jump(out, BPF_JGT, value_high, 3, 0);
      jump(out, BPF_JEQ, value_high, 0, kFailed);
      load(out, low);
      return jump(out, rule.test == ArgumentTest::kGreater ? BPF_JGT : BPF_JGE, value_low, 0,
                  kFailed);
    case ArgumentTest::kLess:
    case ArgumentTest::kLessEqual:
      load(out, high);
      jump(out, BPF_JGT, value_high, kFailed, 0);
      jump(out, BPF_JEQ, value_high, 0, 2);
      load(out, low);
      return jump(out, rule.test == ArgumentTest::kLess ? BPF_JGE : BPF_JGT, value_low, kFailed, 0);
  }
}

// One alternative: all its tests, then the action; ends behind itself when one fails. At most 16 tests of 6 steps, so
// every jump is short.
Program alternative(const std::vector<ArgumentRule>& tests, std::uint32_t action) {
  Program out;
  for (const ArgumentRule& test : tests) emit_test(out, test);
  give(out, action);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (BPF_CLASS(out[i].code) != BPF_JMP) continue;
    const auto to_end = static_cast<std::uint8_t>(out.size() - i - 1);
    if (out[i].jt == kFailed) out[i].jt = to_end;
    if (out[i].jf == kFailed) out[i].jf = to_end;
  }
  return out;
}

struct Run {
  std::uint32_t start;
  Program code;  // Never falls through.
};

bool same(const Program& a, const Program& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](const sock_filter& x, const sock_filter& y) {
           return x.code == y.code && x.jt == y.jt && x.jf == y.jf && x.k == y.k;
         });
}

// What the file says about each number, in the file's order; closed once something decides in any case.
std::map<std::uint32_t, Program> programs_of(const SeccompProfile& profile, std::size_t arch) {
  std::map<std::uint32_t, Program> open;
  std::map<std::uint32_t, Program> closed;
  for (const CallRule& rule : profile.rules) {
    for (const std::string& name : rule.names) {
      const auto number = policy::call_number(arch, name);
      if (!number || closed.count(*number) != 0) continue;
      Program& code = open[*number];
      for (const auto& tests : rule.arguments) append(code, alternative(tests, rule.action));
      if (!rule.arguments.empty()) continue;
      give(code, rule.action);
      closed[*number] = std::move(code);
      open.erase(*number);
    }
  }
  for (auto& [number, code] : open) {
    give(code, profile.default_action);
    closed[number] = std::move(code);
  }
  return closed;
}

std::vector<Run> runs_of(const SeccompProfile& profile, std::size_t arch) {
  Program fallback;
  give(fallback, profile.default_action);
  Program unknown = fallback;
  if ((profile.default_action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO) {
    unknown.clear();
    give(unknown, SECCOMP_RET_ERRNO | ENOSYS);
  }
  std::vector<Run> runs;
  const auto add = [&](std::uint32_t start, const Program& code) {
    if (runs.empty() || !same(runs.back().code, code)) runs.push_back({start, code});
  };
  std::uint32_t next = 0;
  for (const auto& [number, code] : programs_of(profile, arch)) {
    if (number > next) add(next, fallback);
    add(number, code);
    next = number + 1;
  }
  add(next, unknown);
  return runs;
}

// As in seccomp_program.cc: depth is log2 of the number of runs.
Program search(const Run* runs, std::size_t count) {
  if (count == 1) return runs->code;
  const std::size_t middle = count / 2;
  const Program low = search(runs, middle);
  Program out;
  if (low.size() <= 255) {
    jump(out, BPF_JGE, runs[middle].start, static_cast<std::uint8_t>(low.size()), 0);
  } else {
    jump(out, BPF_JGE, runs[middle].start, 0, 1);
    out.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(low.size())));
  }
  append(out, low);
  append(out, search(runs + middle, count - middle));
  return out;
}

}  // namespace

Result<std::vector<sock_filter>> assemble_seccomp_profile(const SeccompProfile& profile) {
  Program out;
  load(out, offsetof(seccomp_data, arch));
  const auto served = policy::served_architectures();
  for (std::size_t arch = 0; arch < served.size(); ++arch) {
    if (!profile.architectures[arch]) continue;
    const std::vector<Run> runs = runs_of(profile, arch);
    Program program;
    load(program, offsetof(seccomp_data, nr));
    jump(program, BPF_JGE, served[arch].end_of_numbers, 0, 1);
    give(program, SECCOMP_RET_ERRNO | ENOSYS);
    append(program, search(runs.data(), runs.size()));
    jump(out, BPF_JEQ, served[arch].audit, 1, 0);
    out.push_back(BPF_STMT(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(program.size())));
    append(out, program);
    if (out.size() > BPF_MAXINSNS) break;
  }
  give(out, SECCOMP_RET_KILL_PROCESS);
  if (out.size() <= BPF_MAXINSNS) return out;
  return fail(ErrorCode::kExhausted,
              "compile seccomp profile: more than the 4096 instructions that the kernel takes");
}

}  // namespace slipway::sandbox
