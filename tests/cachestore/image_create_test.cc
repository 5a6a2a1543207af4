// Images made here from drafts, snapshots and uppers.
#include <sys/sysmacros.h>

#include "cachestore/image/config_json.h"
#include "cachestore/layer/overlay_format.h"
#include "tests/cachestore/fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::content_of;
using testing::must;
using testing::Scratch;
using testing::TarWriter;

class CreateImageTest : public ::testing::Test {
 protected:
  Draft draft_with(const std::string& name, const std::string& content) {
    Draft draft = must(store_->begin());
    must(write_file_atomic(draft.upper() + "/" + name, content, 0644));
    return draft;
  }
  static ImageStep draft_step(Draft draft, const std::string& created_by) {
    ImageStep step;
    step.draft = std::move(draft);
    step.history.created_by = created_by;
    return step;
  }
  static ImageStep config_step(const std::string& created_by) {
    ImageStep step;
    step.history.created_by = created_by;
    return step;
  }
  CreateImage request(const std::string& name) {
    CreateImage request;
    request.name = must(Reference::parse(name));
    return request;
  }
  Image create(CreateImage request) {
    return must(store_->create_image(std::move(request), CancelToken()));
  }
  Image import(const std::string& name) {
    const Fd fd = scratch_.file("rootfs.tar", TarWriter().file("base", "b").finish());
    ImportRequest request;
    request.fd = fd.get();
    request.source = "rootfs.tar";
    request.name = must(Reference::parse(name));
    request.config.env = {"A=1"};
    return must(store_->import_image(request, CancelToken()));
  }
  std::vector<std::string> names_in(const std::string& dir) {
    const Fd fd = scratch_.open("store/" + dir, O_RDONLY | O_DIRECTORY);
    return must(list_dir(fd.get(), dir));
  }
  Digest packed(const std::string& path) {
    const Fd fd = must(open_file(path, O_RDONLY | O_DIRECTORY));
    return must(layer_diff_id(fd.get(), CancelToken()));
  }

  Scratch scratch_;
  std::shared_ptr<Store> store_ = must(Store::open({scratch_.path("store"), {}, true}));
};

TEST_F(CreateImageTest, ADraftBecomesALayerAboveTheParents) {
  const Image base = import("base");
  CreateImage wanted = request("app:1");
  wanted.parent = base.id;
  wanted.config = base.config;
  wanted.config.cmd = {"/app"};
  wanted.config.author = "me";
  wanted.steps.push_back(draft_step(draft_with("new", "n"), "RUN make"));
  wanted.steps.push_back(config_step("CMD [\"/app\"]"));
  const Image image = create(std::move(wanted));
  ASSERT_EQ(image.layers.size(), 2U);
  EXPECT_EQ(image.layers[0].id, base.layers[0].id);
  EXPECT_EQ(content_of(image.layers[1].path + "/new"), "n");
  EXPECT_EQ(image.diff_ids[1], packed(image.layers[1].path));
  EXPECT_EQ(image.parent, base.id);
  EXPECT_EQ(image.config.env, std::vector<std::string>{"A=1"});
  EXPECT_EQ(image.config.author, "me");
  ASSERT_EQ(image.config.history.size(), 3U);
  EXPECT_EQ(image.config.history[1].created_by, "RUN make");
  EXPECT_FALSE(image.config.history[1].empty_layer);
  EXPECT_TRUE(image.config.history[2].empty_layer);
  const Json manifest = must(parse_json(must(store_->read_blob(image.manifest, 4_MiB))));
  const Json& layer = manifest["layers"].items().at(1);
  EXPECT_EQ(layer["digest"].string_or(""), image.diff_ids[1].str());
  EXPECT_EQ(layer["mediaType"].string_or(""), kLayerType);
}

TEST_F(CreateImageTest, AStepsSnapshotIsALayerWithoutACopyAndStaysAStep) {
  const Snapshot step = must(store_->commit(draft_with("made", "m"), SnapshotKind::kStep, "key",
                                            Json::object(), Durability::kRelaxed));
  CreateImage wanted = request("app");
  wanted.steps.emplace_back().snapshot = step.id;
  const Image image = create(std::move(wanted));
  EXPECT_EQ(image.layers.at(0).id, step.id);
  EXPECT_EQ(names_in("snapshots").size(), 1U);
  EXPECT_TRUE(must(store_->find(SnapshotKind::kStep, "key")));
  must(store_->prune(SnapshotKind::kStep, WallTime::max()));
  must(store_->collect({0}));
  EXPECT_EQ(content_of(must(store_->image("app")).layers.at(0).path + "/made"), "m");
  must(store_->remove_image("app"));
  EXPECT_EQ(names_in("snapshots").size(), 1U) << "still a step";
  must(store_->collect({0}));
  EXPECT_TRUE(names_in("snapshots").empty());
}

TEST_F(CreateImageTest, AnUpperIsCopiedWithItsWhiteoutsLinksAndOwners) {
  const Fd upper = scratch_.make_dir("upper");
  must(make_dirs(scratch_.path("upper/dir"), 0700));
  must(write_file_atomic(scratch_.path("upper/dir/a"), "a", 04755));
  ASSERT_EQ(::link(scratch_.path("upper/dir/a").c_str(), scratch_.path("upper/b").c_str()), 0);
  ASSERT_EQ(::symlink("/nowhere", scratch_.path("upper/link").c_str()), 0);
  must(make_whiteout(upper.get(), "gone"));
  const Fd dir = scratch_.open("upper/dir", O_RDONLY | O_DIRECTORY);
  must(make_opaque(dir.get(), overlay_xattrs_here()));
  CreateImage wanted = request("copy");
  wanted.steps.emplace_back().upper_fd = upper.get();
  const Image image = create(std::move(wanted));
  EXPECT_EQ(image.diff_ids.at(0), packed(scratch_.path("upper")));
  const std::string copy = image.layers.at(0).path;
  EXPECT_EQ(testing::lstat_of(copy + "/gone").st_mode & S_IFMT, static_cast<mode_t>(S_IFCHR));
  EXPECT_EQ(testing::lstat_of(copy + "/b").st_nlink, 2U);
  EXPECT_EQ(testing::lstat_of(copy + "/dir/a").st_mode & 07777U, 04755U);
  EXPECT_EQ(content_of(scratch_.path("upper/dir/a")), "a") << "the container keeps its files";
}

TEST_F(CreateImageTest, OneContentIsOneLayer) {
  for (const char* name : {"one", "two"}) {
    CreateImage wanted = request(name);
    wanted.config.labels = {{"name", name}};
    Draft draft = draft_with("same", "s");
    const timespec times[2] = {{1'700'000'000, 0}, {1'700'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (draft.upper() + "/same").c_str(), times, 0), 0);
    wanted.steps.push_back(draft_step(std::move(draft), "COPY same /"));
    create(std::move(wanted));
  }
  EXPECT_NE(must(store_->image("one")).id, must(store_->image("two")).id);
  EXPECT_EQ(names_in("snapshots").size(), 1U);
}

TEST_F(CreateImageTest, ParentsStayForTheirChildrenAndGoWithTheLast) {
  const Image base = import("base");
  CreateImage wanted = request("app");
  wanted.parent = base.id;
  wanted.config = base.config;
  wanted.steps.push_back(draft_step(draft_with("new", "n"), "RUN make"));
  const Image app = create(std::move(wanted));
  const auto refused = store_->remove_image(base.id.str());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("other images were made from it"), std::string::npos);
  const auto untagged = must(store_->remove_image("base"));
  EXPECT_EQ(untagged.untagged.size(), 1U);
  EXPECT_TRUE(untagged.deleted.empty());
  RemoveImage keep;
  keep.keep_parents = true;
  must(store_->tag_image(app.id.str(), must(Reference::parse("app:2"))));
  must(store_->remove_image("app:2"));
  const auto removed = must(store_->remove_image("app"));
  EXPECT_EQ(removed.deleted, (std::vector{app.id, base.id}));
  EXPECT_TRUE(names_in("snapshots").empty());
  EXPECT_TRUE(names_in("blobs/sha256").empty());
}

TEST_F(CreateImageTest, AParentIsKeptOnRequest) {
  const Image base = import("base");
  CreateImage wanted = request("app");
  wanted.parent = base.id;
  wanted.config = base.config;
  wanted.config.cmd = {"x"};
  wanted.steps.push_back(config_step("CMD x"));
  create(std::move(wanted));
  must(store_->remove_image("base"));
  RemoveImage keep;
  keep.keep_parents = true;
  EXPECT_EQ(must(store_->remove_image("app", keep)).deleted.size(), 1U);
  EXPECT_TRUE(store_->image(base.id.str()));
}

TEST_F(CreateImageTest, RefusesWhatCannotBeAndLeavesNothing) {
  CreateImage orphan = request("app");
  orphan.parent = Digest::of("nobody");
  const auto missing = store_->create_image(std::move(orphan), CancelToken());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(missing.error().text().starts_with("create image app:latest: "));
  CreateImage unknown = request("app");
  unknown.steps.emplace_back().snapshot = "nosuch";
  EXPECT_FALSE(store_->create_image(std::move(unknown), CancelToken()));
  CreateImage digest = request("app@" + Digest::of("x").str());
  EXPECT_FALSE(store_->create_image(std::move(digest), CancelToken()));
  EXPECT_TRUE(names_in("snapshots").empty());
  EXPECT_TRUE(names_in("blobs/sha256").empty());
}

}  // namespace
}  // namespace slipway::cachestore
