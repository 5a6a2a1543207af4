// One stage: keys, look-ups, and what is done when nothing is found.
#include "runner/build/stage_solver.h"

#include <fcntl.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/archive.h"
#include "runner/build/run_instruction.h"
#include "runner/build/run_upper.h"
#include "sandbox/base_image.h"

namespace slipway::runner {
namespace {

using cachestore::Snapshot;
using cachestore::SnapshotKind;

Digest content_of_image(const cachestore::Image& image) {
  CacheKey key;
  for (const Digest& diff_id : image.diff_ids) key.add("layer", diff_id.str());
  return key.digest();
}

std::string describe(const pipeline::RunMount& mount) {
  static constexpr const char* kTypes[] = {"bind", "cache", "tmpfs", "secret", "ssh"};
  std::string text = kTypes[static_cast<int>(mount.type)];
  text += " target=" + mount.target + " source=" + mount.source + " from=" + mount.from +
          " id=" + mount.id + (mount.read_only ? " ro" : " rw");
  if (mount.env) text += " env=" + *mount.env;
  if (mount.mode) text += " mode=" + std::to_string(*mount.mode);
  if (mount.uid) text += " uid=" + std::to_string(*mount.uid);
  if (mount.gid) text += " gid=" + std::to_string(*mount.gid);
  if (mount.size) text += " size=" + std::to_string(mount.size->value);
  return text;
}

std::string failed_command(const std::vector<std::string>& argv, const sandbox::Outcome& outcome) {
  const std::string what = "process \"" + printable(join(argv, " ")) + "\"";
  if (outcome.kind == sandbox::Outcome::Kind::kExited)
    return what + " did not complete successfully: exit code: " + std::to_string(outcome.code);
  return what + " did not complete successfully: " + outcome.describe();
}

}  // namespace

StageSolver::StageSolver(PlatformBuild& build, std::size_t stage)
    : build_(build),
      state_(build.state_),
      index_(stage),
      stage_(build.graph_.stage(stage)),
      plan_(build.plans_.at(stage)) {}

std::optional<SolvedStage> StageSolver::run() {
  where_ = stage_.span;
  Status done = begin();
  for (std::size_t i = 0; done && i < plan_.steps.size(); ++i) done = solve_step(i);
  if (done) return std::move(result_);
  if (!trouble_) trouble_ = BuildTrouble{done.error().clone(), where_, 1, {}, {}};
  state_.fail_with(*std::move(trouble_));
  return std::nullopt;
}

Status StageSolver::begin() {
  if (state_.cancel.cancelled()) return fail(ErrorCode::kCancelled, "build: cancelled");
  if (stage_.base == GraphStage::Base::kStage) {
    result_ = *SLIP_TRY(build_.wait_for(stage_.base_stage));
    return {};
  }
  if (stage_.base == GraphStage::Base::kImage) {
    result_.base = build_.images_.at(index_);
    result_.stack = result_.base->layers;
    result_.content = content_of_image(*result_.base);
    if (const auto vertex = build_.base_vertices_.find(index_);
        vertex != build_.base_vertices_.end())
      state_.vertices.set(vertex->second, VertexState::kCached);
  } else {
    result_.content = Digest::of("scratch");
  }
  if (result_.stack.empty()) {
    result_.stack.push_back(SLIP_TRY(sandbox::empty_base(state_.place.store)));
    SLIP_TRY(state_.keep(result_.stack.back().id));
  }
  return {};
}

bool StageSolver::uses_cache() const {
  if (state_.request.no_cache) return false;
  const std::vector<std::string>& stages = state_.request.no_cache_stages;
  return std::none_of(stages.begin(), stages.end(), [&](const std::string& name) {
    return !name.empty() && to_lower(name) == stage_.name;
  });
}

Status StageSolver::solve_step(std::size_t index) {
  const PlannedStep& step = plan_.steps[index];
  const std::size_t vertex = build_.step_vertices_.at(index_)[index];
  where_ = step.written->instruction.span;
  if (state_.cancel.cancelled()) return fail(ErrorCode::kCancelled, "build: cancelled");
  const auto solve = [&]() -> Status {
    const Inputs inputs = SLIP_TRY(open_inputs(step));
    const CacheKey key = SLIP_TRY(key_of(step, inputs));
    const Digest digest = key.digest();
    const auto turn = state_.flights.enter(digest);
    Snapshot snapshot;
    std::optional<BuildStepRecord> record = SLIP_TRY(find(digest, snapshot));
    const bool cached = record.has_value();
    if (!cached) {
      state_.vertices.set(vertex, VertexState::kRunning);
      record = SLIP_TRY(make(index, inputs, key, snapshot));
      SLIP_TRY(state_.records.put_step(digest, *record));
    }
    SLIP_TRY(state_.keep(snapshot.id));
    note_done(index, digest, *record, cached);
    take(index, *record, std::move(snapshot));
    state_.vertices.set(vertex, cached ? VertexState::kCached : VertexState::kDone);
    return {};
  };
  Status solved = solve();
  if (!solved) {
    const bool cancelled = solved.error().code() == ErrorCode::kCancelled;
    state_.vertices.set(vertex, cancelled ? VertexState::kCancelled : VertexState::kFailed,
                        state_.mask.mask(solved.error().text()));
  }
  return solved;
}

Result<ReadTree> StageSolver::open_source(const FileSource& source, Inputs& inputs) {
  if (source.kind == FileSource::Kind::kContext) return ReadTree{state_.context.tree.get(), ""};
  if (source.kind == FileSource::Kind::kNamedContext) {
    std::shared_ptr<BuildContext> context = SLIP_TRY(state_.named_context(source.name));
    const ReadTree tree{context->tree.get(), ""};
    inputs.held.push_back(std::move(context));
    return tree;
  }
  const SolvedStage* stage = SLIP_TRY(build_.wait_for(source.stage));
  std::shared_ptr<InputTree> tree = SLIP_TRY(build_.tree_of(source.stage));
  const ReadTree read{tree.get(), join(stage->ids(), " ")};
  inputs.held.push_back(std::move(tree));
  return read;
}

Result<StageSolver::Inputs> StageSolver::open_inputs(const PlannedStep& step) {
  Inputs inputs;
  const std::vector<FileSource>& sources = step.written->sources;
  if (step.kind == PlannedStep::Kind::kCopy) {
    const ReadTree from =
        SLIP_TRY(open_source(sources.empty() ? FileSource{} : sources.front(), inputs));
    inputs.copy = SLIP_TRY(open_copy_inputs(state_, step.copy, from));
  }
  for (std::size_t i = 0; i < step.run.mounts.size(); ++i) {
    const pipeline::RunMount& mount = step.run.mounts[i];
    const bool reads = mount.type == pipeline::RunMount::Type::kBind ||
                       (mount.type == pipeline::RunMount::Type::kCache && !mount.from.empty());
    const ReadTree tree = reads ? SLIP_TRY(open_source(sources[i], inputs)) : ReadTree{};
    inputs.mounts.push_back({tree.tree});
    inputs.mount_trees.push_back(tree);
  }
  return inputs;
}

Result<CacheKey> StageSolver::key_of(const PlannedStep& step, const Inputs& inputs) {
  CacheKey key;
  const bool stands_alone = step.kind == PlannedStep::Kind::kCopy && step.copy.link;
  if (!stands_alone) key.add("files below", result_.content.str());
  if (state_.epoch && state_.request.rewrite_timestamps)
    key.add("SOURCE_DATE_EPOCH", format_rfc3339(*state_.epoch));
  switch (step.kind) {
    case PlannedStep::Kind::kRun:
      SLIP_TRY(add_run_parts(step, inputs, key));
      break;
    case PlannedStep::Kind::kCopy:
      SLIP_TRY(add_copy_parts(state_, step, inputs.copy, result_.lowers(), key));
      break;
    case PlannedStep::Kind::kWorkdir:
      key.add("instruction", "WORKDIR");
      key.add("directory", step.workdir);
      key.add("user", step.user);
      break;
  }
  return key;
}

Status StageSolver::add_run_parts(const PlannedStep& step, const Inputs& inputs, CacheKey& key) {
  key.add("instruction", "RUN");
  key.add("platform", stage_.platform.str());
  Json command{Json::Array{}};
  for (const std::string& word : step.run.argv) command.push(word);
  key.add("command", command.dump());
  if (!step.run.script.empty()) key.add("here-document", step.run.script);
  for (const auto& [name, value] : step.variables) key.add("variable " + name, value);
  key.add("user", step.user);
  key.add("working directory", step.workdir);
  const pipeline::RunSettings::Network network = step.run.network;
  key.add("network", network == pipeline::RunSettings::Network::kDefault ? state_.request.network
                     : network == pipeline::RunSettings::Network::kNone  ? "none"
                                                                         : "host");
  if (step.run.insecure) key.add("security", "insecure");
  for (const auto& [name, address] : state_.request.extra_hosts) key.add("host " + name, address);
  for (std::size_t i = 0; i < step.run.mounts.size(); ++i) {
    const pipeline::RunMount& mount = step.run.mounts[i];
    key.add("mount " + mount.target, describe(mount));
    if (mount.type != pipeline::RunMount::Type::kBind) continue;
    Selection selection;
    selection.sources = {mount.source.empty() ? "/" : mount.source};
    key.add("files of mount " + mount.target,
            SLIP_TRY(selection_digest(state_, inputs.mount_trees[i], selection)).str());
  }
  return {};
}

Result<std::optional<BuildStepRecord>> StageSolver::find(const Digest& key, Snapshot& snapshot) {
  if (!uses_cache()) return std::optional<BuildStepRecord>();
  if (auto record = state_.records.find_step(key)) {
    Result<Snapshot> found = state_.place.store.get(record->snapshot);
    if (found) {
      snapshot = *std::move(found);
      return record;
    }
    if (found.error().code() != ErrorCode::kNotFound) return fail(std::move(found).error());
  }
  return find_imported(key, snapshot);
}

Result<std::optional<BuildStepRecord>> StageSolver::find_imported(const Digest& key,
                                                                  Snapshot& snapshot) {
  const auto known = state_.imported_keys.find(key.str());
  if (known == state_.imported_keys.end()) return std::optional<BuildStepRecord>();
  const ImportedCache& cache = state_.imported[known->second.first];
  const CacheRecord& record = cache.records[known->second.second];
  Result<Snapshot> fetched = fetch_cached_layer(state_.place, cache, record, state_.cancel);
  if (!fetched) {
    if (fetched.error().code() == ErrorCode::kCancelled) return fail(std::move(fetched).error());
    state_.vertices.note("cache from " + cache.from.type + ": " + fetched.error().text());
    return std::optional<BuildStepRecord>();
  }
  snapshot = *std::move(fetched);
  const Result<Digest> content = Digest::parse(record.metadata["content"].string_or(""));
  BuildStepRecord step;
  step.snapshot = snapshot.id;
  step.content = content.value_or(key);
  step.created = WallTime(std::chrono::milliseconds(record.metadata["created"].int_or(0)));
  SLIP_TRY(state_.records.put_step(key, step));
  return std::optional<BuildStepRecord>(std::move(step));
}

Result<BuildStepRecord> StageSolver::make(std::size_t index, const Inputs& inputs,
                                          const CacheKey& key, Snapshot& snapshot) {
  const PlannedStep& step = plan_.steps[index];
  cachestore::Draft draft = SLIP_TRY(state_.place.store.begin());
  const std::vector<std::string> lowers = result_.lowers();
  const std::optional<WallTime> clamp =
      state_.request.rewrite_timestamps ? state_.epoch : std::nullopt;
  if (step.kind == PlannedStep::Kind::kRun) {
    SLIP_TRY(run_command(index, inputs, draft));
    if (clamp) SLIP_TRY(clamp_times(draft.upper(), *clamp));
  } else {
    SLIP_TRY(begin_upper(lowers, draft.upper()));
    if (step.kind == PlannedStep::Kind::kCopy) {
      SLIP_TRY(copy_instruction(state_, step, inputs.copy, lowers, draft.upper()));
    } else {
      SLIP_TRY(make_workdir(step.workdir, step.user, lowers, draft.upper(), clamp));
    }
  }
  const bool untouched = SLIP_TRY(upper_is_untouched(lowers, draft.upper()));
  snapshot = SLIP_TRY(state_.place.store.commit(std::move(draft), SnapshotKind::kStep, "", Json(),
                                                cachestore::Durability::kRelaxed));
  BuildStepRecord record;
  record.snapshot = snapshot.id;
  record.content = SLIP_TRY(content_after(step, key, snapshot, untouched));
  record.created = state_.epoch.value_or(real_clock().wall());
  record.parts = key.parts();
  return record;
}

// What a command wrote is named by the snapshot that it made: run again, it may write something else, and nothing that
// stood on the old files may then be taken for standing on the new ones. Times that are clamped make equal outputs
// equal; copying gives the same for the same key.
Result<Digest> StageSolver::content_after(const PlannedStep& step, const CacheKey& key,
                                          const Snapshot& snapshot, bool untouched) {
  if (untouched) return result_.content;
  CacheKey content;
  content.add("files below", result_.content.str());
  if (step.kind != PlannedStep::Kind::kRun) {
    content.add("step", key.digest().str());
  } else if (state_.epoch && state_.request.rewrite_timestamps) {
    const Fd directory = SLIP_TRY(open_file(snapshot.path, O_RDONLY | O_DIRECTORY));
    content.add("layer", SLIP_TRY(cachestore::layer_diff_id(directory.get(), state_.cancel)).str());
  } else {
    content.add("snapshot", snapshot.id);
  }
  return content.digest();
}

Status StageSolver::run_command(std::size_t index, const Inputs& inputs, cachestore::Draft& draft) {
  const PlannedStep& step = plan_.steps[index];
  const std::vector<std::string> lowers = result_.lowers();
  const std::size_t vertex = build_.step_vertices_.at(index_)[index];
  const RunResult ran =
      SLIP_TRY(run_instruction(state_, {step, lowers, draft, inputs.mounts, vertex}));
  if (ran.outcome.success()) return {};
  if (ran.outcome.kind == sandbox::Outcome::Kind::kCancelled)
    return fail(ErrorCode::kCancelled, "RUN: cancelled");
  Error error(ErrorCode::kInvalid, failed_command(step.run.argv, ran.outcome));
  BuildTrouble trouble{error.clone(), where_, ran.outcome.shell_code(), ran.last_lines, {}};
  // What the command left is kept, so that somebody can look at it.
  Result<Snapshot> left = state_.place.store.commit(std::move(draft), SnapshotKind::kStep, "",
                                                    Json(), cachestore::Durability::kRelaxed);
  if (left) {
    Json stack{Json::Array{}};
    for (const std::string& id : result_.ids()) stack.push(id);
    stack.push(left->id);
    Json environment{Json::Array{}};
    for (const auto& [name, value] : step.variables)
      environment.push(state_.mask.mask(name + "=" + value));
    Json command{Json::Array{}};
    for (const std::string& word : step.run.argv) command.push(word);
    trouble.debug = Json::object({{"step", step.name},
                                  {"stack", stack},
                                  {"env", environment},
                                  {"cwd", step.workdir},
                                  {"user", step.user},
                                  {"command", command},
                                  {"exit_code", ran.outcome.shell_code()}});
  }
  trouble_ = std::move(trouble);
  return fail(std::move(error));
}

void StageSolver::take(std::size_t index, const BuildStepRecord& record, Snapshot snapshot) {
  result_.layers.push_back({plan_.steps[index].history, snapshot.id, record.created});
  result_.stack.push_back(std::move(snapshot));
  result_.content = record.content;
}

std::string StageSolver::place_of(std::size_t index) const {
  return stage_.platform.str() + " " +
         (stage_.title.empty() ? std::to_string(index_) : stage_.title) + " " +
         std::to_string(index);
}

void StageSolver::note_done(std::size_t index, const Digest& key, const BuildStepRecord& record,
                            bool cached) {
  BuildState::DoneStep done;
  done.place = place_of(index);
  done.name = plan_.steps[index].name;
  done.key = key;
  done.record = record;
  done.cached = cached;
  done.in_target = build_.graph_.is_below_target(index_);
  if (!cached) {
    const auto before = state_.last_parts.find(done.place);
    if (!uses_cache()) {
      done.why = "the cache was switched off";
    } else if (before == state_.last_parts.end()) {
      done.why = "no earlier build of this Dockerfile had this step";
    } else {
      done.why = first_difference(before->second, record.parts);
      if (done.why.empty()) done.why = "nothing changed; its result was pruned";
    }
  }
  state_.done.with([&](auto& all) { all.push_back(std::move(done)); });
}

}  // namespace slipway::runner
