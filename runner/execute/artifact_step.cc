// `artifact:` steps: which files of the workspace, and where to.
#include "runner/execute/artifact_step.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/transfer.h"
#include "runner/execute/artifacts.h"
#include "runner/execute/deadline_token.h"
#include "runner/execute/step_settings.h"
#include "runner/execute/step_transfer.h"

namespace slipway::runner {
namespace {

using pipeline::Value;

// Each file is a layer of its own, and registries limit a manifest to 4 MiB.
constexpr std::size_t kMaxFiles = 1'000;

bool is_directory(int root, const std::string& path) {
  const Result<Fd> found = open_in_root(root, path, O_PATH | O_NOFOLLOW);
  struct stat info {};
  return found && ::fstat(found->get(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// Plain names of directories stay whole where nothing is left out of them; the rest is looked for.
Result<std::vector<std::string>> choose(int view, const std::vector<std::string>& paths,
                                        const std::vector<std::string>& exclude) {
  std::vector<std::string> chosen;
  std::vector<std::string> patterns;
  for (std::string path : paths) {
    while (path.starts_with("./")) path.erase(0, 2);
    while (path.ends_with('/')) path.pop_back();
    const bool plain = path.find_first_of("*?[!\\") == std::string::npos;
    if (plain && exclude.empty() && is_directory(view, path)) {
      chosen.push_back(path);
    } else {
      patterns.push_back(path);
    }
  }
  for (std::string& file : SLIP_TRY(find_files(view, patterns, exclude))) {
    const bool inside = std::any_of(chosen.begin(), chosen.end(), [&](const std::string& dir) {
      return file.starts_with(dir + "/");
    });
    if (!inside) chosen.push_back(std::move(file));
  }
  if (chosen.empty()) return fail(ErrorCode::kNotFound, "push artifact: nothing matches its paths");
  if (chosen.size() > kMaxFiles) {
    return fail(ErrorCode::kExhausted,
                "push artifact: more than 1000 files; name the directory "
                "they are in instead of a pattern");
  }
  return chosen;
}

}  // namespace

Result<PushedArtifact> push_step_artifact(const RunContext& run, const JobState& state,
                                          const StepRequest& request) {
  const pipeline::EvalContext context = state.context(run);
  const Value& settings = request.step.settings;
  const std::string text = SLIP_TRY(setting_text(settings.find("push"), "artifact.push", context));
  cachestore::ArtifactPush artifact;
  artifact.name = SLIP_TRY_WITHIN("artifact.push", cachestore::Reference::parse(text));
  if (const Value* type = settings.find("type"))
    artifact.artifact_type = SLIP_TRY(setting_text(type, "artifact.type", context));
  const auto paths = SLIP_TRY(setting_texts(settings.find("paths"), "artifact.paths", context));
  const auto exclude =
      SLIP_TRY(setting_texts(settings.find("exclude"), "artifact.exclude", context));
  const Fd view = SLIP_TRY(open_workspace(state.work));
  artifact.dir_fd = view.get();
  artifact.paths = SLIP_TRY(choose(view.get(), paths, exclude));
  artifact.annotations = {{"org.opencontainers.image.revision", run.event.sha}};
  if (run.event.sha.empty()) artifact.annotations.clear();

  const auto registry = SLIP_TRY(run.images.access().get());
  const auto progress = make_step_transfer(run, request.job.instance, request.step.id);
  const std::string name = artifact.name.familiar();
  const DeadlineToken token(request.cancel, request.deadline);
  progress->begin(name, Direction::kPush);
  Result<cachestore::Pushed> pushed =
      cachestore::push_artifact(*registry, artifact, progress.get(), token.get());
  progress->end();
  if (!pushed) return fail(token.explain(std::move(pushed).error()));
  progress->say("pushed " + name + ": " + std::to_string(pushed->layers) +
                (pushed->layers == 1 ? " file, " : " files, ") + pushed->digest.str());
  return PushedArtifact{artifact.name.canonical(), pushed->digest};
}

}  // namespace slipway::runner
