// `runner __complete`: what the completion scripts ask. Looks up images, jobs, steps and runs; trouble means no answer.
#include <fcntl.h>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/store.h"
#include "runner/cli/commands.h"
#include "runner/cli/completion.h"
#include "runner/cli/console.h"
#include "runner/docker_json.h"
#include "runner/execute/exec.h"
#include "runner/execute/journal.h"

namespace slipway::runner {
namespace {

void add(std::vector<Candidate>& out, std::string word, std::string meaning) {
  out.push_back({std::move(word), std::move(meaning)});
}

void look_up_images(const Invocation& invocation, std::vector<Candidate>& out) {
  add(out, "host", "this machine's own tools");
  const Result<std::shared_ptr<cachestore::Store>> store =
      cachestore::Store::open({state_dir(invocation), {}, false});
  if (!store) return;
  const Result<std::vector<cachestore::Image>> images = (*store)->images();
  if (!images) return;
  for (const cachestore::Image& image : *images) {
    for (const cachestore::Reference& name : image.names)
      add(out, name.familiar(), format_size(image.size));
  }
}

/// Without opening the engine: names alone, and a shell waits.
void look_up_containers(const Invocation& invocation, std::vector<Candidate>& out) {
  const std::string names = state_dir(invocation) + "/containers/by-name";
  const Result<Fd> directory = open_file(names, O_RDONLY | O_DIRECTORY);
  if (!directory) return;
  for (std::string& name : list_dir(directory->get(), names).value_or(std::vector<std::string>()))
    add(out, std::move(name), "container");
}

void look_up_volumes(const Invocation& invocation, std::vector<Candidate>& out) {
  const auto volumes = sandbox::Volumes::open(state_dir(invocation));
  if (!volumes) return;
  for (const auto& volume : (*volumes)->list().value_or(std::vector<sandbox::VolumeInfo>()))
    add(out, volume.name, volume.anonymous ? "anonymous volume" : "volume");
}

void look_up_networks(const Invocation& invocation, std::vector<Candidate>& out) {
  const auto networks = sandbox::Networks::open(state_dir(invocation));
  if (!networks) return;
  for (const auto& network : (*networks)->list().value_or(std::vector<sandbox::NetworkInfo>()))
    add(out, network.config.name, std::string(driver_name(network.config.driver)));
}

void look_up_jobs(const Completion& at, bool steps, std::vector<Candidate>& out) {
  ExecOptions options;
  options.file = at.file;
  const Result<LoadedPipeline> loaded = load_pipeline(options);
  if (!loaded || !loaded->compiled.plan) return;
  for (const pipeline::JobPlan& job : loaded->compiled.plan->jobs) {
    if (!steps) add(out, job.instance, job.image.name.source());
    for (const pipeline::StepPlan& step : job.steps) {
      if (steps) add(out, job.instance + "/" + step.id, step.name);
    }
  }
}

void look_up_runs(const Invocation& invocation, std::vector<Candidate>& out) {
  const std::string runs = state_dir(invocation) + "/runs";
  const Result<std::string> newest = resolve_run(runs, "last");
  if (!newest) return;
  const Result<RunRecord> run = read_run(runs, *newest);
  if (!run) return;
  for (const StepRecord& step : run->steps)
    add(out, "last/" + step.job + "/" + step.step, step.name);
}

std::string_view kind_line(Complete kind) {
  if (kind == Complete::kFile) return ":file\n";
  return kind == Complete::kDirectory ? ":directory\n" : ":nothing\n";
}

}  // namespace

int complete_command(const Invocation& invocation) {
  const Completion at = complete_words(invocation.operands());
  std::vector<Candidate> found;
  if (at.kind == Complete::kImage) look_up_images(invocation, found);
  if (at.kind == Complete::kContainer) look_up_containers(invocation, found);
  if (at.kind == Complete::kVolume) look_up_volumes(invocation, found);
  if (at.kind == Complete::kNetwork) look_up_networks(invocation, found);
  if (at.kind == Complete::kJob || at.kind == Complete::kStep)
    look_up_jobs(at, at.kind == Complete::kStep, found);
  if (at.kind == Complete::kRunTarget) look_up_runs(invocation, found);
  std::string out;
  for (const Candidate& candidate : at.candidates) {
    out += printable(candidate.word) + "\t" + printable(candidate.meaning) + "\n";
  }
  for (const Candidate& candidate : found) {
    if (!candidate.word.starts_with(at.partial)) continue;
    out += printable(at.prefix + candidate.word) + "\t" + printable(candidate.meaning) + "\n";
  }
  print_data(out + std::string(kind_line(at.kind)));
  return 0;
}

}  // namespace slipway::runner
