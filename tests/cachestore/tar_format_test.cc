// The dialects of tar, broken archives, and compression.
#include "cachestore/layer/tar_header.h"
#include "tests/cachestore/fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::content_of;
using testing::lstat_of;
using testing::must;
using testing::Scratch;
using testing::TarWriter;

class TarFormat : public ::testing::Test {
 protected:
  Result<UnpackStats> apply(const std::string& archive, const LayerLimits& limits = {}) {
    return testing::unpack_bytes(scratch_, archive, target_.get(), UnpackPolicy::kLayer, limits);
  }
  std::string in(const std::string& name) const { return scratch_.path("target/" + name); }
  void expect_error(const std::string& archive, ErrorCode code, const std::string& cause) {
    const auto result = apply(archive);
    ASSERT_FALSE(result) << "accepted: " << cause;
    EXPECT_NE(result.error().text().find(cause), std::string::npos) << result.error().text();
    EXPECT_EQ(result.error().code(), code) << result.error().text();
  }

  Scratch scratch_;
  Fd target_ = scratch_.make_dir("target");
};

TEST_F(TarFormat, JoinsTheUstarPrefixAndIgnoresGnusTimesThere) {
  TarWriter::Entry entry;
  entry.name = "name";
  entry.prefix = "some/prefix";
  must(apply(TarWriter().add(entry).finish()));
  EXPECT_TRUE(path_exists(in("some/prefix/name")));
  entry.name = "gnu";
  entry.magic = "ustar  ";
  must(apply(TarWriter().add(entry).finish()));
  EXPECT_TRUE(path_exists(in("gnu")));
}

TEST_F(TarFormat, ReadsHeadersWithoutMagic) {
  TarWriter::Entry file;
  file.name = "v7";
  file.type = '\0';
  file.magic = "";
  file.content = "old";
  TarWriter::Entry dir;
  dir.name = "v7dir/";
  dir.type = '\0';
  dir.magic = "";
  must(apply(TarWriter().add(file).add(dir).finish()));
  EXPECT_EQ(content_of(in("v7")), "old");
  EXPECT_TRUE(S_ISDIR(lstat_of(in("v7dir")).st_mode));
}

TEST_F(TarFormat, ReadsLongNamesOfGnuAndPax) {
  const std::string name = std::string(150, 'a') + "/" + std::string(200, 'b');
  const std::string link = std::string(120, 'l') + "/" + std::string(100, 'k');
  TarWriter tar;
  tar.gnu_long('L', name).file("short", "gnu").gnu_long('K', link).symlink("gnulink", "x");
  tar.pax({{"path", "p/" + name}})
      .file("short", "pax")
      .pax({{"linkpath", link}})
      .symlink("paxlink", "x");
  must(apply(tar.finish()));
  EXPECT_EQ(content_of(in(name)), "gnu");
  EXPECT_EQ(content_of(in("p/" + name)), "pax");
  EXPECT_EQ(testing::link_of(in("gnulink")), link);
  EXPECT_EQ(testing::link_of(in("paxlink")), link);
}

TEST_F(TarFormat, ReadsPaxTimesBeforeAndAfter1970) {
  TarWriter tar;
  tar.pax({{"mtime", "1600000000.25"}})
      .file("after", "")
      .pax({{"mtime", "-1.75"}})
      .file("before", "");
  must(apply(tar.finish()));
  EXPECT_EQ(lstat_of(in("after")).st_mtim.tv_nsec, 250'000'000);
  EXPECT_EQ(lstat_of(in("before")).st_mtim.tv_sec, -2);
  EXPECT_EQ(lstat_of(in("before")).st_mtim.tv_nsec, 250'000'000);
}

TEST_F(TarFormat, PaxSizeOverridesTheHeader) {
  TarWriter tar;
  tar.pax({{"size", "5"}});
  TarWriter::Entry entry;
  entry.name = "f";
  entry.content = "12345";
  entry.raw_size = "00000000000";
  must(apply(tar.add(entry).file("g", "next").finish()));
  EXPECT_EQ(content_of(in("f")), "12345");
  EXPECT_EQ(content_of(in("g")), "next");
}

TEST_F(TarFormat, IgnoresGlobalHeadersAndVolumeLabels) {
  TarWriter tar;
  TarWriter::Entry label;
  label.name = "label";
  label.type = 'V';
  tar.pax({{"path", "evil"}, {"comment", "c"}}, 'g').add(label).file("f", "1");
  must(apply(tar.finish()));
  EXPECT_EQ(must(list_dir(target_.get(), "t")), std::vector<std::string>{"f"});
}

TEST_F(TarFormat, ReadsTheSparseFormatsThatPaxKnows) {
  const std::string data = std::string(512, 'A') + std::string(512, 'B');
  TarWriter tar;
  tar.pax({{"GNU.sparse.size", "5000"},
           {"GNU.sparse.numblocks", "2"},
           {"GNU.sparse.offset", "512"},
           {"GNU.sparse.numbytes", "512"},
           {"GNU.sparse.offset", "4000"},
           {"GNU.sparse.numbytes", "512"}});
  tar.file("s00", data);
  tar.pax({{"GNU.sparse.name", "s01"},
           {"GNU.sparse.size", "5000"},
           {"GNU.sparse.map", "512,512,4000,512"}});
  tar.file("GNUSparseFile.0/s01", data);
  tar.pax({{"GNU.sparse.major", "1"},
           {"GNU.sparse.minor", "0"},
           {"GNU.sparse.name", "s10"},
           {"GNU.sparse.realsize", "5000"}});
  std::string map = "2\n512\n512\n4000\n512\n";
  map.resize(512, '\0');
  tar.file("GNUSparseFile.0/s10", map + data).file("after", "ok");
  must(apply(tar.finish()));
  std::string expected(5000, '\0');
  expected.replace(512, 512, std::string(512, 'A')).replace(4000, 512, std::string(512, 'B'));
  for (const char* name : {"s00", "s01", "s10"}) EXPECT_EQ(content_of(in(name)), expected) << name;
  EXPECT_EQ(content_of(in("after")), "ok");
}

TEST_F(TarFormat, RefusesSparseMapsThatLie) {
  const auto with_map = [](const std::string& map, const std::string& size) {
    return TarWriter()
        .pax({{"GNU.sparse.size", size}, {"GNU.sparse.map", map}})
        .file("s", std::string(512, 'x'))
        .finish();
  };
  expect_error(with_map("0,1024", "5000"), ErrorCode::kInvalid, "add up");
  expect_error(with_map("0,512", "100"), ErrorCode::kInvalid, "beyond the file's end");
  expect_error(with_map("300,256,0,256", "5000"), ErrorCode::kInvalid, "overlap");
  expect_error(with_map("0,512,1", "5000"), ErrorCode::kInvalid, "odd number");
  expect_error(with_map("-1,512", "5000"), ErrorCode::kInvalid, "not a number");
  expect_error(with_map("9223372036854775807,512", "9223372036854775807"), ErrorCode::kInvalid,
               "beyond");
  expect_error(with_map("0,512", "9223372036854775807"), ErrorCode::kExhausted, "unpacks to more");
}

TEST_F(TarFormat, RefusesDamagedHeaders) {
  std::string archive = TarWriter().file("a", "1").file("b", "2").finish();
  archive[1024 + 3] = 'X';
  expect_error(archive, ErrorCode::kCorrupt, "wrong header checksum");
  TarWriter::Entry entry;
  entry.name = "n";
  entry.raw_size = std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
  expect_error(TarWriter().file("a", "").add(entry).finish(), ErrorCode::kInvalid,
               "bad size field");
  entry.raw_size = "99999999999 ";
  expect_error(TarWriter().file("a", "").add(entry).finish(), ErrorCode::kInvalid,
               "bad size field");
  entry.raw_size = std::string("\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
  expect_error(TarWriter().file("a", "").add(entry).finish(), ErrorCode::kInvalid,
               "bad size field");
  expect_error("this is no archive" + std::string(2000, 'x'), ErrorCode::kInvalid,
               "not a tar archive");
  expect_error("", ErrorCode::kCorrupt, "truncated archive");
}

TEST_F(TarFormat, RefusesDamagedPaxRecords) {
  const auto with = [](const std::string& records) {
    return TarWriter().file("a", "").pax_raw(records).file("f", "").finish();
  };
  for (const char* records :
       {"x", "0 a=b\n", "99 path=x\n", "5 a=b", "6 ab c\n", "7 =abc\n", "-1 a=b\n"}) {
    expect_error(with(records), ErrorCode::kInvalid, "bad pax header");
  }
  expect_error(with(TarWriter::record("path", std::string("a\0b", 3))), ErrorCode::kInvalid, "NUL");
  expect_error(with(TarWriter::record("size", "-5")), ErrorCode::kInvalid, "size is not a number");
  expect_error(with(TarWriter::record("size", "9223372036854775807")), ErrorCode::kInvalid,
               "size too large");
}

TEST_F(TarFormat, RefusesExtensionHeadersOfAnySize) {
  TarWriter::Entry entry;
  entry.name = "x";
  entry.type = 'L';
  entry.raw_size = "77777777777";
  expect_error(TarWriter().file("a", "").add(entry).finish(), ErrorCode::kInvalid, "too large");
}

TEST_F(TarFormat, RefusesTruncatedAndGluedArchives) {
  const std::string whole = TarWriter().file("a", std::string(3000, 'x')).file("b", "2").finish();
  for (const std::size_t size : {100UL, 512UL, 600UL, 2000UL, 3584UL, 4096UL, 4608UL}) {
    expect_error(whole.substr(0, size), size == 100 ? ErrorCode::kCorrupt : ErrorCode::kCorrupt,
                 "truncated");
  }
  must(apply(whole + std::string(10'000, '\0')));
  expect_error(whole + "x", ErrorCode::kInvalid, "data after the end");
  expect_error(whole + whole, ErrorCode::kInvalid, "data after the end");
}

TEST_F(TarFormat, RefusesUnknownEntryTypesByName) {
  TarWriter::Entry entry;
  entry.name = "multi";
  entry.type = 'M';
  expect_error(TarWriter().add(entry).finish(), ErrorCode::kUnsupported,
               "entry \"multi\": entry type 'M'");
}

TEST_F(TarFormat, ReadsGzipOfManyMembersAndZstdOfManyFrames) {
  const std::string archive = TarWriter().file("f", std::string(100'000, 'z')).finish();
  const std::string half = archive.substr(0, 50'000);
  const std::string rest = archive.substr(50'000);
  must(apply(testing::gzip(half) + testing::gzip(rest)));
  EXPECT_EQ(content_of(in("f")).size(), 100'000U);
  must(apply(testing::zstd(half) + testing::zstd(rest)));
  EXPECT_EQ(content_of(in("f")).size(), 100'000U);
}

TEST_F(TarFormat, RefusesDamagedCompression) {
  const std::string archive = TarWriter().file("f", std::string(100'000, 'z')).finish();
  const std::string gz = testing::gzip(archive);
  const std::string zst = testing::zstd(archive);
  expect_error(gz.substr(0, gz.size() - 4), ErrorCode::kCorrupt, "truncated gzip");
  expect_error(gz + "garbage", ErrorCode::kCorrupt, "garbage after the gzip data");
  std::string bad_sum = gz;
  bad_sum[gz.size() - 6] ^= 1;
  expect_error(bad_sum, ErrorCode::kCorrupt, "wrong gzip checksum");
  expect_error(zst.substr(0, zst.size() - 3), ErrorCode::kCorrupt, "truncated zstd");
  expect_error(zst + "garbage", ErrorCode::kCorrupt, "decompress");
  expect_error(std::string("\xfd"
                           "7zXZ\0\0\0",
                           8),
               ErrorCode::kCorrupt, "truncated xz");
  expect_error("BZh91AY&SY", ErrorCode::kCorrupt, "truncated bzip2");
  expect_error("PK\x03\x04____", ErrorCode::kUnsupported, "zip is not supported");
}

TEST_F(TarFormat, StopsBombs) {
  LayerLimits limits;
  limits.max_ratio = 50;
  // 100 MiB of zeros: above the 64 MiB that are free of the ratio.
  const std::string archive = TarWriter().file("zeros", std::string(100 << 20, '\0')).finish();
  for (const std::string& bomb : {testing::gzip(archive), testing::zstd(archive)}) {
    const auto result = apply(bomb, limits);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::kExhausted);
    EXPECT_NE(result.error().text().find("50 times"), std::string::npos);
  }
}

TEST(TarNumber, ReadsOctalAndBase256) {
  EXPECT_EQ(*parse_tar_number("0000644 "), 0644);
  EXPECT_EQ(*parse_tar_number(std::string_view("  12\0\0\0\0", 8)), 10);
  EXPECT_EQ(*parse_tar_number(std::string_view("\0\0\0\0\0\0\0\0", 8)), 0);
  EXPECT_EQ(*parse_tar_number(std::string_view("\x80\0\0\0\0\1\0\0", 8)), 65536);
  EXPECT_EQ(*parse_tar_number(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xfe", 8)), -2);
  EXPECT_FALSE(parse_tar_number("12x"));
  EXPECT_FALSE(parse_tar_number("8"));
  EXPECT_FALSE(parse_tar_number("-1"));
  EXPECT_FALSE(parse_tar_number("1 1"));
}

}  // namespace
}  // namespace slipway::cachestore
