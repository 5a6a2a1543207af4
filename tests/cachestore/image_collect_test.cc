// Collecting garbage beside imports, loads, creations and removals in several processes, some of which are killed.
#include <sys/prctl.h>
#include <sys/wait.h>

#include <set>

#include "tests/cachestore/image_archive_fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::add_oci_image;
using testing::ArchiveFiles;
using testing::content_of;
using testing::layer_tar;
using testing::must;
using testing::Scratch;

class CollectBeside : public ::testing::Test {
 protected:
  std::shared_ptr<Store> open() { return must(Store::open({scratch_.path("store"), {}, true})); }

  static Reference name(const std::string& text) { return must(Reference::parse(text)); }

  Image import(Store& store, const std::string& as, const std::string& content) {
    const Fd fd = scratch_.file(as + ".tar", layer_tar("file", content));
    ImportRequest request;
    request.fd = fd.get();
    request.source = as;
    request.name = name(as);
    return must(store.import_image(request, CancelToken()));
  }
  Status load_into(Store& store, const std::string& as, const std::string& file,
                   const std::string& content) {
    ArchiveFiles files;
    const std::string base = layer_tar("base", "shared by all");
    const std::string own = layer_tar("file", content);
    Json image = add_oci_image(files, {base, own}, testing::config_text({base, own}), kLayerType);
    image.set("annotations", Json::object({{"io.containerd.image.name", as + ":latest"}}));
    testing::set_index(files, {image});
    const Fd fd = scratch_.file(file + ".tar", files.pack());
    LoadRequest request;
    request.fd = fd.get();
    request.source = as;
    SLIP_TRY(load_images(store, request, CancelToken()));
    return {};
  }
  Image load(Store& store, const std::string& as, const std::string& content) {
    must(load_into(store, as, as, content));
    return must(store.image(as));
  }
  Image create(Store& store, const std::string& as, const Image& parent,
               const std::string& content) {
    Draft draft = must(store.begin());
    must(write_file_atomic(draft.upper() + "/file", content, 0644));
    CreateImage request;
    request.parent = parent.id;
    request.config = parent.config;
    request.name = name(as);
    request.steps.emplace_back().draft = std::move(draft);
    return must(store.create_image(std::move(request), CancelToken()));
  }

  static bool was_killed(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }
  /// A child that goes with the test.
  static pid_t fork_child() {
    const pid_t child = ::fork();
    if (child == 0) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    return child;
  }

  // One worker's life: images come, are read and go; a byte to the pipe for each round.
  [[noreturn]] void work(int worker, int report_fd) {
    auto store = open();
    const std::string as = "w" + std::to_string(worker);
    for (int round = 0;; ++round) {
      const std::string content = as + " round " + std::to_string(round % 5);
      const Image image = round % 2 == 0 ? import(*store, as, content) : load(*store, as, content);
      const Image child = create(*store, as + "-child", image, content + "!");
      for (const Snapshot& layer : child.layers) {
        if (!path_exists(layer.path)) ::_exit(1);
      }
      if (content_of(child.layers.back().path + "/file") != content + "!") ::_exit(2);
      if (!store->read_blob(must(store->image(as)).manifest, 1_MiB)) ::_exit(3);
      must(store->remove_image(as + "-child"));
      if (round % 3 == 0) must(store->remove_image(as));
      // One name for all: another worker may take it away at any time.
      if (!load_into(*store, "shared", as + "-shared", "one for all")) ::_exit(4);
      (void)store->remove_image("shared");
      if (::write(report_fd, "r", 1) != 1) ::_exit(0);
    }
  }

  // Every row has its files, every file its row.
  void expect_whole(Store& store) {
    std::set<std::string> snapshots;
    for (const Image& image : must(store.images())) {
      for (const Snapshot& layer : image.layers) snapshots.insert(layer.id);
      const Json manifest = must(parse_json(must(store.read_blob(image.manifest, 4_MiB))));
      EXPECT_FALSE(manifest["layers"].items().empty());
    }
    const Fd fd = scratch_.open("store/snapshots", O_RDONLY | O_DIRECTORY);
    const auto names = must(list_dir(fd.get(), "snapshots"));
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()), snapshots);
  }

  // In memory: hundreds of syncs, and none of this depends on the disk.
  Scratch scratch_{must(TempDir::make("/dev/shm", "slipway-collect-"))};
};

TEST_F(CollectBeside, NothingInUseGoesAndNothingStaysOfKilledWorkers) {
  constexpr int kWorkers = 3;
  constexpr int kKills = 30;
  auto store = open();
  const Image held = import(*store, "held", "held by a stopped container");
  must(store->hold_image(held.id, "container stopped"));
  RemoveImage force;
  force.force = true;
  must(store->remove_image("held", force));
  const Image running = import(*store, "running", "in a running container");
  std::optional<Lease> lease = must(store->lease({running.layers.back().id}));
  must(store->remove_image("running"));

  auto pipe = must(sys::make_pipe());
  std::vector<pid_t> workers(kWorkers, -1);
  const auto start = [&](int worker) {
    const pid_t child = fork_child();
    ASSERT_GE(child, 0);
    if (child == 0) work(worker, pipe.write.get());
    workers[static_cast<std::size_t>(worker)] = child;
  };
  for (int worker = 0; worker < kWorkers; ++worker) start(worker);
  // A process of its own: forking beside a thread would copy locks that nobody opens again.
  const pid_t collector = fork_child();
  ASSERT_GE(collector, 0);
  if (collector == 0) {
    auto own = open();
    while (own->collect({0})) {
    }
    ::_exit(1);
  }
  for (int kill = 0; kill < kKills; ++kill) {
    char reports[4];
    for (std::size_t got = 0; got < sizeof reports;) {
      const ssize_t n = ::read(pipe.read.get(), reports, sizeof reports - got);
      ASSERT_GT(n, 0);
      got += static_cast<std::size_t>(n);
    }
    const int worker = kill % kWorkers;
    const pid_t victim = workers[static_cast<std::size_t>(worker)];
    ::kill(victim, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(victim, &status, 0), victim);
    EXPECT_TRUE(was_killed(status)) << "a worker failed by itself: " << status;
    if (kill + kWorkers < kKills) start(worker);
  }
  ::kill(collector, SIGKILL);
  int ended = 0;
  ASSERT_EQ(::waitpid(collector, &ended, 0), collector);
  EXPECT_TRUE(was_killed(ended)) << "a collection failed: " << ended;

  must(store->collect({0}));
  EXPECT_EQ(content_of(running.layers.back().path + "/file"), "in a running container");
  EXPECT_EQ(content_of(must(store->image(held.id.str())).layers.back().path + "/file"),
            "held by a stopped container");
  const std::string leased = running.layers.back().id;
  EXPECT_TRUE(path_exists(scratch_.path("store/snapshots/" + leased)));
  lease.reset();
  must(store->collect({0}));
  EXPECT_FALSE(path_exists(scratch_.path("store/snapshots/" + leased)));
  expect_whole(*store);
}

}  // namespace
}  // namespace slipway::cachestore
