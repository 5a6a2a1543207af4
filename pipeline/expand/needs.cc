// The needs graph: names to indexes, and the proof that it has no cycle.
#include <map>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/expand/jobs.h"

namespace slipway::pipeline {

namespace {

// A need is satisfied by all instances; each becomes an edge. Two full matrices make 65,536 of
// them; three times that is more than a person means.
constexpr std::size_t kMaxEdges = 200'000;
constexpr std::size_t kMaxCycles = 10;  // reported ones
constexpr std::size_t kMaxNotes = 20;   // of one circle; its message names every job

struct Group {
  std::vector<std::size_t> instances;
};

class NeedsResolver {
 public:
  NeedsResolver(const yaml::Node& jobs, std::vector<JobPlan>& plans, std::vector<Diagnostic>& out)
      : jobs_(jobs), plans_(plans), out_(out) {
    for (std::size_t at = 0; at < plans.size(); ++at) {
      if (groups_.emplace(plans[at].name, Group{}).second) names_.push_back(plans[at].name);
      groups_[plans[at].name].instances.push_back(at);
    }
  }

  void resolve() {
    for (JobPlan& plan : plans_) {
      std::vector<Need> resolved;
      for (const Need& need : plan.needs) add(plan, need, resolved);
      plan.needs = std::move(resolved);
    }
    find_cycles();
  }

 private:
  void add(const JobPlan& plan, const Need& need, std::vector<Need>& resolved) {
    if (need.name == plan.name)
      return report(out_, need.origin, "job " + quoted(plan.name) + " needs itself", "remove it");
    const auto found = groups_.find(need.name);
    if (found == groups_.end()) return unknown(need);
    edges_ += found->second.instances.size();
    if (edges_ > kMaxEdges) {
      if (!std::exchange(too_many_, true))
        report(out_, need.origin, "more than 200,000 needs between job instances",
               "put a job between the two matrices");
      return;
    }
    for (const std::size_t index : found->second.instances) {
      resolved.push_back(need);
      resolved.back().job = index;
    }
  }

  void unknown(const Need& need) {
    if (need.optional) return;
    if (need.name.starts_with(".") && jobs_.find(need.name) != nullptr)
      return report(out_, need.origin, quoted(need.name) + " is a template, it never runs",
                    "name a job that extends it");
    std::string help = suggestion(need.name, names_, out_);
    if (help.empty() && names_.size() <= 12) help = "jobs: " + printable(join(names_, ", "));
    report(out_, need.origin, "unknown job " + quoted(need.name), std::move(help));
  }

  // Depth first over job names with a list instead of the call stack: 1,000 jobs in a row are
  // allowed.
  enum class Mark { kNew, kOpen, kDone };
  struct Visit {
    std::string name;
    std::size_t next = 0;
  };

  void find_cycles() {
    for (const std::string& start : names_) {
      if (marks_[start] != Mark::kNew) continue;
      std::vector<Visit> path{{start}};
      marks_[start] = Mark::kOpen;
      while (!path.empty()) step(path);
    }
  }

  void step(std::vector<Visit>& path) {
    const JobPlan& plan = plans_[groups_[path.back().name].instances.front()];
    if (path.back().next == plan.needs.size()) {
      marks_[path.back().name] = Mark::kDone;
      path.pop_back();
      return;
    }
    const Need& need = plan.needs[path.back().next++];
    const Mark mark = marks_[need.name];
    if (mark == Mark::kOpen) return cycle(path, need, plan);
    if (mark == Mark::kDone) return;
    marks_[need.name] = Mark::kOpen;
    path.push_back({need.name});
  }

  void cycle(const std::vector<Visit>& path, const Need& closing, const JobPlan& last) {
    // All instances of a needed matrix follow each other: one circle, not 256. And a graph where
    // everything needs everything has more circles than anyone reads.
    const std::size_t at = path.back().next - 1;
    if (at > 0 && last.needs[at - 1].name == closing.name) return;
    if (++cycles_ > kMaxCycles) return;
    std::size_t first = 0;
    while (path[first].name != closing.name) ++first;
    std::vector<std::string> names;
    std::vector<DiagnosticNote> notes;
    for (std::size_t job = first; job < path.size(); ++job) {
      const JobPlan& plan = plans_[groups_[path[job].name].instances.front()];
      names.push_back(plan.name);
      if (job + 1 == path.size() || notes.size() >= kMaxNotes) continue;
      const Need& need = plan.needs[path[job].next - 1];
      notes.push_back({need.origin, "job " + quoted(plan.name) + " needs " + quoted(need.name)});
    }
    names.push_back(closing.name);
    report(out_, closing.origin,
           "jobs need each other in a circle: " + printable(join(names, " -> ")),
           "remove one of these needs", std::move(notes));
  }

  const yaml::Node& jobs_;
  std::vector<JobPlan>& plans_;
  std::vector<Diagnostic>& out_;
  std::map<std::string, Group> groups_;
  std::vector<std::string> names_;
  std::map<std::string, Mark> marks_;
  std::size_t edges_ = 0;
  std::size_t cycles_ = 0;
  bool too_many_ = false;
};

}  // namespace

void resolve_needs(const yaml::Node& jobs, std::vector<JobPlan>& plans,
                   std::vector<Diagnostic>& out) {
  NeedsResolver(jobs, plans, out).resolve();
}

}  // namespace slipway::pipeline
