// Opening what commands about containers work on, and the loop over their operands.
#include "runner/cli/container_world.h"

#include "runner/cli/console.h"

namespace slipway::runner {

Result<ContainerWorld> open_world(const Invocation& invocation) {
  return open_engine_world(state_dir(invocation));
}

int finish(const Status& status, const Invocation& invocation) {
  return status ? 0 : report_error(status.error(), invocation);
}

int for_each_operand(const Invocation& invocation,
                     const std::function<Status(ContainerWorld&, const std::string& name)>& act) {
  Result<ContainerWorld> world = open_world(invocation);
  if (!world) return report_error(world.error(), invocation);
  int code = 0;
  for (const std::string& name : invocation.operands()) {
    if (const Status done = act(*world, name); !done) code = report_error(done.error(), invocation);
  }
  return code;
}

int for_each_operand_printed(
    const Invocation& invocation,
    const std::function<Status(ContainerWorld&, const std::string& name)>& act) {
  return for_each_operand(invocation,
                          [&](ContainerWorld& world, const std::string& name) -> Status {
                            SLIP_TRY(act(world, name));
                            print_data(name + "\n");
                            return {};
                          });
}

std::string short_id(const std::string& id) { return id.substr(0, 12); }

}  // namespace slipway::runner
