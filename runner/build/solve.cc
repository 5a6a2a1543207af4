// build(): one call from a context to images, outputs and records. What happens within a stage is in stage_solver.cc.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "cachestore/archive.h"
#include "runner/build/build.h"
#include "runner/build/build_state.h"
#include "runner/build/platform_build.h"
#include "runner/build/provenance.h"
#include "runner/build/result_image.h"
#include "runner/build/sweep_records.h"

namespace slipway::runner {
namespace {

using Platforms = std::vector<std::unique_ptr<PlatformBuild>>;

// Stages wait more than they compute: commands run in containers, whose work the kernel spreads over the cores.
constexpr std::size_t kMaxThreads = 32;

/// A problem that somebody can mend in the Dockerfile, the context or the command line; the rest is the engine's.
bool is_failure(const BuildTrouble& trouble) {
  const ErrorCode code = trouble.error.code();
  if (code == ErrorCode::kCancelled || code == ErrorCode::kInternal) return false;
  return trouble.span.valid() || code == ErrorCode::kInvalid || code == ErrorCode::kNotFound;
}

/// Spec: Dockerfile reference, "Predefined ARGs" and "BuildKit built-in build args".
bool is_predefined_argument(const std::string& name) {
  const std::string lower = to_lower(name);
  for (const char* proxy : {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"}) {
    if (lower == proxy) return true;
  }
  return name == "SOURCE_DATE_EPOCH" || name.starts_with("BUILDKIT_") ||
         name.starts_with("TARGET") || name.starts_with("BUILDPLATFORM") ||
         name.starts_with("BUILDOS") || name.starts_with("BUILDARCH") ||
         name.starts_with("BUILDVARIANT");
}

/// "20261124-193015-042-9f3c": sorts by time, and builds follow each other faster than a second.
std::string new_build_id() {
  const std::string time = format_rfc3339(real_clock().wall());  // 2026-11-24T19:30:15.042Z
  std::string id;
  for (const char c : time) {
    if (c >= '0' && c <= '9') id += c;
    if (c == 'T' || c == '.') id += '-';
  }
  return id + "-" + random_hex(2);
}

/// Everything of one build.
class Build {
 public:
  Build(const BuildPlace& place, const BuildRequest& request, Vertices& vertices,
        const CancelToken& cancel)
      : state_(place, request, vertices, cancel), outer_(cancel) {
    state_.id = new_build_id();
  }

  Result<BuildResult> run(BuildObserver& observer) {
    SLIP_TRY(read_options());
    Result<BuildContext> context =
        open_context(state_.place.store, state_.request.context, state_.cancel);
    if (!context) return fail(std::move(context).error());
    state_.context = *std::move(context);
    state_.dockerfile = pipeline::parse_dockerfile(state_.context.dockerfile);
    if (pipeline::has_errors(state_.dockerfile.diagnostics)) return broken_file();
    if (auto stopped = check()) return *std::move(stopped);
    if (state_.dockerfile.stages.empty()) return no_stage();
    SLIP_TRY(read_epoch());
    read_last();
    import_caches(observer);
    if (!plan() || !solve()) return give_up();
    return finish(observer);
  }

 private:
  Status read_options() {
    for (const std::string& tag : state_.request.tags) {
      cachestore::Reference name = SLIP_TRY(cachestore::Reference::parse(tag));
      if (name.digest) {
        return fail(
            ErrorCode::kInvalid,
            "tag " + printable(tag) + ": a digest cannot be given to what is yet to be built");
      }
      names_.push_back(std::move(name));
    }
    for (const BuildSecret& secret : state_.request.secrets) {
      if (const Status added = state_.mask.add(secret.id, secret.value); !added)
        state_.vertices.note(added.error().text());
    }
    return {};
  }

  Status read_epoch() {
    std::optional<std::string> text = state_.request.source_date_epoch;
    for (const pipeline::Instruction& instruction : state_.dockerfile.global_args) {
      for (const pipeline::Assignment& one : instruction.assignments) {
        if (one.name == "SOURCE_DATE_EPOCH" && one.value && !text) text = one.value;
      }
    }
    for (const auto& [name, value] : state_.request.args) {
      if (name == "SOURCE_DATE_EPOCH") text = value;
    }
    if (!text || text->empty()) return {};
    const auto seconds = parse_int(*text);
    if (!seconds || *seconds < 0) {
      return fail(ErrorCode::kInvalid,
                  "read SOURCE_DATE_EPOCH=" + printable(*text) + ": seconds since 1970 are wanted");
    }
    state_.epoch = WallTime(std::chrono::seconds(*seconds));
    return {};
  }

  BuildResult failed(std::vector<pipeline::Diagnostic> diagnostics) const {
    BuildResult result;
    result.steps = state_.vertices.steps();
    result.cached = state_.vertices.cached();
    BuildFailure failure;
    failure.diagnostics = std::move(diagnostics);
    failure.sources = state_.dockerfile.sources;
    result.failure = std::move(failure);
    return result;
  }

  BuildResult broken_file() const {
    std::vector<pipeline::Diagnostic> errors;
    for (const pipeline::Diagnostic& one : state_.dockerfile.diagnostics) {
      if (one.severity == pipeline::Severity::kError) errors.push_back(one);
    }
    return failed(std::move(errors));
  }

  BuildResult no_stage() const {
    pipeline::Diagnostic nothing;
    nothing.message = "read " + state_.context.dockerfile.path + ": no FROM, so nothing to build";
    return failed({nothing});
  }

  std::optional<BuildResult> check() {
    pipeline::CheckRequest request;
    request.build_args = state_.request.args;
    request.target = state_.request.target;
    request.platform = cachestore::Platform::host().str();
    request.ignore = &state_.context.ignore;
    request.environment =
        [this](const std::string& name) -> std::optional<std::vector<std::string>> {
      Result<cachestore::Image> image = state_.place.store.image(name);
      if (!image) return std::nullopt;
      return std::move(image->config.env);
    };
    std::vector<pipeline::Diagnostic> found;
    for (const pipeline::LintFinding& finding : pipeline::lint(state_.dockerfile, request)) {
      state_.vertices.warning(finding);
      found.push_back(finding.diagnostic);
    }
    if (found.empty() || !state_.dockerfile.checks_are_errors) return std::nullopt;
    for (pipeline::Diagnostic& one : found) one.severity = pipeline::Severity::kError;
    return failed(std::move(found));
  }

  /// Which Dockerfile this is, for comparing with the build before.
  Digest subject() const {
    CacheKey key;
    const std::string& context = state_.request.context.context;
    const bool relative = !context.starts_with('/') && context.find("://") == std::string::npos;
    std::string directory;
    if (char* here = relative ? ::get_current_dir_name() : nullptr) {
      directory = here;
      ::free(here);
    }
    key.add("directory", directory);
    key.add("context", context);
    key.add("dockerfile", state_.context.dockerfile.path);
    key.add("target", state_.request.target);
    return key.digest();
  }

  void read_last() {
    const auto last = state_.records.find_last(subject());
    if (!last) return;
    for (const Json& step : last->items())
      state_.last_parts[std::string(step["place"].string_or(""))] =
          CacheKey::parts_of(step["parts"]);
  }

  void import_caches(BuildObserver& observer) {
    for (const CacheEndpoint& from : state_.request.cache_from) {
      Result<ImportedCache> imported = import_cache(state_.place, from, observer, state_.cancel);
      if (!imported) {
        state_.vertices.note("cache from " + from.type + ": " + imported.error().text());
        continue;
      }
      const std::size_t number = state_.imported.size();
      for (std::size_t i = 0; i < imported->records.size(); ++i)
        state_.imported_keys.emplace(imported->records[i].key, std::make_pair(number, i));
      state_.imported.push_back(*std::move(imported));
    }
  }

  bool plan() {
    std::vector<cachestore::Platform> wanted = state_.request.platforms;
    const bool given = !wanted.empty();
    if (wanted.empty()) wanted.push_back(cachestore::Platform::host());
    for (const cachestore::Platform& platform : wanted) {
      builds_.push_back(
          std::make_unique<PlatformBuild>(state_, platform, given, wanted.size() > 1));
      if (!builds_.back()->plan()) return false;
    }
    say_network();
    say_unused_arguments();
    return true;
  }

  // Each stage comes after those it uses, so whoever waits waits for somebody that has been taken already: no number of
  // threads can lock itself up.
  bool solve() {
    std::vector<std::pair<PlatformBuild*, std::size_t>> work;
    for (const auto& build : builds_) {
      for (const std::size_t stage : build->order()) work.emplace_back(build.get(), stage);
    }
    std::atomic<std::size_t> next{0};
    std::atomic<bool> good{true};
    const auto take = [&] {
      for (std::size_t i = next++; i < work.size(); i = next++) {
        if (!work[i].first->solve(work[i].second)) good = false;
      }
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < std::min(kMaxThreads, work.size()); ++i) threads.emplace_back(take);
    take();
    for (std::thread& thread : threads) thread.join();
    return good;
  }

  Result<BuildResult> give_up() {
    state_.vertices.cancel_rest();
    std::optional<BuildTrouble> trouble =
        state_.trouble.with([](auto& first) { return std::move(first); });
    if (outer_.cancelled()) return fail(ErrorCode::kCancelled, "build: cancelled");
    if (!trouble) return fail(ErrorCode::kInternal, "build: a stage failed without saying why");
    if (!is_failure(*trouble)) return fail(std::move(trouble->error));
    pipeline::Diagnostic diagnostic;
    diagnostic.span = trouble->span;
    diagnostic.message = printable(state_.mask.mask(trouble->error.text()));
    BuildResult result = failed({});
    result.failure->exit_code = trouble->exit_code;
    result.failure->last_lines = std::move(trouble->last_lines);
    if (!trouble->debug.is_null()) result.failure->debug_target = state_.id;
    result.failure->diagnostics = {diagnostic};
    SLIP_TRY(write_records(&*trouble));
    return result;
  }

  /// --build-arg of a name that nothing declares is a slip more often than not.
  void say_unused_arguments() {
    std::vector<std::string> declared;
    const auto add = [&](const pipeline::Instruction& instruction) {
      if (instruction.kind != pipeline::InstructionKind::kArg) return;
      for (const pipeline::Assignment& one : instruction.assignments) declared.push_back(one.name);
    };
    for (const pipeline::Instruction& instruction : state_.dockerfile.global_args) add(instruction);
    for (const pipeline::DockerStage& stage : state_.dockerfile.stages) {
      for (const pipeline::Instruction& instruction : stage.instructions) add(instruction);
    }
    std::vector<std::string> unused;
    for (const auto& [name, value] : state_.request.args) {
      const bool known = std::find(declared.begin(), declared.end(), name) != declared.end();
      if (!known && !is_predefined_argument(name)) unused.push_back(printable(name));
    }
    if (unused.empty()) return;
    state_.vertices.note("build arguments that no ARG declares: " + join(unused, ", "));
  }

  // What a machine without networks means is said once, and only where a command would want one.
  void say_network() {
    const bool wanted = state_.request.network != "none" && state_.place.networks == nullptr;
    for (const auto& build : builds_) {
      if (!wanted || !build->has_run()) continue;
      state_.vertices.note("RUN has no network but loopback: this machine has none for builds");
      return;
    }
  }

  Status write_records(const BuildTrouble* trouble) {
    Json steps{Json::Array{}};
    Json shown{Json::Array{}};
    std::size_t made = 0;
    state_.done.with([&](auto& all) {
      for (const BuildState::DoneStep& done : all) {
        CacheKey parts;
        for (const auto& [name, value] : done.record.parts) parts.add(name, value);
        steps.push(Json::object({{"place", done.place}, {"parts", parts.to_json()}}));
        shown.push(Json::object({{"name", done.name},
                                 {"key", done.key.str()},
                                 {"snapshot", done.record.snapshot},
                                 {"cached", done.cached},
                                 {"why", done.why}}));
        if (!done.cached) made++;
      }
    });
    if (made == 0 && trouble == nullptr)
      return {};  // Nothing to say that the build before did not.
    if (trouble == nullptr) SLIP_TRY(state_.records.put_last(subject(), steps));
    sweep_records(state_.place.store, state_.place.state_dir);
    Json record = Json::object({{"id", state_.id},
                                {"dockerfile", state_.context.dockerfile.path},
                                {"context", state_.request.context.context},
                                {"target", state_.request.target},
                                {"time", format_rfc3339(real_clock().wall())},
                                {"steps", shown}});
    if (trouble != nullptr) {
      record.set("error", state_.mask.mask(trouble->error.text()));
      record.set("failed", trouble->debug);
    }
    return state_.records.put_build(state_.id, record);
  }

  bool makes_images() const {
    const std::vector<BuildOutput>& outputs = state_.request.outputs;
    return outputs.empty() || std::any_of(outputs.begin(), outputs.end(),
                                          [](const auto& one) { return one.type != "cacheonly"; });
  }

  bool names_images() const {
    const std::vector<BuildOutput>& outputs = state_.request.outputs;
    return outputs.empty() || std::any_of(outputs.begin(), outputs.end(),
                                          [](const auto& one) { return one.type == "image"; });
  }

  Result<BuildResult> finish(BuildObserver& observer) {
    BuildResult result;
    SLIP_TRY(write_records(nullptr));
    if (makes_images()) {
      for (const auto& build : builds_) {
        BuiltImage built;
        built.image = SLIP_TRY(make_result_image(state_, *build));
        built.platform = build->platform();
        result.images.push_back(std::move(built));
      }
    }
    if (!result.images.empty() && names_images())
      SLIP_TRY(name_image(state_, named_one(result.images).image, names_));
    if (!state_.request.outputs.empty()) {
      ExportRequest request{state_.request, result.images,
                            builds_.front()->target_result().lowers(), Json()};
      if (!state_.request.provenance.empty()) request.provenance = make_provenance(state_, builds_);
      for (const CacheEndpoint& to : state_.request.cache_to) {
        if (to.type == "inline") request.inline_cache = SLIP_TRY(cache_records(false));
      }
      result.digest = SLIP_TRY(export_build(state_.place, request, observer, state_.cancel));
    }
    SLIP_TRY(export_caches());
    result.steps = state_.vertices.steps();
    result.cached = state_.vertices.cached();
    result.metadata = metadata(result);
    return result;
  }

  /// Under one name there is one image: this machine's, where it is among them.
  static const BuiltImage& named_one(const std::vector<BuiltImage>& images) {
    for (const BuiltImage& image : images) {
      if (image.platform == cachestore::Platform::host()) return image;
    }
    return images.front();
  }

  Status export_caches() {
    if (state_.request.cache_to.empty()) return {};
    for (const CacheEndpoint& to : state_.request.cache_to) {
      const auto mode = std::find_if(to.attributes.begin(), to.attributes.end(),
                                     [](const auto& one) { return one.first == "mode"; });
      const bool all = mode != to.attributes.end() && mode->second == "max";
      if (to.type == "inline") continue;  // it is in the image
      const std::vector<CacheRecord> records = SLIP_TRY(cache_records(all));
      SLIP_TRY(export_cache(state_.place, to, records, state_.cancel));
    }
    return {};
  }

  /// Of the target's steps, or of all.
  Result<std::vector<CacheRecord>> cache_records(bool all) {
    std::vector<CacheRecord> records;
    const std::vector<BuildState::DoneStep> done =
        state_.done.with([](auto& steps) { return steps; });
    for (const BuildState::DoneStep& step : done) {
      if (all || step.in_target) records.push_back(SLIP_TRY(cache_record(step)));
    }
    return records;
  }

  Result<CacheRecord> cache_record(const BuildState::DoneStep& step) {
    CacheRecord record;
    record.key = step.key.str();
    record.snapshot = step.record.snapshot;
    const auto snapshot = SLIP_TRY(state_.place.store.get(step.record.snapshot));
    const Fd directory = SLIP_TRY(open_file(snapshot.path, O_RDONLY | O_DIRECTORY));
    record.diff_id = SLIP_TRY(cachestore::layer_diff_id(directory.get(), state_.cancel));
    const auto created = std::chrono::duration_cast<std::chrono::milliseconds>(
        step.record.created.time_since_epoch());
    record.metadata =
        Json::object({{"content", step.record.content.str()}, {"created", created.count()}});
    return record;
  }

  Json metadata(const BuildResult& result) const {
    Json json = Json::object();
    if (result.images.empty()) return json;
    const cachestore::Image& image = named_one(result.images).image;
    json.set("containerimage.config.digest", image.id.str());
    json.set("containerimage.digest", result.digest.value_or(image.manifest).str());
    if (!state_.request.tags.empty()) json.set("image.name", join(state_.request.tags, ","));
    json.set("slipway.build.ref", state_.id);
    return json;
  }

  BuildState state_;
  CancelToken outer_;
  std::vector<cachestore::Reference> names_;
  Platforms builds_;
};

}  // namespace

Result<BuildResult> build(const BuildPlace& place, const BuildRequest& request,
                          BuildObserver& observer, const CancelToken& cancel) {
  Vertices vertices(observer);
  Build one(place, request, vertices, cancel);
  return one.run(observer);
}

}  // namespace slipway::runner
