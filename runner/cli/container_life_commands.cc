// The small verbs: stop, kill, rm, wait and the like. Most do one thing to each operand and print its name.
#include "base/text.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/container_world.h"
#include "runner/cli/create_request.h"
#include "runner/cli/image_session.h"
#include "runner/docker_filters.h"
#include "runner/docker_json.h"
#include "runner/option_values.h"

namespace slipway::runner {
namespace {

Result<std::optional<Millis>> grace_option(const Invocation& invocation) {
  if (!invocation.given("timeout")) return std::optional<Millis>();
  return std::optional<Millis>(grace_of_seconds(
      SLIP_TRY(number_option(invocation, "timeout", -1, std::int64_t{86'400} * 365))));
}

/// stop and restart.
int stop_each(
    const Invocation& invocation,
    const std::function<Status(ContainerWorld&, const std::string& name,
                               std::optional<Millis> grace, std::optional<int> signal)>& act) {
  const Result<std::optional<Millis>> grace = grace_option(invocation);
  if (!grace) return report_error(grace.error(), invocation);
  std::optional<int> signal;
  if (invocation.given("signal")) {
    const Result<int> parsed = parse_signal(invocation.value("signal"));
    if (!parsed) return report_error(parsed.error(), invocation);
    signal = *parsed;
  }
  return for_each_operand_printed(invocation, [&](ContainerWorld& world, const std::string& name) {
    return act(world, name, *grace, signal);
  });
}

using Verb = Status (sandbox::Containers::*)(const std::string&);
int each(const Invocation& invocation, Verb verb) {
  return for_each_operand_printed(invocation, [&](ContainerWorld& world, const std::string& name) {
    return (world.containers.get()->*verb)(name);
  });
}

Status prune_containers(const Invocation& invocation) {
  const WallTime now = real_clock().wall();
  const Filters filters =
      SLIP_TRY_WITHIN("option --filter", parse_filters(invocation.list("filter")));
  const PruneFilter filter = SLIP_TRY(prune_filter(filters, now));
  if (!invocation.flag("force") &&
      !confirmed("WARNING! This will remove all containers that do not run.\n"))
    return {};
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  ByteCount freed;
  std::vector<std::string> removed;
  for (const sandbox::ContainerInfo& container : SLIP_TRY(world.containers->list())) {
    using S = sandbox::ContainerStatus;
    const S status = container.state.status;
    if (status != S::kCreated && status != S::kExited && status != S::kDead) continue;
    if (!filter.fits(container.config.labels, container.created)) continue;
    const auto sizes = world.containers->sizes(container.id);
    const Status done = world.containers->remove(container.id, {});
    if (!done && done.error().code() == ErrorCode::kConflict) continue;  // started meanwhile
    SLIP_TRY(Status(done));
    if (sizes) freed.value += sizes->first.value;
    removed.push_back(container.id);
  }
  if (!removed.empty()) print_data("Deleted Containers:\n" + join(removed, "\n") + "\n\n");
  print_data("Total reclaimed space: " + format_size(freed) + "\n");
  return {};
}

Status list_ports(const Invocation& invocation) {
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  const sandbox::ContainerInfo info = SLIP_TRY(world.containers->inspect(invocation.operand(0)));
  const Json ports = port_map_json(info);
  std::string wanted = invocation.operand(1);
  if (!wanted.empty()) wanted = SLIP_TRY(parse_exposed_ports(wanted)).front();
  std::vector<std::string> lines;
  for (const auto& [port, bindings] : ports.members()) {
    if (!wanted.empty() && port != wanted) continue;
    for (const Json& binding : bindings.items()) {
      std::string host(binding["HostIp"].string_or(""));
      if (host.find(':') != std::string::npos) host = "[" + host + "]";
      host += ":" + std::string(binding["HostPort"].string_or(""));
      lines.push_back(wanted.empty() ? port + " -> " + host : host);
    }
  }
  if (!wanted.empty() && lines.empty())
    return fail(ErrorCode::kNotFound,
                "no public port '" + wanted + "' published for " + invocation.operand(0));
  for (const std::string& line : lines) print_data(line + "\n");
  return {};
}

Status update_each(const Invocation& invocation, ContainerWorld& world, const std::string& name) {
  std::optional<sandbox::RestartPolicy> restart;
  if (invocation.given("restart"))
    restart = SLIP_TRY_WITHIN("option --restart",
                              sandbox::RestartPolicy::parse(invocation.value("restart")));
  const sandbox::ContainerInfo info = SLIP_TRY(world.containers->inspect(name));
  if (restart && restart->kind != sandbox::RestartPolicy::Kind::kNo && info.config.auto_remove)
    return fail(ErrorCode::kInvalid,
                "update container " + name + ": it is removed when it ends (--rm)");
  const sandbox::Limits limits = SLIP_TRY(read_limits(invocation, info.config.limits));
  return world.containers->update(name, limits, restart);
}

}  // namespace

int container_stop_command(const Invocation& invocation) {
  return stop_each(invocation, [](ContainerWorld& world, const std::string& name,
                                  std::optional<Millis> grace, std::optional<int> signal) {
    return world.containers->stop(name, grace, signal);
  });
}
int container_restart_command(const Invocation& invocation) {
  return stop_each(invocation, [](ContainerWorld& world, const std::string& name,
                                  std::optional<Millis> grace, std::optional<int> signal) {
    return world.containers->restart(name, grace, signal);
  });
}

int container_kill_command(const Invocation& invocation) {
  const Result<int> signal = parse_signal(invocation.value("signal", "KILL"));
  if (!signal) return report_error(signal.error().clone().within("option --signal"), invocation);
  return for_each_operand_printed(invocation, [&](ContainerWorld& world, const std::string& name) {
    return world.containers->kill(name, *signal);
  });
}

int container_pause_command(const Invocation& invocation) {
  return each(invocation, &sandbox::Containers::pause);
}
int container_unpause_command(const Invocation& invocation) {
  return each(invocation, &sandbox::Containers::unpause);
}

int container_wait_command(const Invocation& invocation) {
  return for_each_operand(invocation, [](ContainerWorld& world, const std::string& name) -> Status {
    const int code =
        SLIP_TRY(world.containers->wait(name, sandbox::WaitCondition::kNotRunning, CancelToken()));
    print_data(std::to_string(code) + "\n");
    return {};
  });
}

int container_rename_command(const Invocation& invocation) {
  Result<ContainerWorld> world = open_world(invocation);
  if (!world) return report_error(world.error(), invocation);
  return finish(world->containers->rename(invocation.operand(0), invocation.operand(1)),
                invocation);
}

int container_update_command(const Invocation& invocation) {
  return for_each_operand_printed(invocation, [&](ContainerWorld& world, const std::string& name) {
    return update_each(invocation, world, name);
  });
}

int container_remove_command(const Invocation& invocation) {
  const sandbox::RemoveOptions options{invocation.flag("force"), invocation.flag("volumes")};
  return for_each_operand_printed(
      invocation, [&](ContainerWorld& world, const std::string& name) -> Status {
        Status removed = world.containers->remove(name, options);
        // Docker: with -f a missing container is said, but is no failure.
        if (!removed && options.force && removed.error().code() == ErrorCode::kNotFound) {
          report_message(removed.error().text(), invocation);
          return {};
        }
        return removed;
      });
}

int container_prune_command(const Invocation& invocation) {
  return finish(prune_containers(invocation), invocation);
}
int container_port_command(const Invocation& invocation) {
  return finish(list_ports(invocation), invocation);
}

}  // namespace slipway::runner
