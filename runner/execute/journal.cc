// The run journal: what makes --from and `runner debug` possible after the process is gone.
#include "runner/execute/journal.h"

#include <fcntl.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/files.h"
#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr ByteCount kMaxJournal = 64_MiB;  // 1,000 jobs of 100 steps with 600 bytes each

using Pairs = std::vector<std::pair<std::string, std::string>>;

Json to_json(const std::vector<std::string>& items) {
  Json list = Json::array();
  for (const std::string& item : items) list.push(item);
  return list;
}
Json to_json(const Pairs& pairs) {
  Json list = Json::array();
  for (const auto& [name, value] : pairs) list.push(Json::array({name, value}));
  return list;
}
std::vector<std::string> strings_of(const Json& json) {
  std::vector<std::string> result;
  for (const Json& item : json.items()) result.emplace_back(item.string_or(""));
  return result;
}
Pairs pairs_of(const Json& json) {
  Pairs result;
  for (const Json& item : json.items()) {
    if (item.items().size() != 2) continue;
    result.emplace_back(item.items()[0].string_or(""), item.items()[1].string_or(""));
  }
  return result;
}
RunStatus status_from(const Json& json) {
  return parse_run_status(json.string_or("")).value_or(RunStatus::kError);
}

StepRecord step_from(const Json& json) {
  StepRecord step;
  step.job = json["job"].string_or("");
  step.step = json["step"].string_or("");
  step.name = json["name"].string_or("");
  step.status = status_from(json["status"]);
  step.image = json["image"].string_or("");
  step.host_tools = json["host_tools"].bool_or(false);
  step.bridge = json["bridge"].bool_or(false);
  step.root_stack = strings_of(json["root"]);
  step.work_stack = strings_of(json["work"]);
  step.env = pairs_of(json["env"]);
  step.carried = pairs_of(json["carried"]);
  step.path = strings_of(json["path"]);
  step.outputs = pipeline::Value::from_json(json["outputs"]);
  step.cwd = json["cwd"].string_or("/");
  step.user = json["user"].string_or("");
  step.summary = json["summary"].string_or("");
  step.memo = json["memo"].string_or("");
  return step;
}

JobRecord job_from(const Json& json) {
  JobRecord job;
  job.job = json["job"].string_or("");
  job.result.status = status_from(json["status"]);
  job.result.reason = json["reason"].string_or("");
  job.result.exit_code = static_cast<int>(json["exit_code"].int_or(0));
  job.result.outputs = pipeline::Value::from_json(json["outputs"]);
  job.result.artifacts = json["artifacts"].string_or("");
  job.result.reports = json["reports"];
  for (const auto& [name, value] : pairs_of(json["dotenv"])) {
    pipeline::VariablePlan variable;
    variable.name = name;
    variable.value = value;
    variable.level = pipeline::VariableLevel::kDotenv;
    variable.raw = true;
    job.result.dotenv.push_back(std::move(variable));
  }
  return job;
}

void apply_entry(RunRecord& run, const Json& entry) {
  const std::string_view kind = entry["kind"].string_or("");
  if (kind == "run") {
    run.file = entry["file"].string_or("");
    run.source_root = entry["source_root"].string_or("");
    run.commit = entry["commit"].string_or("");
  } else if (kind == "step") {
    run.steps.push_back(step_from(entry));
  } else if (kind == "job") {
    run.jobs.push_back(job_from(entry));
  }
}

}  // namespace

const StepRecord* RunRecord::find_step(const std::string& job, const std::string& step) const {
  // The last attempt counts, so search from the end.
  const auto found = std::find_if(steps.rbegin(), steps.rend(), [&](const StepRecord& record) {
    return record.job == job && record.step == step;
  });
  return found == steps.rend() ? nullptr : &*found;
}

const JobRecord* RunRecord::find_job(const std::string& job) const {
  const auto found = std::find_if(jobs.rbegin(), jobs.rend(),
                                  [&](const JobRecord& record) { return record.job == job; });
  return found == jobs.rend() ? nullptr : &*found;
}

Journal::Journal(Fd fd) : fd_(std::make_unique<Guarded<Fd>>(std::move(fd))) {}

Result<Journal> Journal::create(const std::string& run_dir, const RunRecord& head) {
  SLIP_TRY(make_dirs(run_dir, 0700));
  Journal journal(
      SLIP_TRY(open_file(run_dir + "/journal.jsonl", O_WRONLY | O_CREAT | O_APPEND, 0600)));
  journal.append(Json::object({{"kind", "run"},
                               {"file", head.file},
                               {"source_root", head.source_root},
                               {"commit", head.commit}}));
  return journal;
}

void Journal::append(const Json& entry) {
  const std::string line = entry.dump() + "\n";
  // A full disk must not end the run: resuming is then not possible, which is all that is lost.
  fd_->with([&](Fd& fd) { (void)write_all(fd.get(), line, "journal"); });
}

void Journal::add(const StepRecord& step) {
  append(Json::object({{"kind", "step"},
                       {"job", step.job},
                       {"step", step.step},
                       {"name", step.name},
                       {"status", run_status_name(step.status)},
                       {"image", step.image},
                       {"host_tools", step.host_tools},
                       {"bridge", step.bridge},
                       {"root", to_json(step.root_stack)},
                       {"work", to_json(step.work_stack)},
                       {"env", to_json(step.env)},
                       {"carried", to_json(step.carried)},
                       {"path", to_json(step.path)},
                       {"outputs", step.outputs.to_json()},
                       {"cwd", step.cwd},
                       {"user", step.user},
                       {"summary", step.summary},
                       {"memo", step.memo}}));
}

void Journal::add(const JobRecord& job) {
  Pairs dotenv;
  for (const pipeline::VariablePlan& variable : job.result.dotenv)
    dotenv.emplace_back(variable.name, variable.value);
  append(Json::object({{"kind", "job"},
                       {"job", job.job},
                       {"status", run_status_name(job.result.status)},
                       {"reason", job.result.reason},
                       {"exit_code", job.result.exit_code},
                       {"outputs", job.result.outputs.to_json()},
                       {"artifacts", job.result.artifacts},
                       {"reports", job.result.reports},
                       {"dotenv", to_json(dotenv)}}));
}

Result<RunRecord> read_run(const std::string& runs_dir, const std::string& id) {
  const std::string text = SLIP_TRY(read_file(runs_dir + "/" + id + "/journal.jsonl", kMaxJournal));
  RunRecord run;
  run.id = id;
  for (const std::string_view line : split(text, '\n')) {
    Result<Json> entry = parse_json(line);
    if (entry) apply_entry(run, *entry);
  }
  return run;
}

Result<std::vector<std::string>> list_runs(const std::string& runs_dir) {
  if (!path_exists(runs_dir)) return std::vector<std::string>{};
  const Fd dir = SLIP_TRY(open_file(runs_dir, O_RDONLY | O_DIRECTORY));
  std::vector<std::string> ids = SLIP_TRY(list_dir(dir.get(), runs_dir));
  std::reverse(ids.begin(), ids.end());
  return ids;
}

Result<std::string> resolve_run(const std::string& runs_dir, const std::string& text) {
  const std::vector<std::string> ids = SLIP_TRY(list_runs(runs_dir));
  if (ids.empty())
    return fail(ErrorCode::kNotFound,
                "find run: there are no runs yet; start one with runner exec");
  if (text.empty() || text == "last") return ids.front();
  std::vector<std::string> hits;
  std::copy_if(ids.begin(), ids.end(), std::back_inserter(hits),
               [&](const std::string& id) { return id.find(text) != std::string::npos; });
  if (hits.size() == 1) return hits.front();
  if (hits.empty()) {
    return fail(ErrorCode::kNotFound,
                "find run " + printable(text) + ": no such run; the newest is " + ids.front());
  }
  return fail(ErrorCode::kInvalid,
              "find run " + printable(text) + ": " + std::to_string(hits.size()) + " runs match");
}

std::string new_run_id() {
  // The fraction of the second in place of random digits: runs of one second sort, too.
  struct timespec now {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  struct tm parts {};
  ::gmtime_r(&now.tv_sec, &parts);
  std::array<char, 32> text{};
  const std::size_t size = ::strftime(text.data(), text.size(), "%Y%m%d-%H%M%S-", &parts);
  const auto fraction = static_cast<unsigned>(now.tv_nsec / 15'259);  // 65,536 of them
  std::snprintf(text.data() + size, text.size() - size, "%04x", fraction & 0xffffU);
  return text.data();
}

}  // namespace slipway::runner
