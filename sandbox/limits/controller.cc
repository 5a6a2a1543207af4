// What the controllers of both versions share, and the two lists.
#include "sandbox/limits/controller.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace slipway::sandbox::limits {

std::span<const Controller> v1_controllers() {
  static const Controller kAll[] = {kV1Pids,    kV1Memory, kV1Cpu,     kV1Cpuset,
                                    kV1Cpuacct, kV1Blkio,  kV1Freezer, kV1Devices};
  return kAll;
}

std::span<const Controller> v2_controllers() {
  static const Controller kAll[] = {kV2Pids, kV2Memory, kV2Cpu, kV2Cpuset, kV2Io};
  return kAll;
}

long cpu_quota_micros(double cpus) {
  constexpr long kSmallest = 1000;
  return std::max(kSmallest, std::lround(cpus * static_cast<double>(kCpuPeriodMicros)));
}

std::string pids_limit(const Limits& limits) {
  return limits.pids > 0 ? std::to_string(limits.pids) : "max";
}

bool wants_block_io(const Limits& limits) {
  return limits.blkio_weight || !limits.read_bps.empty() || !limits.write_bps.empty() ||
         !limits.read_iops.empty() || !limits.write_iops.empty();
}

Result<std::string> device_numbers(const std::string& path) {
  struct stat found;
  if (::stat(path.c_str(), &found) != 0) return fail_errno("limit device " + printable(path));
  if (!S_ISBLK(found.st_mode))
    return fail(ErrorCode::kInvalid, "limit device " + printable(path) + ": not a block device");
  return std::to_string(major(found.st_rdev)) + ":" + std::to_string(minor(found.st_rdev));
}

void count_block_io(std::string_view text, ResourceUsage& usage) {
  std::uint64_t read = 0;
  std::uint64_t written = 0;
  const auto add = [](std::string_view number, std::uint64_t& sum) {
    const auto value = parse_int(number);
    if (value && *value > 0) sum += static_cast<std::uint64_t>(*value);
  };
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() == 3 && words[1] == "Read") add(words[2], read);
    if (words.size() == 3 && words[1] == "Write") add(words[2], written);
    for (const std::string_view word : words) {
      if (word.rfind("rbytes=", 0) == 0) add(word.substr(7), read);
      if (word.rfind("wbytes=", 0) == 0) add(word.substr(7), written);
    }
  }
  usage.blkio_read = read;
  usage.blkio_written = written;
}

}  // namespace slipway::sandbox::limits
