// What the front-end for `.gitlab-ci.yml` asks of this machine: files of the checkout and of the folders that stand in
// for other projects, and what is known of project and commit.
#include "runner/execute/load_gitlab.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "base/files.h"
#include "base/glob.h"
#include "base/text.h"
#include "runner/execute/secrets.h"

namespace slipway::runner {
namespace {

using pipeline::GitlabInclude;
using pipeline::SourceFile;
using pipeline::VariableLevel;
using pipeline::VariablePlan;

constexpr ByteCount kMaxFile{(std::uint64_t{1} << 20) + 1};
constexpr std::size_t kMaxVisited = 500'000;  // entries of a checkout looked at for one glob
constexpr std::size_t kMaxDepth = 64;

/// Files of a directory that a glob takes, in order of their names; only directories that may hold one are opened.
class GlobWalk {
 public:
  explicit GlobWalk(const Glob& glob) : glob_(glob) {}

  Status walk(int dir, const std::string& prefix, std::size_t depth, bool only_first) {
    std::vector<std::string> names = SLIP_TRY(list_dir(dir, prefix.empty() ? "checkout" : prefix));
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      if (only_first && !found_.empty()) return {};
      if (++visited_ > kMaxVisited)
        return fail(ErrorCode::kExhausted, "match " + printable(glob_.pattern()) +
                                               ": more than 500000 files in the checkout");
      SLIP_TRY(visit(dir, name, prefix.empty() ? name : prefix + "/" + name, depth, only_first));
    }
    return {};
  }
  const std::vector<std::string>& found() const { return found_; }

 private:
  Status visit(int dir, const std::string& name, const std::string& path, std::size_t depth,
               bool only_first) {
    struct stat info {};
    if (::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return {};
    if (!S_ISDIR(info.st_mode)) {
      if (glob_.matches(path)) found_.push_back(path);
      return {};
    }
    if (path == ".git" || depth >= kMaxDepth || !glob_.may_match_below(path)) return {};
    const Fd below = SLIP_TRY(open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return walk(below.get(), path, depth + 1, only_first);
  }

  const Glob& glob_;
  std::vector<std::string> found_;
  std::size_t visited_ = 0;
};

enum class Wanted { kAll, kAny };

Result<std::vector<std::string>> matching_files(const std::string& root, const std::string& pattern,
                                                Wanted wanted) {
  const Glob glob = SLIP_TRY(Glob::compile(pattern));
  const Fd dir = SLIP_TRY(open_file(root, O_RDONLY | O_DIRECTORY));
  GlobWalk walk(glob);
  SLIP_TRY(walk.walk(dir.get(), "", 0, wanted == Wanted::kAny));
  return walk.found();
}

bool leads_out(const std::string& path) {
  for (const std::string_view part : split(path, '/'))
    if (part == "..") return true;
  return false;
}

std::string environment_or(const char* name, const std::string& fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? std::string(value) : fallback;
}

/// Where files of other projects are looked for, first wins.
std::vector<std::string> include_folders(const std::string& checkout) {
  std::vector<std::string> folders;
  const std::string named = environment_or("SLIPWAY_GITLAB_DIR", "");
  if (!named.empty()) folders.push_back(named);
  folders.push_back(checkout + "/.slipway/gitlab");
  const std::string home = environment_or("HOME", "");
  const std::string config =
      environment_or("XDG_CONFIG_HOME", home.empty() ? "" : home + "/.config");
  if (!config.empty()) folders.push_back(config + "/slipway/gitlab");
  return folders;
}

/// Paths below such a folder that an include may stand for, best first.
std::vector<std::string> places_of(const GitlabInclude& include) {
  const std::string at_ref = include.ref.empty() ? "" : "@" + include.ref;
  switch (include.kind) {
    case GitlabInclude::Kind::kLocal:
      return {};
    case GitlabInclude::Kind::kProject: {
      const std::string base = "projects/" + include.project;
      std::vector<std::string> places;
      if (!at_ref.empty()) places.push_back(base + at_ref + "/" + include.location);
      places.push_back(base + "/" + include.location);
      return places;
    }
    case GitlabInclude::Kind::kRemote: {
      const std::size_t scheme = include.location.find("://");
      return {"remote/" + include.location.substr(scheme == std::string::npos ? 0 : scheme + 3)};
    }
    case GitlabInclude::Kind::kTemplate:
      return {"templates/" + include.location};
    case GitlabInclude::Kind::kComponent: {
      const std::string base = "components/" + include.location;
      std::vector<std::string> places;
      for (const std::string& version : {at_ref, std::string()}) {
        places.push_back(base + version + "/template.yml");
        places.push_back(base + version + ".yml");
        if (at_ref.empty()) break;
      }
      return places;
    }
  }
  return {};
}

Result<std::vector<SourceFile>> read_elsewhere(const std::string& checkout,
                                               const GitlabInclude& include) {
  const std::string shown = include.kind == GitlabInclude::Kind::kProject
                                ? include.project + ": " + include.location
                                : include.location;
  const std::vector<std::string> places = places_of(include);
  for (const std::string& folder : include_folders(checkout)) {
    for (const std::string& place : places) {
      if (leads_out(place))
        return fail(ErrorCode::kInvalid, "read " + printable(shown) + ": the path leads out");
      if (!path_exists(folder + "/" + place)) continue;
      std::string text = SLIP_TRY(read_file(folder + "/" + place, kMaxFile));
      return std::vector<SourceFile>{{shown, std::move(text), {}}};
    }
  }
  return fail(ErrorCode::kNotFound,
              "find " + printable(shown) +
                  ": nothing is fetched from other servers; put the file at " +
                  printable(include_folders(checkout).front() + "/" + places.front()));
}

Result<std::vector<SourceFile>> read_include(const SourceState& state, const std::string& commit,
                                             const GitlabInclude& include) {
  if (include.kind != GitlabInclude::Kind::kLocal) return read_elsewhere(state.root, include);
  if (leads_out(include.location))
    return fail(ErrorCode::kInvalid,
                "read " + printable(include.location) + ": the path leads out");
  std::vector<std::string> paths{include.location};
  if (include.location.find('*') != std::string::npos)
    paths = SLIP_TRY(matching_files(state.root, include.location, Wanted::kAll));
  std::vector<SourceFile> files;
  for (const std::string& path : paths) {
    if (!path.ends_with(".yml") && !path.ends_with(".yaml"))
      return fail(ErrorCode::kInvalid, "read " + printable(path) + ": not a .yml or .yaml file");
    files.push_back({path, SLIP_TRY(read_source_file(state, commit, path, kMaxFile)), {}});
  }
  if (files.empty())
    return fail(ErrorCode::kNotFound, "find " + printable(include.location) + ": no file matches");
  return files;
}

/// "git@host:group/project.git", "https://host/group/project" -> "group/project" and its page.
void read_remote(const SourceState& state, pipeline::GitlabProject& project) {
  std::string rest = state.remote;
  if (rest.ends_with(".git")) rest.resize(rest.size() - 4);
  const std::size_t scheme = rest.find("://");
  if (scheme != std::string::npos) rest.erase(0, scheme + 3);
  rest.erase(0, std::min(rest.find('@') + 1, rest.size()));  // npos + 1 is 0
  const std::size_t border = rest.find_first_of("/:");
  const bool local =
      border == 0 || border == std::string::npos || state.remote.starts_with("file:");
  std::string path = local ? "" : rest.substr(border + 1);
  // "host:2222/group/project": the port is none of the project's names.
  while (!path.empty() && path.front() >= '0' && path.front() <= '9' && rest[border] == ':')
    path.erase(0, 1);
  while (path.starts_with('/')) path.erase(0, 1);
  if (path.find('/') == std::string::npos) {
    project.path = "local/" + std::filesystem::path(state.root).filename().string();
    return;
  }
  project.path = path;
  project.url = "https://" + rest.substr(0, border) + "/" + path;
}

std::string default_branch(const SourceState& state) {
  constexpr std::string_view kPrefix = "ref: refs/remotes/origin/";
  const Result<std::string> head =
      read_file(state.root + "/.git/refs/remotes/origin/HEAD", ByteCount{1024});
  if (head && head->starts_with(kPrefix)) return std::string(trim(head->substr(kPrefix.size())));
  return state.branch == "master" ? "master" : "main";
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  struct tm utc {};
  ::gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

Result<std::vector<VariablePlan>> given_variables(const ExecOptions& options) {
  std::vector<VariablePlan> variables;
  const Secrets secrets = SLIP_TRY(load_secrets(options.secret_file, options.secret_env));
  for (const auto& [name, value] : secrets.values) {
    VariablePlan plan;
    plan.name = name;
    plan.value = value;
    plan.level = VariableLevel::kProject;
    plan.raw = true;
    plan.masked = true;
    variables.push_back(std::move(plan));
  }
  for (const auto& [name, value] : options.env) {
    VariablePlan plan;
    plan.name = name;
    plan.value = value;
    plan.level = VariableLevel::kRun;
    variables.push_back(std::move(plan));
  }
  return variables;
}

}  // namespace

bool is_gitlab_file(const std::string& path) {
  return path.ends_with("gitlab-ci.yml") || path.ends_with("gitlab-ci.yaml");
}

Result<pipeline::GitlabRequest> gitlab_request(const ExecOptions& options, const SourceState& state,
                                               SourceFile file, pipeline::Event event) {
  pipeline::GitlabRequest request;
  request.file = std::move(file);
  // People run locally what a push would run.
  if (options.event.empty()) event.name = options.tag.empty() ? "push" : "tag";
  if (event.name == "tag" && event.tag.empty()) event.tag = state.tag;
  if (event.name != "tag") event.tag.clear();
  request.event = std::move(event);
  read_remote(state, request.project);
  request.project.default_branch = default_branch(state);
  // Without git there is no branch; rules mean the one that everything comes from.
  if (!state.git && request.event.branch.empty() && request.event.name != "tag")
    request.event.branch = request.project.default_branch;
  request.project.ref_protected = request.event.branch == request.project.default_branch;
  request.facts.title = state.title;
  request.facts.message = state.message;
  request.facts.author = state.author;
  request.facts.timestamp = state.timestamp;
  request.facts.created_at = now_text();
  request.variables = SLIP_TRY(given_variables(options));
  request.include = [&state, commit = options.commit](const GitlabInclude& include) {
    return read_include(state, commit, include);
  };
  request.exists = [&state](const std::vector<std::string>& globs) -> Result<bool> {
    for (const std::string& glob : globs) {
      const bool plain = glob.find_first_of("*?[") == std::string::npos;
      if (plain && !leads_out(glob) && path_exists(state.root + "/" + glob)) return true;
      if (!plain && !SLIP_TRY(matching_files(state.root, glob, Wanted::kAny)).empty()) return true;
    }
    return false;
  };
  return request;
}

}  // namespace slipway::runner
