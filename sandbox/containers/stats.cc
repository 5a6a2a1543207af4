// Figures of a running container.
#include "sandbox/containers/stats.h"

#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/containers/config_fields.h"

namespace slipway::sandbox {

template <typename Fields, Like<ContainerStats::Network> T>
void list_members(Fields& fields, T& network) {
  fields.member("interface", network.interface);
  fields.member("rx_bytes", network.rx_bytes);
  fields.member("rx_packets", network.rx_packets);
  fields.member("rx_dropped", network.rx_dropped);
  fields.member("tx_bytes", network.tx_bytes);
  fields.member("tx_packets", network.tx_packets);
  fields.member("tx_dropped", network.tx_dropped);
}

template <typename Fields, Like<ContainerStats> T>
void list_members(Fields& fields, T& stats) {
  fields.member("read", stats.read);
  fields.member("cpu_total_ns", stats.cpu_total_ns);
  fields.member("cpu_user_ns", stats.cpu_user_ns);
  fields.member("cpu_system_ns", stats.cpu_system_ns);
  fields.member("system_ns", stats.system_ns);
  fields.member("online_cpus", stats.online_cpus);
  fields.member("memory", stats.memory);
  fields.member("memory_peak", stats.memory_peak);
  fields.member("memory_limit", stats.memory_limit);
  fields.member("memory_cache", stats.memory_cache);
  fields.member("pids", stats.pids);
  fields.member("pids_limit", stats.pids_limit);
  fields.member("blkio_read", stats.blkio_read);
  fields.member("blkio_written", stats.blkio_written);
  fields.member("networks", stats.networks);
}

namespace {

std::vector<std::uint64_t> numbers_of(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  for (const std::string_view word : split(text, ' ')) {
    if (word.empty()) continue;
    numbers.push_back(static_cast<std::uint64_t>(std::max(parse_int(word).value_or(0), 0LL)));
  }
  return numbers;
}

std::uint64_t nanoseconds(const std::optional<std::chrono::nanoseconds>& time) {
  return time ? static_cast<std::uint64_t>(time->count()) : 0;
}

// Without a limit of its own a container may use all there is.
ByteCount machine_memory() {
  return {static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
          static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
}

}  // namespace

std::vector<ContainerStats::Network> parse_net_dev(std::string_view text) {
  std::vector<ContainerStats::Network> networks;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto values = numbers_of(line.substr(colon + 1));
    ContainerStats::Network network;
    network.interface = std::string(trim(line.substr(0, colon)));
    constexpr std::size_t kTransmitted = 8;  // Eight columns are what came in.
    if (network.interface == "lo" || values.size() < kTransmitted + 4) continue;
    network.rx_bytes = values[0];
    network.rx_packets = values[1];
    network.rx_dropped = values[3];
    network.tx_bytes = values[kTransmitted];
    network.tx_packets = values[kTransmitted + 1];
    network.tx_dropped = values[kTransmitted + 3];
    networks.push_back(std::move(network));
  }
  return networks;
}

std::uint64_t parse_cpu_time(std::string_view text, long ticks_per_second) {
  const std::string_view line = text.substr(0, text.find('\n'));
  if (!line.starts_with("cpu ") || ticks_per_second <= 0) return 0;
  const auto values = numbers_of(line.substr(4));
  std::uint64_t ticks = 0;
  // user nice system idle iowait irq softirq steal; what follows is counted in user already.
  for (std::size_t i = 0; i < std::min<std::size_t>(values.size(), 8); ++i) ticks += values[i];
  return ticks * (1'000'000'000 / static_cast<std::uint64_t>(ticks_per_second));
}

// Spec: proc(5): fields 14 and 15 of /proc/PID/stat are clock ticks, field 24 is pages.
void count_processes(const std::vector<int>& pids, ResourceUsage& usage) {
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  std::uint64_t pages = 0;
  for (const int pid : pids) {
    const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat", 4_KiB);
    const std::size_t close = stat ? stat->rfind(") ") : std::string::npos;
    if (close == std::string::npos) continue;
    constexpr std::size_t kFirst = 3;  // What follows the name.
    const auto fields = split(std::string_view(*stat).substr(close + 2), ' ');
    const auto field = [&](std::size_t number) {
      const auto value =
          number - kFirst < fields.size() ? parse_int(fields[number - kFirst]) : std::nullopt;
      return static_cast<std::uint64_t>(std::max(value.value_or(0), 0LL));
    };
    user += field(14);
    system += field(15);
    pages += field(24);
  }
  const std::chrono::nanoseconds tick(1'000'000'000 / std::max(::sysconf(_SC_CLK_TCK), 1L));
  if (!usage.cpu_total) {
    usage.cpu_user = tick * user;
    usage.cpu_system = tick * system;
    usage.cpu_total = tick * (user + system);
  }
  if (!usage.memory)
    usage.memory = ByteCount{pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
  if (!usage.pids) usage.pids = pids.size();
}

ContainerStats measure(const ResourceUsage& usage, int pid) {
  ContainerStats stats;
  stats.read = std::chrono::system_clock::now();
  stats.cpu_total_ns = nanoseconds(usage.cpu_total);
  stats.cpu_user_ns = nanoseconds(usage.cpu_user);
  stats.cpu_system_ns = nanoseconds(usage.cpu_system);
  stats.system_ns =
      parse_cpu_time(read_file("/proc/stat", 4_MiB).value_or(""), ::sysconf(_SC_CLK_TCK));
  stats.online_cpus = static_cast<std::uint32_t>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L));
  stats.memory = usage.memory.value_or(ByteCount{});
  stats.memory_peak = usage.memory_peak.value_or(ByteCount{});
  stats.memory_cache = usage.memory_cache.value_or(ByteCount{});
  stats.memory_limit = std::min(usage.memory_limit.value_or(machine_memory()), machine_memory());
  stats.pids = usage.pids.value_or(0);
  stats.pids_limit = usage.pids_limit.value_or(0);
  stats.blkio_read = usage.blkio_read.value_or(0);
  stats.blkio_written = usage.blkio_written.value_or(0);
  stats.networks =
      parse_net_dev(read_file("/proc/" + std::to_string(pid) + "/net/dev", 1_MiB).value_or(""));
  return stats;
}

Json stats_body(const ContainerStats& stats) { return fields::encode(stats); }

Result<ContainerStats> stats_of(const Json& body) {
  ContainerStats stats;
  std::string wrong;
  fields::Reader reader(body, "", wrong);
  list_members(reader, stats);
  if (!wrong.empty())
    return fail(ErrorCode::kCorrupt, "measure container: wrong value of " + wrong);
  return stats;
}

}  // namespace slipway::sandbox
