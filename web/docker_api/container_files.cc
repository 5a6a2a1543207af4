// A container's files: archive in and out, export, changes, commit. Docker API v1.47, "Containers" and "Images".
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/archive.h"
#include "runner/container_commit.h"
#include "runner/container_copy.h"
#include "runner/docker_json.h"
#include "runner/image_change.h"
#include "web/docker_api/api.h"
#include "web/docker_api/streams.h"

namespace slipway::web::docker_api {
namespace {

using sandbox::Access;

constexpr ByteCount kBodyLimit = 4_MiB;

// Go's os.FileMode, which is what the header holds: permission bits, then types from the top down. Source:
// io/fs.FileMode.
std::uint32_t go_mode(const struct stat& info) {
  std::uint32_t mode = info.st_mode & 0777U;
  if (S_ISDIR(info.st_mode)) mode |= 1U << 31U;
  if (S_ISLNK(info.st_mode)) mode |= 1U << 27U;
  if (S_ISBLK(info.st_mode) || S_ISCHR(info.st_mode)) mode |= 1U << 26U;
  if (S_ISFIFO(info.st_mode)) mode |= 1U << 25U;
  if (S_ISSOCK(info.st_mode)) mode |= 1U << 24U;
  if ((info.st_mode & S_ISUID) != 0) mode |= 1U << 23U;
  if ((info.st_mode & S_ISGID) != 0) mode |= 1U << 22U;
  if (S_ISCHR(info.st_mode)) mode |= 1U << 21U;
  if ((info.st_mode & S_ISVTX) != 0) mode |= 1U << 20U;
  return mode;
}

/// X-Docker-Container-Path-Stat. Docker API, "ContainerArchiveInfo".
Result<std::string> path_stat(int root, const std::string& path) {
  std::string clean = path;
  while (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
  // The last part is not followed: the client decides what to do with a link.
  const Fd file = SLIP_TRY(open_in_root(root, clean, O_PATH | O_NOFOLLOW));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return fail_errno("stat " + clean);
  std::string target;
  if (S_ISLNK(info.st_mode)) {
    target.resize(PATH_MAX);
    const ssize_t size = ::readlinkat(file.get(), "", target.data(), target.size());
    target.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    if (!target.empty() && !target.starts_with('/'))
      target = clean.substr(0, clean.rfind('/') + 1) + target;
  }
  const auto modified = std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::seconds(info.st_mtim.tv_sec) +
          std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
  const Json json =
      Json::object({{"name", clean == "/" ? clean : clean.substr(clean.rfind('/') + 1)},
                    {"size", static_cast<std::int64_t>(info.st_size)},
                    {"mode", go_mode(info)},
                    {"mtime", runner::docker_time(modified)},
                    {"linkTarget", target}});
  return base64_encode(json.dump());
}

Error without_path(Error error, const Call& call) {
  if (error.code() != ErrorCode::kNotFound || error.text().starts_with("no such container"))
    return error;
  return Error(ErrorCode::kNotFound, "could not find the file " + printable(call.param("path")) +
                                         " in container " + call.name());
}

Result<std::string> wanted_path(const Call& call) {
  std::string path = call.param("path");
  if (path.empty()) return fail(ErrorCode::kInvalid, "bad parameter: 'path' cannot be empty");
  return path;
}

// GET and HEAD /containers/{id}/archive
Status get_archive(Call& call) {
  const std::string path = SLIP_TRY(wanted_path(call));
  const Fd root = SLIP_TRY(call.containers().open_root(call.name(), Access::kReadOnly));
  auto info = path_stat(root.get(), path);
  if (!info) return fail(without_path(std::move(info).error(), call));
  const Headers headers{{"X-Docker-Container-Path-Stat", *info}};
  if (call.request().method == "HEAD")
    return call.exchange().answer(200, "application/x-tar", "", headers);
  const int gone = call.gone().poll_fd();
  // The child of with_root() does nothing but write to the pipe.
  return stream_from_pipe(call, "application/x-tar", headers, [&](int out) {
    return call.containers().with_root(
        call.name(), Access::kReadOnly,
        [&](int shown) {
          return runner::copy_to_stream({shown, path}, runner::CopyLinks::kKeep, out, call.gone());
        },
        {out, gone});
  });
}

// PUT /containers/{id}/archive
Status put_archive(Call& call) {
  const std::string path = SLIP_TRY(wanted_path(call));
  const Fd root = SLIP_TRY(call.containers().open_root(call.name(), Access::kReadWrite));
  auto directory = open_in_root(root.get(), path, O_PATH);
  if (!directory) return fail(without_path(std::move(directory).error(), call));
  struct stat info {};
  if (::fstat(directory->get(), &info) != 0) return fail_errno("stat " + path);
  if (!S_ISDIR(info.st_mode))
    return fail(ErrorCode::kInvalid, "extraction point is not a directory: " + printable(path));
  const int gone = call.gone().poll_fd();
  const auto unpack = [&](int in) {
    return call.containers().with_root(
        call.name(), Access::kReadWrite,
        [&](int shown) -> Status {
          SLIP_TRY(runner::copy_from_stream(in, {shown, path}, runner::CopyOwners::kSource,
                                            call.gone()));
          return {};
        },
        {in, gone});
  };
  SLIP_TRY(body_to_pipe(call, unpack));
  return call.exchange().answer(200, "", "");
}

// GET /containers/{id}/export
Status export_files(Call& call) {
  const Fd root = SLIP_TRY(call.containers().open_files(call.name()));
  return stream_from_pipe(call, "application/octet-stream", {}, [&](int out) {
    return cachestore::pack_copy(root.get(), ".", "", out, call.gone());
  });
}

// GET /containers/{id}/changes
Status changes(Call& call) {
  Json::Array items;
  for (const auto& change : SLIP_TRY(call.containers().diff(call.name())))
    items.push_back(Json::object({{"Path", change.path}, {"Kind", static_cast<int>(change.kind)}}));
  return call.json(200, null_if_empty(std::move(items)));
}

// POST /commit
Status commit(Call& call) {
  (void)SLIP_TRY(call.exchange().body(kBodyLimit));  // a whole config; what counts is in `changes`
  const sandbox::ContainerInfo info = SLIP_TRY(call.containers().inspect(call.param("container")));
  std::optional<cachestore::Reference> name;
  if (std::string repository = call.param("repo"); !repository.empty()) {
    if (const std::string tag = call.param("tag"); !tag.empty()) repository += ":" + tag;
    name = SLIP_TRY(cachestore::Reference::parse(repository));
  }
  cachestore::ImageConfig config;
  if (const auto image = call.store().image(info.config.image_id)) config = image->config;
  runner::merge_into_image(info, config);
  for (const std::string& change : call.request().params("changes")) {
    for (const std::string_view line : split(change, '\n')) {
      if (!trim(line).empty()) SLIP_TRY(runner::apply_change(std::string(line), config));
    }
  }
  const cachestore::Image made =
      SLIP_TRY(call.containers().commit(info.id, config, call.param("comment"),
                                        call.param("author"), name, call.flag("pause", true)));
  return call.json(201, Json::object({{"Id", made.id.str()}}));
}

}  // namespace

const std::vector<Route>& file_routes() {
  static const std::vector<Route> kRoutes{
      {"GET", "/containers/{}/archive", get_archive},
      {"PUT", "/containers/{}/archive", put_archive},
      {"GET", "/containers/{}/export", export_files},
      {"GET", "/containers/{}/changes", changes},
      {"POST", "/commit", commit},
  };
  return kRoutes;
}

}  // namespace slipway::web::docker_api
