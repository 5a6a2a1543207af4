// Subordinate id files, maps, and the users of an image.
#include "sandbox/ids/id_map.h"
#include "sandbox/ids/sub_ids.h"
#include "sandbox/ids/user_lookup.h"
#include "tests/sandbox/container_fixture.h"

namespace slipway::sandbox {
namespace {

class Ids : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) {
    const std::string path = directory_.path() + "/" + name;
    EXPECT_TRUE(make_dirs(std::filesystem::path(path).parent_path().string(), 0755));
    EXPECT_TRUE(write_file_atomic(path, text, 0644));
    return path;
  }
  std::string sub_ids(const std::string& text) {
    const auto ranges = read_sub_ids(file("subuid", text), "ana", 1000, 1);
    return ranges ? format_id_ranges(*ranges) : ranges.error().text();
  }
  Result<UserIds> user(const std::string& name) {
    const Fd root = *open_file(directory_.path(), O_PATH | O_DIRECTORY);
    return look_up_user(root.get(), name);
  }
  TempDir directory_ = *TempDir::make("/var/tmp", "slipway-ids");
};

TEST_F(Ids, SubordinateRangesFollowEachOtherFromOneOn) {
  EXPECT_EQ(sub_ids("bob:1:5\nana:100000:10\n1000:200000:20\n"), "1 100000 10\n11 200000 20\n");
}

TEST_F(Ids, SubordinateRangesStopAtSixteenBits) {
  EXPECT_EQ(sub_ids("ana:100000:1000000\nana:5000000:10\n"), "1 100000 65535\n");
}

TEST_F(Ids, SenselessSubordinateLinesArePassedOver) {
  EXPECT_EQ(sub_ids("ana:0:10\nana:-5:10\nana:x:y\nana:4294967290:100\nana:7\n\nana:9:0\n"), "");
}

TEST_F(Ids, AMissingSubordinateFileIsEmpty) {
  const auto ranges = read_sub_ids(directory_.path() + "/none", "ana", 1000, 1);
  ASSERT_TRUE(ranges);
  EXPECT_TRUE(ranges->empty());
}

TEST_F(Ids, NumbersNeedNoUserFile) {
  EXPECT_EQ(user("12:34")->uid, 12U);
  EXPECT_EQ(user("12:34")->gid, 34U);
  EXPECT_EQ(user("12")->gid, 0U);
  EXPECT_FALSE(user("ana"));
}

TEST_F(Ids, MalformedUsersAreInvalid) {
  for (const char* name :
       {":", "a:", ":b", "a:b:c", "-1", "+1", "4294967295", "99999999999999999999"}) {
    EXPECT_FALSE(user(name)) << name;
  }
}

TEST_F(Ids, BrokenLinesOfTheUserFileArePassedOver) {
  file("etc/passwd", "\n:::\nana\nana:x:no:1\nana:x:5:6:::\n");
  EXPECT_EQ(user("ana")->uid, 5U);
}

TEST_F(Ids, TooManyLinesAreAnError) {
  std::string text;
  for (int i = 0; i < 10'002; i++) text += "u:x:1:1\n";
  file("etc/passwd", text);
  EXPECT_FALSE(user("ana"));
}

}  // namespace
}  // namespace slipway::sandbox
