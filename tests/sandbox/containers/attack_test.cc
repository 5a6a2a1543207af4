// Attacks on the engine by what an image says and by what a running container does to whoever deals with it. SECURITY,
// tables 1a and 1b; names are CVE numbers where there is one.
#include <sched.h>
#include <sys/stat.h>

#include "base/text.h"
#include "tests/sandbox/containers/containers_fixture.h"

namespace slipway::sandbox {
namespace {

class ContainersAttack : public ContainersTest {
 protected:
  void SetUp() override {
    ContainersTest::SetUp();
    auto opened = Volumes::open(state_);
    ASSERT_TRUE(opened) << opened.error().text();
    volumes_ = *opened;
    open_with({});
  }
  void open_with(const PowerPolicy& policy) {
    ContainersOptions options;
    options.state_dir = state_;
    options.store = store_;
    options.volumes = volumes_;
    options.policy = policy;
    containers_ = *Containers::open(std::move(options));
  }
  // An image "hostile": a shell, what `fill` adds, and this config.
  void import_image(const std::function<void(testing::TarWriter&)>& fill,
                    cachestore::ImageConfig image_config) {
    testing::TarWriter tar;
    tar.dir("bin/").file("bin/busybox", read_file("/bin/busybox", 16_MiB).value_or(""), 0755);
    for (const char* name : {"sh", "cat", "ls", "sleep", "find", "kill", "yes"})
      tar.symlink(std::string("bin/") + name, "busybox");
    fill(tar);
    const std::string path = directory_->path() + "/hostile.tar";
    ASSERT_TRUE(write_file_atomic(path, tar.finish(), 0600));
    const auto file = open_file(path, O_RDONLY);
    cachestore::ImportRequest request;
    request.fd = file->get();
    request.source = path;
    request.name = *cachestore::Reference::parse("hostile");
    request.config = std::move(image_config);
    request.config.env = {"PATH=/bin"};
    const auto imported = store_->import_image(request, CancelToken());
    ASSERT_TRUE(imported) << imported.error().text();
  }
  static ContainerConfig hostile(const std::string& script) {
    ContainerConfig made = shell(script);
    made.image = "hostile";
    return made;
  }
  std::string refusal(ContainerConfig wanted) {
    const auto id = containers_->create(std::move(wanted), {});
    return id ? "created" : id.error().text();
  }
  std::string output_of(ContainerConfig wanted) {
    const std::string id = run(std::move(wanted));
    wait(id);
    return logs(id);
  }
  std::size_t volume_count() { return volumes_->list().value_or(std::vector<VolumeInfo>()).size(); }

  std::shared_ptr<Volumes> volumes_;
};

// R8: the image's VOLUME names a place through a link that leaves the image. What is copied is the image's.
TEST_F(ContainersAttack, Cve2022_23648_VolumeThroughALinkShowsNothingOfTheHost) {
  const std::string secret = directory_->path() + "/secret";
  ASSERT_TRUE(make_dirs(secret, 0755));
  ASSERT_TRUE(write_file_atomic(secret + "/key", "host secret", 0644));
  cachestore::ImageConfig image;
  image.volumes = {"/out/data", "/up"};
  import_image(
      [&](testing::TarWriter& tar) {
        tar.symlink("out", "/../../../../../../.." + directory_->path());
        tar.symlink("up", "../../../../../../../../.." + secret);
      },
      image);
  const auto id =
      containers_->create(hostile("find / -xdev -name key; cat /out/data/key /up/key"), {});
  if (id && containers_->start(*id)) {
    wait(*id);
    EXPECT_EQ(logs(*id).find("host secret"), std::string::npos) << logs(*id);
  }
  const auto volumes = volumes_->list();
  ASSERT_TRUE(volumes);
  for (const VolumeInfo& volume : *volumes) {
    EXPECT_EQ(volume.path.rfind(state_, 0), 0U) << volume.path;
    EXPECT_FALSE(path_exists(volume.path + "/key")) << volume.path;
  }
  EXPECT_EQ(read_file(secret + "/key", 1_KiB).value_or(""), "host secret");
}

TEST_F(ContainersAttack, Cve2022_23648_VolumeThatGoesUpIsRefused) {
  for (const char* path : {"/../../etc", "/a/../../etc", "relative", "", "/", "/..", "//"}) {
    cachestore::ImageConfig image;
    image.volumes = {path};
    import_image([](testing::TarWriter&) {}, image);
    EXPECT_NE(refusal(hostile("ls")), "created") << path;
  }
  EXPECT_EQ(volume_count(), 0U);
}

// Each would be a directory of ours, and the names would be compared with each other.
TEST_F(ContainersAttack, AThousandVolumesOfAnImageAreRefusedAndMakeNothing) {
  cachestore::ImageConfig image;
  for (int i = 0; i < 1'000; ++i) image.volumes.push_back("/v/" + std::to_string(i));
  import_image([](testing::TarWriter&) {}, image);
  EXPECT_NE(refusal(hostile("ls")).find("more than 100 mounts"), std::string::npos);
  EXPECT_EQ(volume_count(), 0U);
}

// R22: nothing that an image says about itself is an option of the engine.
TEST_F(ContainersAttack, Cve2026_53488_LabelsOfAnImageLoosenNothing) {
  cachestore::ImageConfig image;
  image.labels = {{"privileged", "true"},
                  {"io.slipway.powers", "privileged"},
                  {"io.kubernetes.cri.privileged", "true"},
                  {"run.oci.keep_original_groups", "1"},
                  {"devices", "/dev/kmsg"},
                  {"com.docker.security-opt", "seccomp=unconfined"}};
  import_image([](testing::TarWriter&) {}, image);
  const std::string status = output_of(hostile("cat /proc/self/status; ls /dev"));
  EXPECT_NE(status.find("Seccomp:\t2"), std::string::npos) << status;
  EXPECT_NE(status.find("CapBnd:\t00000000800405fb"), std::string::npos) << status;
  EXPECT_EQ(status.find("kmsg"), std::string::npos) << status;
}

// What a policy forbids cannot be had through a volume or through another container's mounts either.
TEST_F(ContainersAttack, ForbiddenHostDirectoriesComeNeitherAsVolumesNorFromOthers) {
  const std::string host = directory_->path() + "/host";
  ASSERT_TRUE(make_dirs(host, 0755));
  ContainerConfig with_bind = config({"true"});
  MountConfig bind;
  bind.type = MountConfig::Type::kBind;
  bind.source = host;
  bind.target = "/host";
  with_bind.mounts = {bind};
  create(with_bind, "trusted");
  ASSERT_TRUE(
      volumes_->create({"sneaky", {}, {{"type", "none"}, {"o", "bind"}, {"device", host}}}));
  PowerPolicy policy;
  policy.forbidden = {"host-directory"};
  open_with(policy);
  EXPECT_NE(refusal(with_bind).find("use power host-directory"), std::string::npos);
  ContainerConfig by_volume = config({"true"});
  MountConfig volume;
  volume.type = MountConfig::Type::kVolume;
  volume.source = "sneaky";
  volume.target = "/host";
  by_volume.mounts = {volume};
  EXPECT_NE(refusal(by_volume).find("use power host-directory"), std::string::npos)
      << refusal(by_volume);
  ContainerConfig by_other = config({"true"});
  by_other.volumes_from = {"trusted"};
  EXPECT_NE(refusal(by_other).find("use power host-directory"), std::string::npos)
      << refusal(by_other);
  bind.source = directory_->path() + "/made/by/attack";
  bind.create_source = true;
  with_bind.mounts = {bind};
  EXPECT_NE(refusal(with_bind), "created");
  EXPECT_FALSE(path_exists(bind.source));
}

// R25: a child in the background keeps the pipes of an exec; the exec ends all the same, and the monitor lets go of it.
TEST_F(ContainersAttack, Cve2026_53495_ABackgroundChildDoesNotKeepAnExec) {
  const std::string id = run(config({"sleep", "1000"}));
  ExecConfig holder;
  holder.argv = {"sh", "-c", "sleep 1000 & echo gone"};
  const auto exec_id = containers_->create_exec(id, holder);
  ASSERT_TRUE(exec_id) << exec_id.error().text();
  const auto attached = containers_->start_exec(*exec_id);
  ASSERT_TRUE(attached) << attached.error().text();
  EXPECT_EQ(containers_->wait_exec(*exec_id, CancelToken()).value_or(-1), 0);
  // The stream is cut by the monitor although the child still has its end of the pipe.
  EXPECT_EQ(unframe(read_all(attached->stream.get())).out, "gone\n");
}

TEST_F(ContainersAttack, AKillForWantOfMemoryIsSaid) {
  // Bounded, so that it ends by itself where no limit can be set.
  ContainerConfig greedy = shell(
      "x=x; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26; do "
      "x=$x$x; done");
  greedy.limits.memory = 16_MiB;
  const std::string id = run(greedy);
  const int code = wait(id);
  const ContainerState seen = state(id);
  if (!seen.out_of_memory && std::getenv("SLIPWAY_TEST_GUESTS") != nullptr)
    return;  // An ordinary user's: no cgroup is ours.
  EXPECT_NE(code, 0);
  EXPECT_TRUE(seen.out_of_memory) << code << " " << seen.error;
}

// Every new process is stopped as soon as it shows. Nobody who deals with the container hangs for that.
TEST_F(ContainersAttack, StoppingEveryNewProcessHangsNobody) {
  const std::string id =
      create(shell("echo ready; while :; do for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p -gt 1 ] "
                   "&& [ $p != $$ ] && "
                   "kill -STOP $p; done; done 2> /dev/null"));
  const Attachment main = attach(id);
  start(id);
  std::string text;
  ASSERT_TRUE(read_until(main.stream.get(), "ready", text));
  ExecConfig victim;
  victim.argv = {"sh", "-c", "sleep 0; sleep 0; echo done"};
  const auto exec_id = containers_->create_exec(id, victim);
  ASSERT_TRUE(exec_id) << exec_id.error().text();
  (void)containers_->start_exec(*exec_id);  // Runs, is stopped, or is given up after 10 s.
  EXPECT_TRUE(containers_->processes(id));
  EXPECT_TRUE(containers_->stop(id, Millis(0)));
  EXPECT_EQ(state(id).status, ContainerStatus::kExited);
}

// A mount target inside a volume that another container swaps all the time between a directory and a link to the host.
TEST_F(ContainersAttack, SwappingATargetInsideAVolumeNeverReachesTheHost) {
  const std::string host = directory_->path() + "/host";
  ASSERT_TRUE(make_dirs(host + "/in", 0755));
  ASSERT_TRUE(write_file_atomic(host + "/in/untouched", "x", 0644));
  MountConfig volume;
  volume.type = MountConfig::Type::kVolume;
  volume.source = "shared";
  volume.target = "/shared";
  ContainerConfig swapper = shell(
      "PATH=/bin; mv() { busybox mv \"$@\"; }; ln() { busybox ln \"$@\"; }; mkdir -p /shared/d/in; "
      "ln -s /../../../../../../.." +
      host +
      " /shared/l; echo ready; while :; do mv /shared/d /shared/t; mv /shared/l "
      "/shared/d; mv /shared/d /shared/l; mv /shared/t /shared/d; done 2> /dev/null");
  swapper.mounts = {volume};
  const std::string id = create(swapper);
  const Attachment main = attach(id);
  start(id);
  std::string text;
  ASSERT_TRUE(read_until(main.stream.get(), "ready", text)) << text;
  for (int round = 0; round < 20; ++round) {
    ContainerConfig wanted = shell("echo written > /shared/d/in/by-container; cat /shared/d/in/*");
    MountConfig inner;
    inner.type = MountConfig::Type::kTmpfs;
    inner.target = "/shared/d/in";
    wanted.mounts = {volume, inner};
    const std::string victim = create(wanted);
    if (!containers_->start(victim)) continue;  // The target was gone just then.
    wait(victim);
    EXPECT_EQ(logs(victim).find("untouched"), std::string::npos);
  }
  EXPECT_TRUE(path_exists(host + "/in/untouched"));
  EXPECT_FALSE(path_exists(host + "/in/by-container"));
}

}  // namespace
}  // namespace slipway::sandbox
