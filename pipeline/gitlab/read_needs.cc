// What each job waits for: `needs`, else all jobs of earlier stages; and whose artifacts it gets.
// Spec: docs.gitlab.com/ci/yaml, needs, dependencies, stages
#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/gitlab/job.h"
#include "pipeline/gitlab/language.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline::gitlab {
namespace {

using yaml::Node;

class NeedsReader {
 public:
  NeedsReader(Plan& plan, const Document& document, std::vector<Diagnostic>& out)
      : plan_(plan), out_(out) {
    for (std::size_t at = 0; at < plan.jobs.size(); ++at) {
      const JobPlan& job = plan.jobs[at];
      by_name_[job.name].push_back(at);
      if (job.instance != job.name) by_name_[job.instance].push_back(at);
    }
    for (const yaml::Entry* entry : document.jobs) {
      defined_.insert(entry->key);
      names_.push_back(entry->key);
    }
  }

  void job(const WrittenNeeds& written) {
    JobPlan& job = plan_.jobs[written.job];
    if (written.says_needs) {
      named_.clear();
      for (const Node* item : one_or_many(written.needs)) need(written.job, *item);
      trigger_files(written.job);
      if (written.dependencies != nullptr) narrow(job, *written.dependencies);
      return;
    }
    for (std::size_t at = 0; at < written.job && plan_.jobs[at].stage < job.stage; ++at) {
      Need need;
      need.job = at;
      need.name = plan_.jobs[at].name;
      need.kind = NeedKind::kStage;
      need.origin = job.origin;
      job.needs.push_back(std::move(need));
    }
    if (written.dependencies != nullptr) narrow(job, *written.dependencies);
  }

  void find_circles() {
    marks_.assign(plan_.jobs.size(), Mark::kNew);
    for (std::size_t start = 0; start < plan_.jobs.size(); ++start)
      if (marks_[start] == Mark::kNew) walk(start);
  }

 private:
  void need(std::size_t at, const Node& item) {
    JobPlan& job = plan_.jobs[at];
    const Node* name = item.is_scalar() ? &item : item.get("job");
    if (item.get("project") != nullptr)
      return warn(out_, item.span, "artifacts of another project are not fetched",
                  "include what the job needs in this project");
    if (item.get("pipeline") != nullptr) {
      if (name != nullptr)
        job.parent_needs.push_back(name->text);
      else
        warn(out_, item.span, "the state of another pipeline is not mirrored",
             "name a job of the parent pipeline");
      return;
    }
    if (name == nullptr || !name->is_scalar())
      return report(out_, item.span, "a need without job:", "name the job");
    Need need;
    need.name = name->text;
    need.origin = name->span;
    need.optional =
        item.get("optional") != nullptr && as_flag(*item.get("optional")).value_or(false);
    need.artifacts =
        item.get("artifacts") == nullptr || as_flag(*item.get("artifacts")).value_or(true);
    const auto found = by_name_.find(need.name);
    if (found == by_name_.end()) return missing(job, need);
    const std::vector<std::size_t> wanted = item.get("parallel") == nullptr
                                                ? found->second
                                                : subset(job, *item.get("parallel"), found->second);
    for (const std::size_t index : wanted) add(at, index, need);
  }

  void add(std::size_t at, std::size_t needed, Need need) {
    JobPlan& job = plan_.jobs[at];
    const JobPlan& other = plan_.jobs[needed];
    if (needed == at)
      return report(out_, need.origin, quoted(job.name) + " needs itself", "remove it");
    if (other.stage > job.stage)
      return report(out_, need.origin,
                    quoted(need.name) + " is in stage " + quoted(plan_.stages[other.stage]) +
                        ", which comes after " + quoted(plan_.stages[job.stage]),
                    "a job may need jobs of its own and of earlier stages");
    if (!named_.insert(needed).second) return;
    need.job = needed;
    need.name = other.name;
    job.needs.push_back(std::move(need));
  }

  void missing(const JobPlan& job, const Need& need) {
    if (need.optional) return;
    if (defined_.contains(need.name))
      return report(
          out_, need.origin,
          quoted(job.name) + " needs " + quoted(need.name) + ", which is not in this pipeline",
          "its rules, only or except leave it out; write { job: …, optional: true }");
    if (need.name.starts_with('.'))
      return report(out_, need.origin, quoted(need.name) + " is hidden, it never runs",
                    "name a job that extends it");
    report(out_, need.origin, "unknown job " + quoted(need.name),
           suggestion(need.name, names_, out_));
  }

  /// Those instances that a `parallel: matrix:` of the need names; `$[[ matrix.X ]]` is the needing job's own value.
  std::vector<std::size_t> subset(const JobPlan& job, const Node& parallel,
                                  const std::vector<std::size_t>& all) {
    std::vector<std::size_t> wanted;
    const Node* matrix = parallel.get("matrix");
    if (matrix == nullptr) return all;
    for (Instance& instance : expand_matrix(*matrix, out_)) {
      for (auto& [name, value] : instance.variables) value = own_value(job, value, matrix->span);
      const auto same = std::find_if(all.begin(), all.end(), [&](std::size_t index) {
        const Value& values = plan_.jobs[index].matrix;
        return values.map() != nullptr && values.map()->size() == instance.variables.size() &&
               std::all_of(instance.variables.begin(), instance.variables.end(),
                           [&](const auto& pair) {
                             const Value* value = values.find(pair.first);
                             return value != nullptr && value->to_text() == pair.second;
                           });
      });
      if (same != all.end())
        wanted.push_back(*same);
      else
        report(out_, matrix->span, "no instance has the values" + instance.suffix,
               "name values of that job's matrix");
    }
    return wanted;
  }

  std::string own_value(const JobPlan& job, const std::string& text, Span span) {
    const std::size_t open = text.find("$[[");
    const std::size_t close = text.find("]]");
    if (open == std::string::npos || close == std::string::npos || close < open) return text;
    const std::string_view inside = trim(std::string_view(text).substr(open + 3, close - open - 3));
    const Value* value =
        inside.starts_with("matrix.") ? job.matrix.find(inside.substr(7)) : nullptr;
    if (value != nullptr) return text.substr(0, open) + value->to_text() + text.substr(close + 2);
    report(out_, span, "nothing is called " + quoted(inside),
           "matrix.NAME of this job's own matrix");
    return text;
  }

  /// A child pipeline's file comes from a job, which is then among the needs.
  void trigger_files(std::size_t at) {
    const JobPlan& job = plan_.jobs[at];
    if (!job.trigger) return;
    for (const TriggerFile& file : job.trigger->files) {
      if (file.written_by.empty()) continue;
      const bool needed = std::any_of(job.needs.begin(), job.needs.end(), [&](const Need& need) {
        return need.name == file.written_by;
      });
      if (!needed)
        report(out_, file.origin, quoted(file.written_by) + " is not among the needs",
               "add it to needs:");
    }
  }

  void narrow(JobPlan& job, const Node& dependencies) {
    std::set<std::size_t> wanted;
    for (const Node& item : dependencies.items) {
      const auto found = by_name_.find(item.text);
      if (found != by_name_.end()) {
        for (const std::size_t index : found->second) {
          wanted.insert(index);
          const bool waits = std::any_of(job.needs.begin(), job.needs.end(),
                                         [&](const Need& need) { return need.job == index; });
          if (!waits)
            report(
                out_, item.span, quoted(item.text) + " is not done before this job",
                "dependencies are jobs of earlier stages, and among the needs where there are any");
        }
      } else if (!defined_.contains(item.text)) {
        report(out_, item.span, "unknown job " + quoted(item.text),
               suggestion(item.text, names_, out_));
      }
    }
    for (Need& need : job.needs)
      if (!wanted.contains(need.job)) need.artifacts = false;
  }

  enum class Mark { kNew, kOpen, kDone };
  struct Visit {
    std::size_t job;
    std::size_t next = 0;
  };

  // With a list instead of the call stack: 1,000 jobs in a row are allowed.
  void walk(std::size_t start) {
    std::vector<Visit> path{{start}};
    marks_[start] = Mark::kOpen;
    while (!path.empty()) {
      Visit& here = path.back();
      const std::vector<Need>& needs = plan_.jobs[here.job].needs;
      if (here.next == needs.size()) {
        marks_[here.job] = Mark::kDone;
        path.pop_back();
        continue;
      }
      const Need& need = needs[here.next++];
      if (marks_[need.job] == Mark::kOpen) circle(path, need);
      if (marks_[need.job] != Mark::kNew) continue;
      marks_[need.job] = Mark::kOpen;
      path.push_back({need.job});
    }
  }

  void circle(const std::vector<Visit>& path, const Need& closing) {
    if (std::exchange(circular_, true)) return;
    std::vector<std::string> names;
    for (const Visit& visit : path)
      if (visit.job == closing.job || !names.empty())
        names.push_back(plan_.jobs[visit.job].instance);
    names.push_back(plan_.jobs[closing.job].instance);
    report(out_, closing.origin,
           "jobs need each other in a circle: " + printable(join(names, " -> ")),
           "break the circle");
  }

  Plan& plan_;
  std::vector<Diagnostic>& out_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_name_;
  std::set<std::string> defined_;
  std::vector<std::string> names_;
  std::set<std::size_t> named_;  // of the job being read
  std::vector<Mark> marks_;
  bool circular_ = false;
};

}  // namespace

void resolve_needs(Plan& plan, const std::vector<WrittenNeeds>& written, const Document& document,
                   std::vector<Diagnostic>& out) {
  NeedsReader reader(plan, document, out);
  for (const WrittenNeeds& needs : written) reader.job(needs);
  reader.find_circles();
}

}  // namespace slipway::pipeline::gitlab
