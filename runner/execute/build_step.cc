// `build:` steps: settings to a BuildRequest, the build's progress to the step's log.
#include "runner/execute/build_step.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "runner/build/build.h"
#include "runner/execute/artifacts.h"
#include "runner/execute/deadline_token.h"
#include "runner/execute/step_settings.h"
#include "runner/logs/build_progress.h"
#include "runner/logs/build_view.h"

namespace slipway::runner {
namespace {

using pipeline::Value;

/// The build's vertices as lines of the step's log: "#3 [2/5] RUN make", what it writes, "#3 DONE 0.3s".
class StepBuildLog : public BuildObserver {
 public:
  StepBuildLog(const RunContext& run, const StepRequest& request) : run_(run), request_(request) {}

  void vertex(const BuildVertex& vertex) override {
    const MonoTime now = real_clock().mono();
    if (has_ended(vertex.state)) lines(vertex.id, view_.rest(vertex.id, now));
    const VertexState before = view_.step(vertex.id).vertex.state;
    const BuildStepView& step = view_.apply(vertex, now);
    const std::string mark = "#" + std::to_string(step.number) + " ";
    if (vertex.state == VertexState::kWaiting) return;
    if (before == VertexState::kWaiting && vertex.state != VertexState::kCancelled)
      say(mark + vertex.name);
    if (vertex.state == VertexState::kFailed) say(mark + "ERROR: " + vertex.error);
    if (vertex.state == VertexState::kCached) say(mark + "CACHED");
    if (vertex.state == VertexState::kDone)
      say(mark + "DONE " + format_duration(Millis(static_cast<int>(vertex.seconds * 1000))));
  }
  void output(std::size_t vertex, int stream, std::string_view bytes) override {
    lines(vertex, view_.output(vertex, stream, bytes, real_clock().mono()));
  }
  void progress(std::size_t vertex, const std::string& what, std::uint64_t done,
                std::uint64_t total) override {
    view_.progress(vertex, what, done, total);
    emit(Event::Kind::kProgress, "", what + " " + amount_text(view_.step(vertex)));
  }
  void warning(const pipeline::LintFinding& finding) override {
    const int line = finding.diagnostic.span.line;
    say("warning: " + finding.rule + ": " + finding.diagnostic.message +
        (line > 0 ? " (line " + std::to_string(line) + ")" : ""));
  }
  void note(const std::string& text) override { say(text); }

  void say(const std::string& text) { emit(Event::Kind::kLog, "slipway", text); }

 private:
  void lines(std::size_t vertex, const std::vector<BuildLine>& lines) {
    const std::string mark = "#" + std::to_string(view_.step(vertex).number) + " ";
    for (const BuildLine& line : lines)
      emit(Event::Kind::kLog, line.stream == 2 ? "stderr" : "stdout", mark + line.text);
  }
  void emit(Event::Kind kind, const std::string& stream, const std::string& text) {
    Event event;
    event.kind = kind;
    event.job = request_.job.instance;
    event.step = request_.step.id;
    event.stream = stream;
    event.line = run_.secrets.mask.mask(text);
    run_.events.emit(std::move(event));
  }

  const RunContext& run_;
  const StepRequest& request_;
  BuildView view_;
};

/// Whether two descriptors are one file: what a path means outside of the workspace's root is what it means within.
bool same_file(int a, int b) {
  struct stat one {};
  struct stat other {};
  return ::fstat(a, &one) == 0 && ::fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

/// The context as a descriptor of the workspace, and a path that leads there.
struct PlacedContext {
  Fd view;
  Fd directory;
  std::string path;
};
Result<PlacedContext> place_context(const Stack& work, const std::string& context,
                                    const std::string& file) {
  PlacedContext placed;
  placed.view = SLIP_TRY(open_workspace(work));
  const std::string directory = context.empty() ? "." : context;
  placed.directory = SLIP_TRY_WITHIN(
      "build.context", open_in_root(placed.view.get(), directory, O_PATH | O_DIRECTORY));
  placed.path = "/proc/self/fd/" + std::to_string(placed.directory.get());
  if (file.empty()) return placed;
  const Fd inside = SLIP_TRY_WITHIN(
      "build.file", open_in_root(placed.view.get(), directory + "/" + file, O_PATH));
  const Fd outside = SLIP_TRY_WITHIN("build.file", open_file(placed.path + "/" + file, O_PATH));
  if (!same_file(inside.get(), outside.get()))
    return fail(ErrorCode::kPermission,
                "build.file " + printable(file) + ": a link leads out of the workspace");
  return placed;
}

/// "NAME" or "ID=NAME", of the secrets that the job asks for.
Result<BuildSecret> secret_of(const RunContext& run, const StepRequest& request,
                              const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string id = text.substr(0, equals);
  const std::string name = equals == std::string::npos ? id : text.substr(equals + 1);
  const auto& uses = request.job.secrets;
  const auto use = std::find_if(uses.begin(), uses.end(), [&](const pipeline::SecretUse& one) {
    return one.name == name || one.as == name;
  });
  if (use == uses.end())
    return fail(ErrorCode::kNotFound, "build.secrets: the job has no secret " + printable(name) +
                                          "; name it in the job's secrets");
  const auto value = run.secrets.values.find(use->name);
  if (value == run.secrets.values.end())
    return fail(ErrorCode::kNotFound, "read secret " + printable(use->name) +
                                          ": not given; use --secret " + use->name +
                                          " (from the environment) or --secret-file FILE");
  return BuildSecret{id, value->second};
}

Result<CacheEndpoint> registry_cache(const std::string& text) {
  SLIP_TRY_WITHIN("build cache", cachestore::Reference::parse(text));
  return CacheEndpoint{"registry", {{"ref", text}}};
}

bool flag_of(const Value& settings, std::string_view name) {
  const Value* value = settings.find(name);
  return value != nullptr && value->truthy();
}

Status read_names(const Value& settings, const pipeline::EvalContext& context,
                  BuildRequest& build) {
  build.target = SLIP_TRY(setting_text(settings.find("target"), "build.target", context));
  build.tags = SLIP_TRY(setting_texts(settings.find("tags"), "build.tags", context));
  for (const std::string& tag : build.tags)
    SLIP_TRY_WITHIN("build.tags", cachestore::Reference::parse(tag));
  build.args = SLIP_TRY(setting_pairs(settings.find("args"), "build.args", context));
  build.labels = SLIP_TRY(setting_pairs(settings.find("labels"), "build.labels", context));
  for (const std::string& text :
       SLIP_TRY(setting_texts(settings.find("platforms"), "build.platforms", context)))
    build.platforms.push_back(
        SLIP_TRY_WITHIN("build.platforms", cachestore::Platform::parse(text)));
  for (const std::string& text :
       SLIP_TRY(setting_texts(settings.find("cache-from"), "build.cache-from", context)))
    build.cache_from.push_back(SLIP_TRY(registry_cache(text)));
  for (const std::string& text :
       SLIP_TRY(setting_texts(settings.find("cache-to"), "build.cache-to", context)))
    build.cache_to.push_back(SLIP_TRY(registry_cache(text)));
  return {};
}

Result<BuildRequest> read_settings(const RunContext& run, const JobState& state,
                                   const StepRequest& request) {
  const pipeline::EvalContext context = state.context(run);
  const Value& settings = request.step.settings;
  BuildRequest build;
  SLIP_TRY(read_names(settings, context, build));
  for (const std::string& text :
       SLIP_TRY(setting_texts(settings.find("secrets"), "build.secrets", context)))
    build.secrets.push_back(SLIP_TRY(secret_of(run, request, text)));
  build.no_cache = flag_of(settings, "no-cache");
  build.pull = flag_of(settings, "pull");
  if (flag_of(settings, "push")) {
    if (build.tags.empty())
      return fail(ErrorCode::kInvalid, "build.push: nothing to push to; give tags");
    build.outputs.push_back({"image", "", {{"push", "true"}}});
  }
  build.network = request.job.network == pipeline::NetworkMode::kNone ? "none" : "default";
  build.limits.cpus = request.job.resources.cpus;
  build.limits.memory = request.job.resources.memory;
  if (request.job.resources.pids) build.limits.pids = *request.job.resources.pids;
  return build;
}

/// The reason in one line, the places in the log.
StepResult failed_step(BuildFailure failure, const std::string& prefix, StepBuildLog& log) {
  for (pipeline::SourceFile& source : failure.sources) {
    if (source.path.starts_with(prefix)) source.path.erase(0, prefix.size());
  }
  const std::string text =
      pipeline::render(failure.diagnostics, failure.sources, pipeline::Colour::kNo);
  for (const std::string_view line : split(trim(text), '\n')) log.say(std::string(line));
  const std::string reason =
      failure.diagnostics.empty() ? "the build failed" : failure.diagnostics.front().message;
  return {RunStatus::kFailed, failure.exit_code == 0 ? 1 : failure.exit_code, reason};
}

}  // namespace

Result<StepBuild> build_step_image(const RunContext& run, const JobState& state,
                                   const StepRequest& request) {
  BuildRequest build = SLIP_TRY(read_settings(run, state, request));
  const pipeline::EvalContext context = state.context(run);
  const Value& settings = request.step.settings;
  const std::string file = SLIP_TRY(setting_text(settings.find("file"), "build.file", context));
  const std::string where =
      SLIP_TRY(setting_text(settings.find("context"), "build.context", context));
  const PlacedContext placed = SLIP_TRY(place_context(state.work, where, file));
  build.context.context = placed.path;
  if (!file.empty()) build.context.dockerfile = placed.path + "/" + file;
  build.context.state_dir = run.store.root();

  const BuildPlace place{run.store, run.engine, run.images, run.network.networks(),
                         run.store.root()};
  StepBuildLog log(run, request);
  const DeadlineToken token(request.cancel, request.deadline);
  Result<BuildResult> built = runner::build(place, build, log, token.get());
  if (!built) return fail(token.explain(std::move(built).error()));
  StepBuild result;
  if (built->failure) {
    result.result = failed_step(*std::move(built->failure), placed.path + "/", log);
    return result;
  }
  if (!built->images.empty()) {
    const cachestore::Image& image = built->images.front().image;
    result.id = image.id.str();
    result.digest = built->digest ? built->digest->str() : image.manifest.str();
  }
  if (!build.tags.empty()) result.name = build.tags.front();
  log.say("built " + (result.name.empty() ? result.id : result.name + " " + result.digest) + ", " +
          std::to_string(built->cached) + " of " + std::to_string(built->steps) + " steps cached");
  return result;
}

}  // namespace slipway::runner
