// From `cache:` to keys, globs and layers. What a cache is: runner/cache.
#include "runner/execute/job_caches.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "runner/execute/artifacts.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kMaxKey = 512;     // GitLab takes 255, GitHub 512
constexpr std::size_t kHashDigits = 40;  // as GitLab's key of files

bool writes(pipeline::CachePolicy policy) { return policy != pipeline::CachePolicy::kPull; }
bool reads(pipeline::CachePolicy policy) { return policy != pipeline::CachePolicy::kPush; }

bool is_due(pipeline::ArtifactsWhen when, RunStatus status) {
  const bool ok = counts_as_success(status);
  return when == pipeline::ArtifactsWhen::kAlways ||
         (when == pipeline::ArtifactsWhen::kOnSuccess) == ok;
}

/// Layers that steps of this job wrote; what was put under them before is the checkout's, other jobs' or a cache's.
std::vector<cachestore::Snapshot> layers_of_steps(const Stack& work) {
  std::vector<cachestore::Snapshot> layers;
  for (const cachestore::Snapshot& snapshot : work.snapshots()) {
    const bool of_step = snapshot.kind == cachestore::SnapshotKind::kStep ||
                         snapshot.metadata["memo"].bool_or(false);
    if (of_step && snapshot.metadata["artifacts"].is_null()) layers.push_back(snapshot);
  }
  return layers;
}

std::string size_text(std::uint64_t files, std::uint64_t bytes) {
  return std::to_string(files) + (files == 1 ? " file, " : " files, ") +
         format_size(ByteCount{bytes});
}

Result<pipeline::CachePolicy> policy_of(const pipeline::CachePlan& plan) {
  if (plan.policy_text.empty()) return plan.policy;
  static constexpr std::pair<std::string_view, pipeline::CachePolicy> kWords[] = {
      {"pull", pipeline::CachePolicy::kPull},
      {"push", pipeline::CachePolicy::kPush},
      {"pull-push", pipeline::CachePolicy::kBoth}};
  for (const auto& [word, policy] : kWords) {
    if (word == plan.policy_text) return policy;
  }
  return fail(ErrorCode::kInvalid,
              "policy " + printable(plan.policy_text) + ": not pull, push or pull-push");
}

}  // namespace

JobCaches::JobCaches(const RunContext& run, const pipeline::JobPlan& job) : run_(run), job_(job) {}

void JobCaches::say(const std::string& text) const {
  Event event;
  event.kind = Event::Kind::kLog;
  event.job = job_.instance;
  event.stream = "slipway";
  event.line = text;
  run_.events.emit(std::move(event));
}

Result<JobCaches::Cache> JobCaches::settle(const pipeline::CachePlan& plan,
                                           const JobState& state) const {
  Cache cache;
  cache.plan = &plan;
  cache.policy = SLIP_TRY(policy_of(plan));
  cache.key = SLIP_TRY_WITHIN("evaluate key", plan.key.evaluate_text(state.context(run_)));
  if (!plan.key_files.empty()) {
    const std::string hash = SLIP_TRY(run_.host.hash_files(plan.key_files));
    cache.key +=
        (cache.key.empty() ? "" : "-") + (hash.empty() ? "default" : hash.substr(0, kHashDigits));
  }
  if (cache.key.empty() || cache.key.size() > kMaxKey)
    return fail(
        ErrorCode::kInvalid,
        std::string("its key ") + (cache.key.empty() ? "is empty" : "has more than 512 bytes"));
  std::vector<std::string> patterns;
  for (const std::string& path : plan.paths) {
    if (path.starts_with('/') || path.starts_with('~')) {
      run_.notice("cache: " + printable(path) + " is outside of the workspace and not kept",
                  job_.instance);
      continue;
    }
    patterns.push_back(path);
  }
  cache.paths = SLIP_TRY(GlobList::compile(without_dot_slash(std::move(patterns))));
  return cache;
}

void JobCaches::restore(JobState& state) {
  for (const pipeline::CachePlan& plan : job_.caches) {
    if (const Status done = restore_one(plan, state); !done)
      run_.notice("cache: " + done.error().text(), job_.instance);
  }
}

Status JobCaches::restore_one(const pipeline::CachePlan& plan, JobState& state) {
  const MonoTime start = real_clock().mono();
  Cache& cache = caches_.emplace_back(SLIP_TRY(settle(plan, state)));
  if (!reads(cache.policy)) return {};
  std::vector<std::string> fallbacks;
  for (const pipeline::Template& fallback : plan.fallback)
    fallbacks.push_back(
        SLIP_TRY_WITHIN("evaluate fallback", fallback.evaluate_text(state.context(run_))));
  cache.hit = SLIP_TRY(run_.caches.find(run_.cache_scopes, cache.key, fallbacks));
  if (!cache.hit) {
    say("cache " + printable(cache.key) + ": nothing is kept yet");
    return {};
  }
  for (const cachestore::Snapshot& layer : cache.hit->layers) state.work.push(layer);
  const auto took = std::chrono::duration_cast<Millis>(real_clock().mono() - start);
  say("cache " + printable(cache.hit->entry.key) +
      " restored: " + size_text(cache.hit->entry.files(), cache.hit->entry.bytes()) + " in " +
      std::to_string(took.count()) + " ms");
  return {};
}

bool JobCaches::tracked(std::string_view path) const {
  struct stat info {};
  const std::string there = run_.workspace.snapshot.path + "/" + std::string(path);
  return ::lstat(there.c_str(), &info) == 0 && !S_ISDIR(info.st_mode);
}

void JobCaches::save(const JobState& state, RunStatus status) {
  const std::vector<cachestore::Snapshot> layers = layers_of_steps(state.work);
  for (const Cache& cache : caches_) {
    if (!writes(cache.policy) || !is_due(cache.plan->when, status)) continue;
    if (const Status done = save_one(cache, layers); !done)
      run_.notice("cache " + printable(cache.key) + " is not kept: " + done.error().text(),
                  job_.instance);
  }
}

Status JobCaches::save_one(const Cache& cache,
                           const std::vector<cachestore::Snapshot>& layers) const {
  const MonoTime start = real_clock().mono();
  CacheSave request;
  request.key = cache.key;
  request.paths = cache.plan->paths;
  request.base = cache.hit ? &*cache.hit : nullptr;
  request.changes = layers;
  request.wanted = [&](std::string_view path) {
    if (path == ".git" || path.starts_with(".git/")) return false;
    return cache.paths.matches(path) || (cache.plan->untracked && !tracked(path));
  };
  const CacheSaved saved = SLIP_TRY(run_.caches.save(run_.cache_scopes, request, run_.cancel));
  if (!saved.changed) {
    say("cache " + printable(cache.key) + ": nothing new to keep");
    return {};
  }
  const auto took = std::chrono::duration_cast<Millis>(real_clock().mono() - start);
  say("cache " + printable(cache.key) + " kept: " + size_text(saved.files, saved.bytes) +
      " new in " + std::to_string(took.count()) + " ms" +
      (saved.evicted > 0 ? "; " + std::to_string(saved.evicted) + " older ones made room" : ""));
  return {};
}

}  // namespace slipway::runner
