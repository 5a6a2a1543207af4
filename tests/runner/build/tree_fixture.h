#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/files.h"
#include "cachestore/overlay.h"
#include "runner/build/copy.h"
#include "runner/build/input_tree.h"

namespace slipway::runner {

/// A context, layers and an upper as plain directories.
class TreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::make("/var/tmp", "build-test-");
    ASSERT_TRUE(made) << made.error().text();
    dir_ = std::make_unique<TempDir>(std::move(*made));
    for (const char* name : {"context", "base", "upper", "outside"}) {
      std::filesystem::create_directories(path(name));
      ::chmod(path(name).c_str(), 0755);
    }
  }

  std::string path(const std::string& name) const { return dir_->path() + "/" + name; }
  std::string context(const std::string& name) const { return path("context/" + name); }
  std::string base(const std::string& name) const { return path("base/" + name); }
  std::string upper(const std::string& name) const { return path("upper/" + name); }

  static void write(const std::string& where, const std::string& text, mode_t mode = 0644) {
    std::filesystem::create_directories(std::filesystem::path(where).parent_path());
    std::ofstream(where, std::ios::binary) << text;
    ASSERT_EQ(::chmod(where.c_str(), mode), 0) << where;
  }
  static void link(const std::string& target, const std::string& where) {
    std::filesystem::create_directories(std::filesystem::path(where).parent_path());
    ASSERT_EQ(::symlink(target.c_str(), where.c_str()), 0) << where;
  }
  static std::string read(const std::string& where) {
    const auto text = read_file(where, 64_MiB);
    return text ? *text : "<" + text.error().text() + ">";
  }
  static struct stat info(const std::string& where) {
    struct stat result {};
    EXPECT_EQ(::lstat(where.c_str(), &result), 0) << where;
    return result;
  }
  static unsigned mode(const std::string& where) { return info(where).st_mode & 07777U; }
  static std::string owner(const std::string& where) {
    const struct stat now = info(where);
    return std::to_string(now.st_uid) + ":" + std::to_string(now.st_gid);
  }

  std::unique_ptr<InputTree> open_context(const std::string& ignore = "") const {
    auto patterns = pipeline::IgnorePatterns::parse(ignore);
    EXPECT_TRUE(patterns);
    auto tree = open_directory_tree(path("context"), "context", *patterns, path("state"));
    EXPECT_TRUE(tree) << tree.error().text();
    return std::move(*tree);
  }

  /// COPY of the last word from the others.
  CopyRequest copy(InputTree& from, std::vector<std::string> words) const {
    CopyRequest request;
    request.from = &from;
    request.destination = words.back();
    words.pop_back();
    request.selection.sources = std::move(words);
    return request;
  }
  /// "" or the error's text.
  std::string run(const CopyRequest& request) const {
    const auto stats = copy_files(request, {path("base")}, path("upper"), CancelToken());
    return stats ? "" : stats.error().text();
  }
  std::string copy_words(const std::vector<std::string>& words,
                         const std::string& ignore = "") const {
    const auto tree = open_context(ignore);
    return run(copy(*tree, words));
  }
  std::string digest(InputTree& tree, const std::vector<std::string>& sources) const {
    Selection selection;
    selection.sources = sources;
    const auto digest = tree.digest(selection, CancelToken());
    return digest ? digest->str() : digest.error().text();
  }
  std::string digest(const std::vector<std::string>& sources) const {
    const auto tree = open_context();
    return digest(*tree, sources);
  }

  /// Every path of a tree with what it is: "d a", "f a/b", "l a/c -> x", "w gone"; sorted.
  static std::string listing(const std::string& top) {
    std::vector<std::string> lines;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
      const std::string name = entry.path().string().substr(top.size() + 1);
      const struct stat now = info(entry.path());
      if (cachestore::is_removal(now.st_mode, now.st_rdev)) {
        lines.push_back(name + " removed");
      } else if (S_ISDIR(now.st_mode)) {
        lines.push_back(name + "/");
      } else if (S_ISLNK(now.st_mode)) {
        lines.push_back(name + " -> " + std::filesystem::read_symlink(entry.path()).string());
      } else {
        lines.push_back(name);
      }
    }
    std::sort(lines.begin(), lines.end());
    std::ostringstream out;
    for (const std::string& line : lines) out << line << "\n";
    return out.str();
  }

  std::unique_ptr<TempDir> dir_;
};

}  // namespace slipway::runner
