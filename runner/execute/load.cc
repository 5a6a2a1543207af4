// Finds the pipeline file a command means, and compiles it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/files.h"
#include "base/text.h"
#include "runner/execute/exec.h"
#include "runner/execute/load_gitlab.h"
#include "runner/source/workspace.h"

namespace slipway::runner {
namespace {

constexpr ByteCount kMaxPipeline{(std::uint64_t{1} << 20) +
                                 1};  // one byte more than the compiler takes: it says so itself

bool is_directory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

Result<std::string> the_only_pipeline_in(const std::string& dir, const std::string& shown) {
  Result<Fd> fd = open_file(dir, O_RDONLY | O_DIRECTORY);
  std::vector<std::string> files;
  if (fd) {
    for (std::string& name : SLIP_TRY(list_dir(fd->get(), dir))) {
      if (name.ends_with(".yml") || name.ends_with(".yaml")) files.push_back(std::move(name));
    }
  }
  if (files.size() == 1) return dir + "/" + files.front();
  if (files.empty()) {
    return fail(ErrorCode::kNotFound, "find pipeline in " + shown +
                                          ": no .slipway.yml, .slipway.yaml, .slipway/*.yml or "
                                          ".gitlab-ci.yml; the shortest one is\n"
                                          "    steps:\n      - make test");
  }
  return fail(ErrorCode::kInvalid, "find pipeline in " + shown + ": several in .slipway/ (" +
                                       join(files, ", ") + "); name one");
}

Result<std::string> find_pipeline(const std::string& named) {
  const std::string place = named.empty() ? "." : named;
  const std::string shown = printable(place);
  if (!path_exists(place)) {
    return fail(ErrorCode::kNotFound, "find pipeline " + shown + ": no such file or directory");
  }
  if (!is_directory(place)) return place;
  for (const char* name : {".slipway.yml", ".slipway.yaml"}) {
    if (path_exists(place + "/" + name)) return place + "/" + name;
  }
  Result<std::string> native = the_only_pipeline_in(place + "/.slipway", shown);
  const bool none = !native && native.error().code() == ErrorCode::kNotFound;
  if (none && path_exists(place + "/.gitlab-ci.yml")) return place + "/.gitlab-ci.yml";
  return native;
}

std::string shown_path(const std::string& path) {
  return path.starts_with("./") ? path.substr(2) : path;
}

pipeline::Event make_event(const ExecOptions& options, const SourceState& state) {
  pipeline::Event event;
  event.name = options.event.empty() ? "manual" : options.event;
  event.sha = state.commit;
  event.branch = options.branch.empty() ? state.branch : options.branch;
  event.tag = options.tag.empty() ? state.tag : options.tag;
  event.ref = event.name == "tag"    ? "refs/tags/" + event.tag
              : event.branch.empty() ? ""
                                     : "refs/heads/" + event.branch;
  event.repository =
      state.remote.empty() ? std::filesystem::path(state.root).filename().string() : state.remote;
  const char* user = std::getenv("USER");
  event.actor = user != nullptr ? user : "local";
  for (const auto& [name, value] : options.inputs) event.inputs[name] = value;
  return event;
}

}  // namespace

Result<LoadedPipeline> load_pipeline(const ExecOptions& options) {
  const std::string path = SLIP_TRY(find_pipeline(options.file));
  const std::filesystem::path absolute =
      std::filesystem::weakly_canonical(std::filesystem::absolute(path));
  std::filesystem::path root = absolute.parent_path();
  if (root.filename() == ".slipway") root = root.parent_path();

  LoadedPipeline loaded;
  loaded.display_path = shown_path(path);
  // Without git the pipeline's own folder is the work tree; with git the repository is.
  loaded.source = SLIP_TRY(examine_source(root.string()));
  const SourceState& state = loaded.source;
  loaded.event = make_event(options, state);

  pipeline::CompileRequest request;
  request.event = loaded.event;
  request.file.path = loaded.display_path;
  const std::string inside = std::filesystem::relative(absolute, state.root).string();
  request.file.text = options.commit.empty()
                          ? SLIP_TRY(read_file(path, kMaxPipeline))
                          : SLIP_TRY(read_source_file(state, options.commit, inside, kMaxPipeline));
  if (is_gitlab_file(absolute.string())) {
    const pipeline::GitlabRequest gitlab =
        SLIP_TRY(gitlab_request(options, state, std::move(request.file), loaded.event));
    loaded.event = gitlab.event;
    loaded.compiled = pipeline::compile_gitlab(gitlab);
    return loaded;
  }
  request.include = [&](const std::string& included) -> Result<pipeline::SourceFile> {
    return pipeline::SourceFile{
        included, SLIP_TRY(read_source_file(state, options.commit, included, kMaxPipeline))};
  };
  loaded.compiled = pipeline::compile(request);
  return loaded;
}

}  // namespace slipway::runner
