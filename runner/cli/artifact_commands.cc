// artifact push and pull: files in a registry.
#include <fcntl.h>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/transfer.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/registry_session.h"

namespace slipway::runner {
namespace {

using cachestore::Reference;

/// "./out//a/" -> "out/a"; kInvalid for what is not below this directory: the names travel with the files.
Result<std::string> plain_path(const std::string& text) {
  std::vector<std::string> parts;
  bool climbs = false;
  for (const std::string_view part : split(text, '/')) {
    if (part.empty() || part == ".") continue;
    climbs = climbs || part == "..";
    parts.emplace_back(part);
  }
  if (text.starts_with('/') || climbs || parts.empty()) {
    return fail(ErrorCode::kInvalid, "push artifact: path \"" + printable(text) +
                                         "\" is not below the current directory");
  }
  return join(parts, "/");
}

Result<std::vector<std::pair<std::string, std::string>>> annotations_of(
    const Invocation& invocation) {
  std::vector<std::pair<std::string, std::string>> annotations;
  for (const std::string& text : invocation.list("annotation")) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(ErrorCode::kInvalid,
                  "option --annotation \"" + printable(text) + "\": expected KEY=VALUE");
    annotations.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return annotations;
}

Status push(const Invocation& invocation) {
  cachestore::ArtifactPush request;
  request.name = SLIP_TRY(Reference::parse(invocation.operand(0)));
  if (invocation.given("type")) request.artifact_type = invocation.value("type");
  request.annotations = SLIP_TRY(annotations_of(invocation));
  for (std::size_t i = 1; i < invocation.operands().size(); ++i)
    request.paths.push_back(SLIP_TRY(plain_path(invocation.operand(i))));
  const Fd here = SLIP_TRY(open_file(".", O_RDONLY | O_DIRECTORY));
  request.dir_fd = here.get();
  RegistrySession session(invocation);
  const auto registry = SLIP_TRY(session.registry());
  TransferProgress& progress = session.progress();
  const std::string name = request.name.familiar();
  progress.begin(name, Direction::kPush);
  const Result<cachestore::Pushed> pushed =
      push_artifact(*registry, request, &progress, session.cancel());
  progress.end();
  if (!pushed) return fail(pushed.error().clone());
  if (progress.wants_json()) {
    print_data(Json::object({{"kind", "pushed"},
                             {"name", request.name.canonical()},
                             {"digest", pushed->digest.str()},
                             {"bytes", pushed->bytes}})
                   .dump() +
               "\n");
  } else if (invocation.flag("quiet")) {
    print_data(request.name.canonical() + "\n");
  } else {
    print_data("Pushed " + request.name.canonical() + "\nDigest: " + pushed->digest.str() + "\n");
  }
  return {};
}

Status pull(const Invocation& invocation) {
  const Reference name = SLIP_TRY(Reference::parse(invocation.operand(0)));
  const std::string output = invocation.value("output", ".");
  SLIP_TRY(make_dirs(output, 0755));
  const Fd directory = SLIP_TRY(open_file(output, O_RDONLY | O_DIRECTORY));
  RegistrySession session(invocation);
  const auto registry = SLIP_TRY(session.registry());
  TransferProgress& progress = session.progress();
  progress.begin(name.familiar(), Direction::kPull);
  const Result<cachestore::ArtifactPulled> pulled =
      pull_artifact(*registry, name, directory.get(), &progress, session.cancel());
  progress.end();
  if (!pulled) return fail(pulled.error().clone());
  if (progress.wants_json()) {
    Json paths = Json::array();
    for (const std::string& path : pulled->paths) paths.push(path);
    print_data(Json::object({{"kind", "pulled"},
                             {"name", name.canonical()},
                             {"digest", pulled->digest.str()},
                             {"paths", std::move(paths)},
                             {"bytes", pulled->bytes}})
                   .dump() +
               "\n");
    return {};
  }
  if (!invocation.flag("quiet")) {
    for (const std::string& path : pulled->paths) print_data(printable(path) + "\n");
    progress.say("Digest: " + pulled->digest.str());
    progress.end();
  } else {
    print_data(name.canonical() + "\n");
  }
  return {};
}

}  // namespace

int artifact_push_command(const Invocation& invocation) {
  const Status status = push(invocation);
  return finish_registry_command(status, invocation);
}

int artifact_pull_command(const Invocation& invocation) {
  const Status status = pull(invocation);
  return finish_registry_command(status, invocation);
}

}  // namespace slipway::runner
