// Drafts, commits, look-ups, leases, pruning, and opening a store.
#include <sqlite3.h>
#include <sys/wait.h>

#include <thread>

#include "tests/cachestore/fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::content_of;
using testing::must;
using testing::Scratch;

class Snapshots : public ::testing::Test {
 protected:
  std::shared_ptr<Store> open() { return must(Store::open({scratch_.path("store"), {}, true})); }
  Draft draft_with(Store& store, const std::string& content) {
    Draft draft = must(store.begin());
    must(write_file_atomic(draft.upper() + "/file", content, 0644));
    return draft;
  }
  Snapshot commit(Store& store, const std::string& key, const std::string& content,
                  Durability durability = Durability::kRelaxed) {
    return must(store.commit(draft_with(store, content), SnapshotKind::kStep, key,
                             Json::object({{"n", 1}}), durability));
  }
  std::vector<std::string> names_in(const std::string& dir) {
    const Fd fd = scratch_.open("store/" + dir, O_RDONLY | O_DIRECTORY);
    return must(list_dir(fd.get(), dir));
  }
  void run_sql(const std::string& sql) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(scratch_.path("store/store.db").c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(handle);
  }
  // What a child leaves when it is killed after `work`.
  template <typename F>
  void in_killed_child(F&& work) {
    const pid_t child = ::fork();
    if (child == 0) {
      work();
      ::raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }

  Scratch scratch_;
};

TEST_F(Snapshots, ACommittedDraftIsFoundByKeyAndId) {
  auto store = open();
  const Snapshot made = commit(*store, "key", "content", Durability::kFull);
  const auto found = must(store->find(SnapshotKind::kStep, "key"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, made.id);
  EXPECT_EQ(found->metadata["n"].int_or(0), 1);
  EXPECT_EQ(content_of(must(store->get(made.id)).path + "/file"), "content");
  EXPECT_FALSE(must(store->find(SnapshotKind::kCache, "key")));
  EXPECT_FALSE(must(store->find(SnapshotKind::kStep, "other")));
  EXPECT_FALSE(must(store->find(SnapshotKind::kStep, "")));
}

TEST_F(Snapshots, SurvivesReopening) {
  commit(*open(), "key", "content");
  EXPECT_TRUE(must(open()->find(SnapshotKind::kStep, "key")));
}

TEST_F(Snapshots, TheFirstCommitOfAKeyWins) {
  auto store = open();
  auto other = open();
  const Snapshot first = commit(*store, "key", "first");
  const Snapshot second = commit(*other, "key", "second");
  EXPECT_EQ(first.id, second.id);
  EXPECT_EQ(content_of(second.path + "/file"), "first");
  EXPECT_EQ(names_in("snapshots").size(), 1U);
}

TEST_F(Snapshots, SnapshotsWithoutKeyAreAllDifferent) {
  auto store = open();
  EXPECT_NE(commit(*store, "", "a").id, commit(*store, "", "b").id);
}

TEST_F(Snapshots, RacingCommitsOfOneKeyAgree) {
  std::vector<std::string> ids(8);
  std::vector<std::thread> threads;
  for (std::string& id : ids) {
    threads.emplace_back([&] { id = commit(*open(), "key", "x").id; });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& id : ids) EXPECT_EQ(id, ids.front());
  EXPECT_EQ(names_in("snapshots").size(), 1U);
}

TEST_F(Snapshots, ADroppedDraftIsLikeNewForTheNextOne) {
  auto store = open();
  {
    Draft draft = draft_with(*store, "left over");
    must(make_dirs(draft.work() + "/work", 0700));
    must(make_dirs(draft.upper() + "/deep/er", 0755));
  }
  const Draft next = must(store->begin());
  const Fd upper = must(open_file(next.upper(), O_RDONLY | O_DIRECTORY));
  const Fd work = must(open_file(next.work(), O_RDONLY | O_DIRECTORY));
  EXPECT_TRUE(must(list_dir(upper.get(), "upper")).empty());
  EXPECT_TRUE(must(list_dir(work.get(), "work")).empty());
}

TEST_F(Snapshots, ADraftWhoseTopWasChangedIsNotUsedAgain) {
  auto store = open();
  { ASSERT_EQ(::chmod(must(store->begin()).upper().c_str(), 0700), 0); }
  {
    const Draft draft = must(store->begin());
    ASSERT_EQ(::setxattr(draft.upper().c_str(), "user.mark", "x", 1, 0), 0);
  }
  const Draft next = must(store->begin());
  EXPECT_EQ(testing::lstat_of(next.upper()).st_mode & 07777U, 0755U);
  EXPECT_EQ(testing::xattr_of(next.upper(), "user.mark"), "(none)");
}

TEST_F(Snapshots, DraftsOfTheDeadAreSweptAndThoseOfTheLivingAreNot) {
  auto store = open();
  const Draft alive = draft_with(*store, "alive");
  in_killed_child([&] { new Draft(draft_with(*open(), "dead")); });
  EXPECT_EQ(names_in("drafts").size(), 4U);  // two locks, two drafts
  open().reset();
  EXPECT_EQ(names_in("drafts").size(), 2U);
  EXPECT_EQ(content_of(alive.upper() + "/file"), "alive");
}

TEST_F(Snapshots, WhatWasRenamedButNotRecordedIsSwept) {
  commit(*open(), "kept", "x");
  in_killed_child([&] {
    auto store = open();
    const Draft draft = draft_with(*store, "lost");
    const std::string from = scratch_.path("store/drafts/" + draft.id());
    ::rename(from.c_str(), scratch_.path("store/snapshots/" + draft.id()).c_str());
    ::kill(::getpid(), SIGKILL);
  });
  EXPECT_EQ(names_in("snapshots").size(), 2U);
  auto store = open();
  EXPECT_EQ(names_in("snapshots").size(), 1U);
  EXPECT_TRUE(must(store->find(SnapshotKind::kStep, "kept")));
}

TEST_F(Snapshots, LeavesNoLockBehindWhenClosed) {
  auto store = open();
  commit(*store, "key", "x");
  store.reset();
  EXPECT_TRUE(names_in("drafts").empty());
}

TEST_F(Snapshots, AnUnsyncedSnapshotIsNotTrustedAfterAReboot) {
  const std::string lost = commit(*open(), "relaxed", "x").id;
  commit(*open(), "full", "x", Durability::kFull);
  run_sql("UPDATE snapshots SET boot = 'an earlier boot' WHERE boot IS NOT NULL");
  auto store = open();
  EXPECT_FALSE(store->get(lost));
  EXPECT_FALSE(must(store->find(SnapshotKind::kStep, "relaxed")));
  EXPECT_TRUE(must(store->find(SnapshotKind::kStep, "full")));
  EXPECT_EQ(content_of(commit(*store, "relaxed", "again").path + "/file"), "again");
}

TEST_F(Snapshots, ASnapshotWhoseFilesAreGoneIsNotFound) {
  auto store = open();
  const Snapshot gone = commit(*store, "key", "x");
  must(remove_tree(scratch_.path("store/snapshots/" + gone.id)));
  EXPECT_FALSE(must(store->find(SnapshotKind::kStep, "key")));
  EXPECT_NE(commit(*store, "key", "y").id, gone.id);
}

TEST_F(Snapshots, PruneTakesTheUnusedAndSparesTheLeased) {
  auto store = open();
  const Snapshot leased = commit(*store, "leased", "x");
  const Snapshot free = commit(*store, "free", std::string(100'000, 'x'));
  auto other = open();
  {
    const Lease lease = must(other->lease({leased.id}));
    EXPECT_EQ(must(store->prune(SnapshotKind::kStep, WallTime())).snapshots, 0U);
    EXPECT_EQ(must(store->prune(SnapshotKind::kCache, WallTime::max())).snapshots, 0U);
    const auto pruned = must(store->prune(SnapshotKind::kStep, WallTime::max()));
    EXPECT_EQ(pruned.snapshots, 1U);
    EXPECT_GE(pruned.freed.value, 100'000U);
    EXPECT_FALSE(store->get(free.id));
    EXPECT_TRUE(store->get(leased.id));
  }
  EXPECT_EQ(must(store->prune(SnapshotKind::kStep, WallTime::max())).snapshots, 1U);
  EXPECT_TRUE(names_in("snapshots").empty());
  const auto late = other->lease({leased.id});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kNotFound);
}

TEST_F(Snapshots, RefusesIdsThatArePaths) {
  const auto lease = open()->lease({"../drafts"});
  ASSERT_FALSE(lease);
  EXPECT_EQ(lease.error().code(), ErrorCode::kInvalid);
}

TEST_F(Snapshots, RefusesAStoreOthersCanEnter) {
  open();
  ASSERT_EQ(::chmod(scratch_.path("store").c_str(), 0755), 0);
  const auto store = Store::open({scratch_.path("store"), {}, true});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), ErrorCode::kPermission);
  EXPECT_NE(store.error().text().find("mode 0755"), std::string::npos) << store.error().text();
  EXPECT_NE(store.error().text().find("chmod 700"), std::string::npos);
}

TEST_F(Snapshots, AMissingStoreIsMadeOnlyWhenAsked) {
  const auto store = Store::open({scratch_.path("none"), {}, false});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), ErrorCode::kNotFound);
}

TEST_F(Snapshots, RefusesAStoreOfANewerVersion) {
  open();
  run_sql("PRAGMA user_version = 99");
  const auto store = Store::open({scratch_.path("store"), {}, true});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), ErrorCode::kUnsupported);
  EXPECT_NE(store.error().text().find("schema version 99"), std::string::npos);
}

TEST_F(Snapshots, ADamagedIndexIsAnErrorThatNamesIt) {
  open();
  must(remove_tree(scratch_.path("store/store.db-wal")));
  must(write_file_atomic(scratch_.path("store/store.db"), std::string(8192, 'x'), 0600));
  const auto store = Store::open({scratch_.path("store"), {}, true});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), ErrorCode::kCorrupt);
  EXPECT_NE(store.error().text().find("store.db"), std::string::npos);
}

TEST_F(Snapshots, CollectTakesTheLeastRecentlyUsedUntilTheRestFits) {
  auto store = open();
  std::vector<Snapshot> made;
  for (int i = 0; i < 4; ++i) {
    made.push_back(
        commit(*store, std::to_string(i), std::string(1 << 20, static_cast<char>('a' + i))));
  }
  run_sql("UPDATE snapshots SET used = 1000 + CAST(key AS INTEGER)");
  const Lease lease = must(store->lease({made[0].id}));
  const auto collected = must(store->collect({5U << 19}));
  EXPECT_EQ(collected.snapshots, 2U);
  EXPECT_GE(collected.freed.value, 2U << 20);
  EXPECT_TRUE(must(store->find(SnapshotKind::kStep, "0"))) << "leased";
  EXPECT_FALSE(must(store->find(SnapshotKind::kStep, "1")));
  EXPECT_FALSE(must(store->find(SnapshotKind::kStep, "2")));
  EXPECT_TRUE(must(store->find(SnapshotKind::kStep, "3"))) << "used last";
  EXPECT_EQ(must(store->collect(4_MiB)).snapshots, 0U);
}

TEST_F(Snapshots, CollectSweepsWhatADeadProcessLeft) {
  auto store = open();
  in_killed_child([&] {
    auto own = open();
    auto draft = new Draft(draft_with(*own, "never finished"));
    (void)draft;
  });
  EXPECT_FALSE(names_in("drafts").empty());
  must(store->collect({UINT64_MAX}));
  for (const std::string& name : names_in("drafts")) {
    EXPECT_TRUE(name.starts_with("spare") || name.ends_with(".lock")) << name;
  }
}

}  // namespace
}  // namespace slipway::cachestore
