// image build and image why-miss. What the options mean: build_options.cc; what a build looks like: runner/logs.
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "runner/build/build.h"
#include "runner/cli/build_options.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/registry_session.h"
#include "runner/execute/exec.h"
#include "runner/logs/build_progress.h"
#include "sandbox/engine.h"

namespace slipway::runner {
namespace {

constexpr int kInterrupted = 130;

pipeline::Colour diagnostic_colour(const Invocation& invocation) {
  return wants_colour(invocation, STDERR_FILENO) ? pipeline::Colour::kYes : pipeline::Colour::kNo;
}

/// --progress, else docker's own variable.
ProgressOptions build_progress_options(const Invocation& invocation) {
  ProgressOptions options = progress_options(invocation);
  const std::string word = invocation.given("progress")
                               ? invocation.value("progress")
                               : process_environment()("BUILDKIT_PROGRESS").value_or("auto");
  options.mode = parse_progress_mode(word).value_or(ProgressMode::kAuto);
  if (invocation.flag("quiet")) options.mode = ProgressMode::kQuiet;
  return options;
}

/// The store, the engine and the networks, opened in this order and closed in the other.
struct BuildWorld {
  std::shared_ptr<cachestore::Store> store;
  std::unique_ptr<sandbox::Engine> engine;
  std::shared_ptr<sandbox::Networks> networks;
  std::unique_ptr<ImageSource> images;
};

Result<BuildWorld> open_build_world(const std::string& state_dir, RegistryAccess& access,
                                    BuildProgress& progress) {
  BuildWorld world;
  SLIP_TRY(sandbox::enter_engine_namespaces());
  world.store = SLIP_TRY(cachestore::Store::open({state_dir, {}, true}));
  world.engine = SLIP_TRY(sandbox::Engine::open({.store_root = world.store->root()}));
  if (auto networks = sandbox::Networks::open(world.store->root())) {
    world.networks = *std::move(networks);
  } else {
    progress.note("network: RUN sees loopback only: " + networks.error().text());
  }
  world.images = std::make_unique<ImageSource>(*world.store, access);
  return world;
}

Status write_result_file(const std::string& option, const std::string& path,
                         const std::string& text) {
  if (path.empty()) return {};
  SLIP_TRY_WITHIN("option --" + option, write_file_atomic(path, text, 0644));
  return {};
}

/// What docker's --iidfile and -q give: the image's id; of several platforms the index's digest.
std::string id_of(const BuildResult& result) {
  if (result.images.size() == 1) return result.images.front().image.id.str();
  return result.digest ? result.digest->str() : "";
}

Json result_json(const BuildResult& result, const BuildRequest& request) {
  Json line = Json::object({{"kind", "build_end"},
                            {"status", result.failure ? "failed" : "succeeded"},
                            {"image", id_of(result)},
                            {"steps", static_cast<std::uint64_t>(result.steps)},
                            {"cached", static_cast<std::uint64_t>(result.cached)}});
  Json tags = Json::array();
  for (const std::string& tag : request.tags) tags.push(tag);
  line.set("tags", std::move(tags));
  if (!result.failure) return line;
  line.set("exit_code", result.failure->exit_code);
  line.set("debug_target", result.failure->debug_target);
  line.set("diagnostics", pipeline::to_json(result.failure->diagnostics, result.failure->sources));
  return line;
}

int report_failure(const BuildFailure& failure, const Invocation& invocation) {
  print_note(pipeline::render(failure.diagnostics, failure.sources, diagnostic_colour(invocation)));
  return 1;
}

Result<int> report(const BuildResult& result, const BuildCommand& command,
                   const Invocation& invocation, const BuildProgress& progress) {
  if (progress.wants_json()) print_data(result_json(result, command.request).dump() + "\n");
  if (result.failure) return report_failure(*result.failure, invocation);
  const std::string id = id_of(result);
  if (!id.empty()) SLIP_TRY(write_result_file("iidfile", command.iidfile, id));
  SLIP_TRY(write_result_file("metadata-file", command.metadata_file, result.metadata.pretty()));
  if (progress.wants_json()) return 0;
  if (invocation.flag("quiet")) {
    if (!id.empty()) print_data(id + "\n");
    return 0;
  }
  if (!id.empty()) {
    std::string text = "built " + id;
    if (!command.request.tags.empty()) text += " as " + join(command.request.tags, ", ");
    print_note(text + " (" + std::to_string(result.cached) + " of " + std::to_string(result.steps) +
               (result.steps == 1 ? " step" : " steps") + " cached)\n");
  }
  return 0;
}

Result<int> run_build(const BuildCommand& command, const Invocation& invocation) {
  RegistrySession session(invocation);
  const auto progress = make_build_progress(build_progress_options(invocation), real_clock());
  for (const std::string& note : command.notes) progress->note(note);
  const BuildWorld world =
      SLIP_TRY(open_build_world(command.request.context.state_dir, session.access(), *progress));
  const BuildPlace place{*world.store, *world.engine, *world.images, world.networks.get(),
                         world.store->root()};
  Result<BuildResult> result = build(place, command.request, *progress, session.cancel());
  progress->finish();
  if (!result) {
    if (result.error().code() == ErrorCode::kCancelled) {
      print_note("runner: the build was interrupted\n");
      return kInterrupted;
    }
    return fail(std::move(result).error());
  }
  return report(*result, command, invocation, *progress);
}

// --- --check, --call -------------------------------------------------------------------------------------------------

/// The environment of images that are here; nothing is pulled for a check.
std::optional<std::vector<std::string>> environment_of(cachestore::Store& store,
                                                       const std::string& image) {
  if (image == "scratch") return std::vector<std::string>{};
  const Result<cachestore::Image> found = store.image(image);
  if (!found) return std::nullopt;
  return found->config.env;
}

pipeline::CheckRequest check_request(const BuildCommand& command, const BuildContext& context,
                                     cachestore::Store& store) {
  pipeline::CheckRequest request;
  request.build_args = command.request.args;
  request.target = command.request.target;
  request.platform = command.request.platforms.empty() ? cachestore::Platform::host().str()
                                                       : command.request.platforms.front().str();
  request.ignore = &context.ignore;
  request.environment = [&store](const std::string& image) { return environment_of(store, image); };
  return request;
}

Json findings_json(const std::vector<pipeline::LintFinding>& findings) {
  Json warnings = Json::array();
  for (const pipeline::LintFinding& finding : findings) {
    warnings.push(Json::object({{"ruleName", finding.rule},
                                {"description", finding.description},
                                {"url", finding.url},
                                {"detail", finding.diagnostic.message},
                                {"help", finding.diagnostic.help},
                                {"line", finding.diagnostic.span.line},
                                {"endLine", finding.diagnostic.span.end_line}}));
  }
  return warnings;
}

/// As buildx: something found is exit code 1.
int print_check(const pipeline::Dockerfile& file, std::vector<pipeline::LintFinding> findings,
                const BuildCommand& command, const Invocation& invocation) {
  if (command.call_json) {
    Json report = Json::object();
    report.set("warnings", findings_json(findings));
    report.set("errors", pipeline::to_json(file.diagnostics, file.sources));
    print_data(report.pretty());
    return findings.empty() && file.diagnostics.empty() ? 0 : 1;
  }
  std::vector<pipeline::Diagnostic> shown = file.diagnostics;
  for (pipeline::LintFinding& finding : findings) {
    finding.diagnostic.message += " [" + finding.rule + "]";
    shown.push_back(std::move(finding.diagnostic));
  }
  print_data(pipeline::render(
      shown, file.sources,
      wants_colour(invocation, STDOUT_FILENO) ? pipeline::Colour::kYes : pipeline::Colour::kNo));
  if (shown.empty()) {
    print_data("Check complete, no warnings found.\n");
    return 0;
  }
  print_data("Check complete, " + std::to_string(shown.size()) +
             (shown.size() == 1 ? " warning has been found!\n" : " warnings have been found!\n"));
  return 1;
}

std::string cell(const Json& value) {
  if (value.is_string()) return printable(value.string_or(""));
  if (value.is_bool()) return value.bool_or(false) ? "true" : "false";
  return value.is_null() ? "" : value.dump();
}

/// A list of objects as a table whose columns are their members; other members as "NAME: value".
std::string call_text(const Json& document) {
  std::string text;
  for (const auto& [name, value] : document.members()) {
    if (value.is_array()) {
      if (value.items().empty()) continue;
      text += "\n" + name + ":\n";
      for (const Json& item : value.items()) {
        text += " ";
        if (!item.is_object()) text += " " + cell(item);
        for (const auto& [key, member] : item.members()) {
          const std::string shown = cell(member);
          if (!shown.empty() && shown != "false") text += " " + key + "=" + shown;
        }
        text += "\n";
      }
    } else if (const std::string shown = cell(value); !shown.empty()) {
      text += name + ": " + shown + "\n";
    }
  }
  return text;
}

Result<int> run_call(const BuildCommand& command, const Invocation& invocation) {
  RegistrySession session(invocation);
  SLIP_TRY(sandbox::enter_engine_namespaces());
  const auto store =
      SLIP_TRY(cachestore::Store::open({command.request.context.state_dir, {}, true}));
  const BuildContext context =
      SLIP_TRY(open_context(*store, command.request.context, session.cancel()));
  pipeline::Dockerfile file = pipeline::parse_dockerfile(context.dockerfile);
  const pipeline::CheckRequest request = check_request(command, context, *store);
  for (const auto& [name, value] : command.request.args) {
    if (name == "BUILDKIT_DOCKERFILE_CHECK")
      SLIP_TRY_WITHIN("option --build-arg", pipeline::override_checks(file, value));
  }
  if (command.call == "check") {
    std::vector<pipeline::LintFinding> findings;
    if (!pipeline::has_errors(file.diagnostics)) findings = pipeline::lint(file, request);
    return print_check(file, std::move(findings), command, invocation);
  }
  if (pipeline::has_errors(file.diagnostics)) {
    print_note(pipeline::render(file.diagnostics, file.sources, diagnostic_colour(invocation)));
    return 1;
  }
  const Json document =
      command.call == "targets" ? pipeline::targets(file) : pipeline::outline(file, request);
  print_data(command.call_json ? document.pretty() : call_text(document));
  return 0;
}

}  // namespace

int build_command(const Invocation& invocation) {
  const Result<BuildCommand> command = read_build_command(invocation, process_environment());
  if (!command) {
    return command.error().code() == ErrorCode::kInvalid
               ? usage_failure(invocation, command.error().text())
               : report_error(command.error(), invocation);
  }
  const Result<int> code =
      command->call == "build" ? run_build(*command, invocation) : run_call(*command, invocation);
  if (code) return *code;
  return finish_registry_command(fail(code.error().clone()), invocation);
}

int why_miss_command(const Invocation& invocation) {
  // Steps of runs and of builds are asked for alike; a target that no run has is a build's.
  const Result<std::string> memo = explain_memo(state_dir(invocation), invocation.operand(0));
  if (memo && !invocation.operand(0).empty()) {
    print_data(*memo);
    return 0;
  }
  const Status explained = [&]() -> Status {
    const auto store = SLIP_TRY(open_image_store(invocation));
    print_data(SLIP_TRY(explain_miss(*store, invocation.operand(0))) + "\n");
    return {};
  }();
  return finish_command(explained, invocation);
}

}  // namespace slipway::runner
