// kill -9 at any moment of an import or a load leaves either all images or none, and no litter after the next open.
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <set>

#include "tests/cachestore/image_archive_fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::must;
using testing::Scratch;
using testing::TarWriter;

class Crash : public ::testing::Test {
 public:
  [[noreturn]] void import_in_child(int read_fd) {
    auto store = Store::open({scratch_.path("store"), {}, true});
    ImportRequest request;
    request.fd = read_fd;
    request.source = "pipe";
    request.name = *Reference::parse("app");
    const bool ok = store && (*store)->import_image(request, CancelToken());
    ::_exit(ok ? 0 : 1);
  }
  [[noreturn]] void load_in_child(int read_fd) {
    auto store = Store::open({scratch_.path("store"), {}, true});
    LoadRequest request;
    request.fd = read_fd;
    request.source = "pipe";
    const bool ok = store && load_images(**store, request, CancelToken());
    ::_exit(ok ? 0 : 1);
  }
  using Work = void (Crash::*)(int read_fd);
  // Feeds the first `bytes` of the archive to a child that imports it, waits until it has taken them, and kills it.
  void kill_after(Work work, const std::string& archive, std::size_t bytes) {
    auto pipe = must(sys::make_pipe());
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      pipe.write.reset();
      (this->*work)(pipe.read.get());
    }
    pipe.read.reset();
    must(write_all(pipe.write.get(), std::string_view(archive).substr(0, bytes), "pipe"));
    // Beyond the archive's end the child is racing through sync and commit: any moment will do.
    if (bytes == archive.size()) pipe.write.reset();
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  }
  std::set<std::string> names_in(const std::string& dir) {
    const Fd fd = scratch_.open("store/" + dir, O_RDONLY | O_DIRECTORY);
    const auto names = must(list_dir(fd.get(), dir));
    return {names.begin(), names.end()};
  }
  // Every row has its files, every file its row; all images are there or none.
  void expect_whole(const std::string& when, std::size_t count = 1) {
    auto store = must(Store::open({scratch_.path("store"), {}, true}));
    std::set<std::string> snapshots;
    std::set<std::string> blobs;
    const auto images = must(store->images());
    EXPECT_TRUE(images.empty() || images.size() == count) << when;
    for (const Image& image : images) {
      for (const Snapshot& layer : image.layers) snapshots.insert(layer.id);
      EXPECT_EQ(testing::content_of(image.layers.back().path + "/last"), "end") << when;
      const Json manifest = must(parse_json(must(store->read_blob(image.manifest, 4_MiB))));
      blobs.insert({image.id.hex(), image.manifest.hex()});
      for (const Json& layer : manifest["layers"].items()) {
        const Digest blob = must(Digest::parse(layer["digest"].string_or("")));
        must(store->read_blob(blob, 64_MiB));
        blobs.insert(blob.hex());
      }
    }
    store.reset();
    EXPECT_EQ(names_in("snapshots"), snapshots) << when;
    EXPECT_EQ(names_in("blobs/sha256"), blobs) << when;
    for (const std::string& name : names_in("drafts")) {
      EXPECT_TRUE(name.starts_with("spare")) << when << ": " << name;
    }
  }

  // In memory: what a kill leaves does not depend on the disk, and there are hundreds of syncs.
  Scratch scratch_{must(TempDir::make("/dev/shm", "slipway-crash-"))};
};

TEST_F(Crash, AKilledImportLeavesAllOrNothing) {
  TarWriter tar;
  for (int i = 0; i < 40; ++i)
    tar.file("d" + std::to_string(i % 7) + "/f" + std::to_string(i), std::string(3000, 'x'));
  const std::string archive = tar.file("last", "end").finish();
  for (std::size_t part = 0; part <= 8; ++part) {
    kill_after(&Crash::import_in_child, archive, archive.size() * part / 8);
    expect_whole("killed after " + std::to_string(part) + "/8");
  }
}

// System calls that change the store; the child is cut before each of them in turn. Linux 5.3: PTRACE_GET_SYSCALL_INFO.
bool changes_something(pid_t child) {
  __ptrace_syscall_info info{};
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) <= 0) return false;
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return false;
  switch (static_cast<long>(info.entry.nr)) {
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_rename:
    case SYS_unlinkat:
    case SYS_mkdirat:
    case SYS_pwrite64:
    case SYS_fsync:
    case SYS_fdatasync:
    case SYS_syncfs:
      return true;
    default:
      return false;
  }
}

// Runs a stopped, traced child up to its `calls`-th change and kills it there; false when it ended by itself before.
bool kill_at_change(pid_t child, int calls) {
  int status = 0;
  ::waitpid(child, &status, 0);
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  while (WIFSTOPPED(status)) {
    if (WSTOPSIG(status) == (SIGTRAP | 0x80) && changes_something(child) && calls-- == 0) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      return true;
    }
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    ::waitpid(child, &status, 0);
  }
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return false;
}

TEST_F(Crash, AKillBeforeAnyChangeLeavesAllOrNothing) {
  const std::string archive = TarWriter().file("a/b", "1").file("last", "end").finish();
  int calls = 0;
  for (bool killed = true; killed; ++calls) {
    must(remove_tree(scratch_.path("store")));
    const Fd fd = scratch_.file("rootfs", archive);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      import_in_child(fd.get());
    }
    killed = kill_at_change(child, calls);
    expect_whole("change " + std::to_string(calls));
  }
  EXPECT_GT(calls, 30) << "an import has more steps than that";
}

// Two images that share a layer, the second one's own layer compressed.
std::string two_images() {
  using testing::add_oci_image;
  testing::ArchiveFiles files;
  const std::string base = testing::layer_tar("base", std::string(20'000, 'b'));
  const std::string one = testing::layer_tar("last", "end");
  const std::string two = TarWriter().file("x", "y").file("last", "end").finish();
  testing::set_index(
      files, {add_oci_image(files, {base, one}, testing::config_text({base, one}), kLayerType),
              add_oci_image(files, {base, two}, testing::config_text({base, two}), kLayerType)});
  return files.pack();
}

TEST_F(Crash, AKilledLoadLeavesAllImagesOrNone) {
  const std::string archive = two_images();
  for (std::size_t part = 0; part <= 8; ++part) {
    kill_after(&Crash::load_in_child, archive, archive.size() * part / 8);
    expect_whole("killed after " + std::to_string(part) + "/8", 2);
  }
}

TEST_F(Crash, AKillBeforeAnyChangeOfALoadLeavesAllImagesOrNone) {
  const std::string archive = two_images();
  int calls = 0;
  for (bool killed = true; killed; ++calls) {
    must(remove_tree(scratch_.path("store")));
    const Fd fd = scratch_.file("images", archive);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      load_in_child(fd.get());
    }
    killed = kill_at_change(child, calls);
    expect_whole("change " + std::to_string(calls), 2);
  }
  EXPECT_GT(calls, 30) << "a load has more steps than that";
}

}  // namespace
}  // namespace slipway::cachestore
