// What pull, push, login and their kin share.
#include "runner/cli/registry_session.h"

#include "base/text.h"
#include "runner/cli/console.h"

namespace slipway::runner {
namespace {

ProgressOptions transfer_options(const Invocation& invocation) {
  ProgressOptions options = progress_options(invocation);
  const bool quiet =
      find_option(&invocation.command(), "quiet") != nullptr && invocation.flag("quiet");
  if (quiet) options.mode = ProgressMode::kQuiet;
  return options;
}

std::vector<std::string> insecure_hosts(const Invocation& invocation) {
  if (find_option(&invocation.command(), "insecure-registry") == nullptr) return {};
  return invocation.list("insecure-registry");
}

}  // namespace

RegistrySession::RegistrySession(const Invocation& invocation)
    : on_signal_(cancel_),
      progress_(make_transfer_progress(transfer_options(invocation), real_clock())),
      access_(std::make_unique<RegistryAccess>(
          process_environment(), insecure_hosts(invocation),
          [progress = progress_.get()](const std::string& text) {
            progress->say("warning: " + text);
          },
          cancel_)) {}

int finish_registry_command(const Status& status, const Invocation& invocation) {
  if (status) return 0;
  const Error& error = status.error();
  const bool untrusted = error.code() == ErrorCode::kPermission &&
                         error.text().find("certificate") != std::string::npos &&
                         error.text().find("; ") == std::string::npos;
  if (!untrusted) return report_error(error, invocation);
  return report_error(
      Error(error.code(), error.text() + "; put the authority's certificate into "
                                         "~/.config/slipway/certs.d/HOST/ca.crt, or name the "
                                         "host with --insecure-registry"),
      invocation);
}

bool has_default_tag(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  const std::string last = slash == std::string::npos ? name : name.substr(slash + 1);
  return last.find(':') == std::string::npos && last.find('@') == std::string::npos;
}

}  // namespace slipway::runner
