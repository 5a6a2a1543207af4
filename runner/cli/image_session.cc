// What the image commands share: the store, progress, the question before something is removed.
#include "runner/cli/image_session.h"

#include <unistd.h>

#include "base/text.h"
#include "runner/cli/console.h"
#include "sandbox/engine.h"

namespace slipway::runner {

using cachestore::Store;

Result<std::shared_ptr<Store>> open_image_store(const Invocation& invocation) {
  const std::string root = state_dir(invocation);
  SLIP_TRY(sandbox::enter_engine_namespaces());
  return Store::open({root, {}, true});
}

int finish_command(const Status& status, const Invocation& invocation) {
  return status ? 0 : report_error(status.error(), invocation);
}

bool shows_progress(const Invocation& invocation) {
  const std::string mode = invocation.value("progress", "auto");
  if (invocation.flag("quiet") || mode == "quiet" || mode == "plain" || mode == "json")
    return false;
  if (mode == "tty") return true;
  const auto variable = process_environment();
  const std::string term = variable("TERM").value_or("dumb");
  return ::isatty(STDERR_FILENO) == 1 && term != "dumb" && variable("CI").value_or("").empty();
}

bool confirmed(const std::string& text) {
  print_note(text + "Are you sure you want to continue? [y/N] ");
  std::string answer;
  char c = 0;
  while (answer.size() < 16 && ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n') answer += c;
  answer = to_lower(trim(answer));
  return answer == "y" || answer == "yes";
}

}  // namespace slipway::runner
