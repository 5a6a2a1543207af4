// inspect of containers, and of whatever has that name.
#include "base/text.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/container_world.h"
#include "runner/cli/list_output.h"
#include "runner/docker_json.h"
#include "runner/network_members.h"

namespace slipway::runner {
namespace {

Result<Json> inspect_container(ContainerWorld& world, const Invocation& invocation,
                               const std::string& name) {
  const sandbox::ContainerInfo info = SLIP_TRY(world.containers->inspect(name));
  std::optional<ContainerSizes> sizes;
  if (invocation.flag("size")) sizes = SLIP_TRY(world.containers->sizes(info.id));
  return container_inspect_json(info, sizes);
}

Result<Json> inspect_image(ContainerWorld& world, const Invocation&, const std::string& name) {
  return world.store->inspect_image(name);
}

Result<Json> inspect_network(ContainerWorld& world, const Invocation&, const std::string& name) {
  const sandbox::NetworkInfo network = SLIP_TRY(world.networks->inspect(name));
  return network_json(network, network_members(network, *world.containers));
}

Result<Json> inspect_volume(ContainerWorld& world, const Invocation&, const std::string& name) {
  return volume_docker_json(SLIP_TRY(world.volumes->inspect(name)));
}

using Inspect = Result<Json> (*)(ContainerWorld&, const Invocation&, const std::string&);
struct Kind {
  std::string_view type;
  Inspect inspect;
};
// In docker's order: the first that knows the name answers.
constexpr Kind kKinds[] = {{"container", inspect_container},
                           {"image", inspect_image},
                           {"network", inspect_network},
                           {"volume", inspect_volume}};

Result<Json> inspect_any(ContainerWorld& world, const Invocation& invocation,
                         const std::string& name) {
  const std::string type = invocation.value("type");
  for (const Kind& kind : kKinds) {
    if (!type.empty() && kind.type != type) continue;
    Result<Json> found = kind.inspect(world, invocation, name);
    if (found) return found;
    const ErrorCode code = found.error().code();
    // A name that is no reference can still be a container's or a network's.
    if (!type.empty() || (code != ErrorCode::kNotFound && code != ErrorCode::kInvalid))
      return found;
  }
  return fail(ErrorCode::kNotFound, "no such object: " + printable(name));
}

int inspect_each(const Invocation& invocation, Inspect inspect) {
  std::vector<Json> found;
  const int code =
      for_each_operand(invocation, [&](ContainerWorld& world, const std::string& name) -> Status {
        found.push_back(SLIP_TRY(inspect(world, invocation, name)));
        return {};
      });
  const int printed = finish(print_documents(invocation, found), invocation);
  return code != 0 ? code : printed;
}

}  // namespace

int container_inspect_command(const Invocation& invocation) {
  return inspect_each(invocation, inspect_container);
}
int inspect_command(const Invocation& invocation) { return inspect_each(invocation, inspect_any); }
int network_inspect_command(const Invocation& invocation) {
  return inspect_each(invocation, inspect_network);
}
int volume_inspect_command(const Invocation& invocation) {
  return inspect_each(invocation, inspect_volume);
}

}  // namespace slipway::runner
