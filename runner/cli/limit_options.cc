// Limits on processors, memory, processes and disks: the options that create, run and update share.
#include <cmath>
#include <cstdlib>
#include <thread>

#include "base/text.h"
#include "runner/cli/create_request.h"

namespace slipway::runner {
namespace {

constexpr std::int64_t kAnyNumber = std::int64_t{1} << 53;

Result<double> read_cpus(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || end != text.c_str() + text.size() || !std::isfinite(value) || value <= 0)
    return bad_option("cpus", text, "expected a number above 0");
  const unsigned here = std::thread::hardware_concurrency();
  if (value < 0.01 || (here > 0 && value > here))
    return bad_option(
        "cpus", text,
        "expected 0.01 to " + std::to_string(here) + ", the processors of this machine");
  return value;
}

Status read_processors(const Invocation& invocation, sandbox::Limits& limits) {
  if (invocation.given("cpus")) limits.cpus = SLIP_TRY(read_cpus(invocation.value("cpus")));
  if (invocation.given("cpu-quota") || invocation.given("cpu-period")) {
    if (invocation.given("cpus"))
      return fail(ErrorCode::kInvalid, "options --cpus and --cpu-quota exclude each other");
    if (!invocation.given("cpu-quota"))
      return bad_option("cpu-period", invocation.value("cpu-period"), "goes only with --cpu-quota");
    const double period = invocation.given("cpu-period")
                              ? static_cast<double>(SLIP_TRY(
                                    number_option(invocation, "cpu-period", 1'000, 1'000'000)))
                              : 100'000.0;  // Linux: the default of both cgroup versions
    const auto quota = SLIP_TRY(number_option(invocation, "cpu-quota", -1, kAnyNumber));
    if (quota > 0) limits.cpus = static_cast<double>(quota) / period;
  }
  if (invocation.given("cpu-shares")) {
    const auto shares = SLIP_TRY(number_option(invocation, "cpu-shares", 0, 262'144));
    if (shares == 1) return bad_option("cpu-shares", "1", "at least 2");
    if (shares > 0) limits.cpu_shares = static_cast<std::uint64_t>(shares);
  }
  for (const auto& [option, list] : {std::pair("cpuset-cpus", &limits.cpuset_cpus),
                                     std::pair("cpuset-mems", &limits.cpuset_mems)}) {
    if (!invocation.given(option)) continue;
    *list = invocation.value(option);
    if (list->find_first_not_of("0123456789,-") != std::string::npos)
      return bad_option(option, *list, "expected a list such as 0-1,3");
  }
  return {};
}

Status read_memory(const Invocation& invocation, sandbox::Limits& limits) {
  if (invocation.given("memory")) {
    limits.memory = SLIP_TRY_WITHIN("option --memory", parse_size(invocation.value("memory")));
    if (limits.memory->value == 0) limits.memory.reset();  // docker: 0 is no limit
    if (limits.memory && *limits.memory < 6_MiB)
      return bad_option("memory", invocation.value("memory"),
                        "at least 6m is needed to start a process");
  }
  if (const std::string swap = invocation.value("memory-swap"); !swap.empty() && swap != "0") {
    if (!limits.memory) return bad_option("memory-swap", swap, "goes only with --memory");
    // A limit nobody reaches says what docker's -1 does.
    limits.memory_swap = swap == "-1" ? ByteCount{std::uint64_t{1} << 62}
                                      : SLIP_TRY_WITHIN("option --memory-swap", parse_size(swap));
    if (*limits.memory_swap < *limits.memory)
      return bad_option("memory-swap", swap, "must not be below --memory");
  }
  if (invocation.given("memory-reservation")) {
    const std::string text = invocation.value("memory-reservation");
    const ByteCount kept = SLIP_TRY_WITHIN("option --memory-reservation", parse_size(text));
    if (limits.memory && kept > *limits.memory)
      return bad_option("memory-reservation", text, "must not be above --memory");
    if (kept.value > 0) limits.memory_reservation = kept;
  }
  return {};
}

}  // namespace

Result<sandbox::Limits> read_limits(const Invocation& invocation, sandbox::Limits limits) {
  SLIP_TRY(read_processors(invocation, limits));
  SLIP_TRY(read_memory(invocation, limits));
  if (invocation.given("pids-limit")) {
    const auto pids = SLIP_TRY(number_option(invocation, "pids-limit", -1, kAnyNumber));
    limits.pids = pids == 0 ? -1 : pids;  // docker: both mean no limit
  }
  if (invocation.given("blkio-weight")) {
    const auto weight = SLIP_TRY(number_option(invocation, "blkio-weight", 0, 1000));
    if (weight > 0 && weight < 10)
      return bad_option("blkio-weight", invocation.value("blkio-weight"), "expected 10 to 1000");
    if (weight > 0) limits.blkio_weight = static_cast<unsigned>(weight);
  }
  return limits;
}

}  // namespace slipway::runner
