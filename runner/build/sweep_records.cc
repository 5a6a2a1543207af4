// Taking away what the builder remembers of things that are gone.
#include "runner/build/sweep_records.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"
#include "base/random.h"

namespace slipway::runner {
namespace {

constexpr std::chrono::hours kKept{24 * 30};
constexpr ByteCount kMaxRecord = 4_MiB;

bool is_gone(const Error& error) { return error.code() == ErrorCode::kNotFound; }

bool step_is_gone(cachestore::Store& store, const std::string& text) {
  const Result<Json> record = parse_json(text);
  if (!record) return true;  // Torn by a power cut.
  const auto snapshot = store.get(std::string((*record)["snapshot"].string_or("")));
  return !snapshot && is_gone(snapshot.error());
}

bool image_is_gone(cachestore::Store& store, const std::string& text) {
  const auto image = store.image(text);
  return !image && is_gone(image.error());
}

bool is_old(int dir_fd, const std::string& name) {
  struct stat info {};
  if (::fstatat(dir_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
  return WallTime(std::chrono::seconds(info.st_mtim.tv_sec)) + kKept < real_clock().wall();
}

template <typename Gone>
void sweep(const std::string& directory, Gone gone) {
  const Result<Fd> fd = open_file(directory, O_RDONLY | O_DIRECTORY);
  if (!fd) return;
  const auto names = list_dir(fd->get(), directory);
  if (!names) return;
  for (const std::string& name : *names) {
    if (gone(fd->get(), name)) (void)::unlinkat(fd->get(), name.c_str(), 0);
  }
}

}  // namespace

void sweep_records(cachestore::Store& store, const std::string& state_dir) {
  const std::string part = "/" + random_hex(1);
  const auto text_of = [](const std::string& directory, const std::string& name) {
    return read_file(directory + "/" + name, kMaxRecord).value_or("");
  };
  const std::string steps = state_dir + "/builds/steps" + part;
  sweep(steps,
        [&](int, const std::string& name) { return step_is_gone(store, text_of(steps, name)); });
  const std::string images = state_dir + "/builds/images" + part;
  sweep(images,
        [&](int, const std::string& name) { return image_is_gone(store, text_of(images, name)); });
  sweep(state_dir + "/builds/trees" + part,
        [](int fd, const std::string& name) { return is_old(fd, name); });
}

}  // namespace slipway::runner
