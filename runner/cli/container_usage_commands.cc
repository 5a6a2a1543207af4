// top and stats: what a container's processes do and use.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/text.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/container_world.h"
#include "runner/cli/list_output.h"
#include "runner/cli/signals.h"
#include "runner/cli/template.h"
#include "runner/process_list.h"

namespace slipway::runner {
namespace {

using sandbox::ContainerStats;

constexpr Millis kBetweenSamples{1'000};
constexpr Millis kFirstSample{250};  // enough for a rate; a person waits for it

Status show_processes(const Invocation& invocation) {
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  const std::vector<int> running = SLIP_TRY(world.containers->processes(invocation.operand(0)));
  const std::vector<std::string> arguments(invocation.operands().begin() + 1,
                                           invocation.operands().end());
  for (const std::string& line : SLIP_TRY(list_processes(running, arguments)))
    print_data(terminal_safe(line, KeepColour::kNo) + "\n");
  return {};
}

std::string percent(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f%%", value);
  return text.data();
}

/// Processor time used per time passed, 100 % for each processor, as docker counts.
double cpu_percent(const ContainerStats& now, const ContainerStats& before) {
  const double passed = std::chrono::duration<double, std::nano>(now.read - before.read).count();
  if (passed <= 0 || now.cpu_total_ns < before.cpu_total_ns) return 0;
  return static_cast<double>(now.cpu_total_ns - before.cpu_total_ns) / passed * 100;
}

ByteCount in_use(const ContainerStats& stats) {
  // As docker: what the page cache could give back at once is not counted.
  const std::uint64_t cache = std::min(stats.memory_cache.value, stats.memory.value);
  return {stats.memory.value - cache};
}

Json stats_entry(const sandbox::ContainerInfo& container, const ContainerStats* now,
                 const ContainerStats* before, bool whole_id) {
  Json entry = Json::object({{"Container", short_id(container.id)},
                             {"ID", whole_id ? container.id : short_id(container.id)},
                             {"Name", container.name}});
  if (now == nullptr) {
    for (const char* field : {"CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"})
      entry.set(field, "--");
    return entry;
  }
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  for (const auto& network : now->networks) {
    received += network.rx_bytes;
    sent += network.tx_bytes;
  }
  const ByteCount used = in_use(*now);
  const double limit = static_cast<double>(now->memory_limit.value);
  entry.set("CPUPerc", percent(before != nullptr ? cpu_percent(*now, *before) : 0));
  entry.set("MemUsage", format_size(used) + " / " + format_size(now->memory_limit));
  entry.set("MemPerc", percent(limit > 0 ? static_cast<double>(used.value) / limit * 100 : 0));
  entry.set("NetIO", format_size({received}) + " / " + format_size({sent}));
  entry.set("BlockIO", format_size({now->blkio_read}) + " / " + format_size({now->blkio_written}));
  entry.set("PIDs", std::to_string(now->pids));
  return entry;
}

const Json& headings() {
  static const Json kHeadings = Json::object({{"Container", "CONTAINER"},
                                              {"ID", "CONTAINER ID"},
                                              {"Name", "NAME"},
                                              {"CPUPerc", "CPU %"},
                                              {"MemUsage", "MEM USAGE / LIMIT"},
                                              {"MemPerc", "MEM %"},
                                              {"NetIO", "NET I/O"},
                                              {"BlockIO", "BLOCK I/O"},
                                              {"PIDs", "PIDS"}});
  return kHeadings;
}

class StatsTable {
 public:
  StatsTable(const Invocation& invocation, ContainerWorld& world)
      : invocation_(invocation), world_(world) {}

  Status sample() {
    entries_.clear();
    std::map<std::string, ContainerStats> seen;
    for (const sandbox::ContainerInfo& container : SLIP_TRY(wanted())) {
      const Result<ContainerStats> stats = world_.containers->stats(container.id);
      const auto before = before_.find(container.id);
      entries_.push_back(stats_entry(container, stats ? &*stats : nullptr,
                                     before == before_.end() ? nullptr : &before->second,
                                     invocation_.flag("no-trunc")));
      if (stats) seen.emplace(container.id, *stats);
    }
    before_ = std::move(seen);
    return {};
  }

  Status print() const {
    return print_list(invocation_, entries_,
                      {"ID",
                       "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t"
                       "{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
                       headings()});
  }

 private:
  Result<std::vector<sandbox::ContainerInfo>> wanted() const {
    std::vector<sandbox::ContainerInfo> containers;
    if (!invocation_.operands().empty()) {
      for (const std::string& name : invocation_.operands())
        containers.push_back(SLIP_TRY(world_.containers->inspect(name)));
      return containers;
    }
    for (sandbox::ContainerInfo& container : SLIP_TRY(world_.containers->list())) {
      using S = sandbox::ContainerStatus;
      const S status = container.state.status;
      if (invocation_.flag("all") || status == S::kRunning || status == S::kPaused)
        containers.push_back(std::move(container));
    }
    return containers;
  }

  const Invocation& invocation_;
  ContainerWorld& world_;
  std::vector<Json> entries_;
  std::map<std::string, ContainerStats> before_;
};

/// False when the person has had enough.
bool pause_between(const CancelToken& cancel, Millis pause) {
  pollfd stop{cancel.poll_fd(), POLLIN, 0};
  ::poll(&stop, 1, static_cast<int>(pause.count()));
  return !cancel.cancelled();
}

Status show_stats(const Invocation& invocation) {
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  const CancelToken cancel;
  const CancelOnSignal on_signal(cancel);
  StatsTable table(invocation, world);
  SLIP_TRY(table.sample());
  bool more = pause_between(cancel, kFirstSample);
  const bool live = !invocation.flag("no-stream") && !invocation.flag("json");
  const bool redraw = live && ::isatty(STDOUT_FILENO) == 1 && !invocation.given("format");
  do {
    SLIP_TRY(table.sample());
    if (redraw) print_data("\033[H\033[2J");
    SLIP_TRY(table.print());
    more = more && live && pause_between(cancel, kBetweenSamples);
  } while (more);
  return {};
}

}  // namespace

int container_top_command(const Invocation& invocation) {
  return finish(show_processes(invocation), invocation);
}
int container_stats_command(const Invocation& invocation) {
  return finish(show_stats(invocation), invocation);
}

}  // namespace slipway::runner
