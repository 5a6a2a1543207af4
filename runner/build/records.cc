// The builder's memory: small files, written by rename.
#include "runner/build/records.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/files.h"
#include "base/random.h"
#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr ByteCount kMaxRecord = 4_MiB;  // A step's parts hold its environment and command.

std::optional<std::string> read_small(const std::string& path) {
  Result<std::string> text = read_file(path, kMaxRecord);
  if (!text) return std::nullopt;
  return *std::move(text);
}

// Like write_file_atomic() but without fsync, which costs more than a step.
Status replace_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + "." + random_hex(6);
  const std::string parent = path.substr(0, path.rfind('/'));
  const int flags = O_WRONLY | O_CREAT | O_EXCL;
  Result<Fd> fd = open_file(temporary, flags, 0600);
  if (!fd) {
    SLIP_TRY(make_dirs(parent, 0700));
    fd = open_file(temporary, flags, 0600);
  }
  if (!fd) return fail(std::move(fd).error());
  const Status written = write_all(fd->get(), text, temporary);
  if (written && ::rename(temporary.c_str(), path.c_str()) == 0) return {};
  const Error error = written ? errno_error(errno, "write " + path) : written.error().clone();
  ::unlink(temporary.c_str());
  return fail(error);
}

std::int64_t millis_of(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

bool is_build_id(const std::string& name) {
  return name.size() > 15 && name.find_first_not_of("0123456789abcdef-") == std::string::npos;
}

}  // namespace

std::string BuildRecords::path(const char* kind, const Digest& key) const {
  const std::string hex = key.hex();
  return root_ + "/" + kind + "/" + hex.substr(0, 2) + "/" + hex.substr(2);
}

std::optional<Digest> BuildRecords::find_digest(const char* kind, const Digest& key) const {
  const auto text = read_small(path(kind, key));
  if (!text) return std::nullopt;
  const Result<Digest> digest = Digest::parse(*text);
  return digest ? std::optional<Digest>(*digest) : std::nullopt;
}

Status BuildRecords::put(const char* kind, const Digest& key, const std::string& text) const {
  return replace_file(path(kind, key), text);
}

std::optional<BuildStepRecord> BuildRecords::find_step(const Digest& key) const {
  const auto text = read_small(path("steps", key));
  if (!text) return std::nullopt;
  const Result<Json> json = parse_json(*text);
  if (!json) return std::nullopt;
  const Result<Digest> content = Digest::parse((*json)["content"].string_or(""));
  if (!content) return std::nullopt;
  BuildStepRecord record;
  record.snapshot = (*json)["snapshot"].string_or("");
  record.content = *content;
  record.created = WallTime(std::chrono::milliseconds((*json)["created"].int_or(0)));
  record.parts = CacheKey::parts_of((*json)["parts"]);
  return record;
}

Status BuildRecords::put_step(const Digest& key, const BuildStepRecord& record) const {
  CacheKey parts;
  for (const auto& [name, value] : record.parts) parts.add(name, value);
  const Json json = Json::object({{"snapshot", record.snapshot},
                                  {"content", record.content.str()},
                                  {"created", millis_of(record.created)},
                                  {"parts", parts.to_json()}});
  return put("steps", key, json.dump());
}

std::optional<Json> BuildRecords::find_last(const Digest& subject) const {
  const auto text = read_small(root_ + "/last/" + subject.hex());
  if (!text) return std::nullopt;
  Result<Json> json = parse_json(*text);
  return json ? std::optional<Json>(*std::move(json)) : std::nullopt;
}

Status BuildRecords::put_last(const Digest& subject, const Json& steps) const {
  return replace_file(root_ + "/last/" + subject.hex(), steps.dump());
}

std::vector<std::string> BuildRecords::builds() const {
  std::vector<std::string> ids;
  const Result<Fd> dir = open_file(root_, O_RDONLY | O_DIRECTORY);
  if (!dir) return ids;
  for (std::string& name : list_dir(dir->get(), root_).value_or(std::vector<std::string>())) {
    if (is_build_id(name)) ids.push_back(std::move(name));
  }
  return ids;
}

Status BuildRecords::put_build(const std::string& id, const Json& record) const {
  SLIP_TRY(make_dirs(root_ + "/" + id, 0700));
  SLIP_TRY(replace_file(root_ + "/" + id + "/record.json", record.dump()));
  const std::vector<std::string> ids = builds();
  for (std::size_t i = 0; i + kKeptBuilds < ids.size(); ++i)
    (void)remove_tree(root_ + "/" + ids[i]);
  return {};
}

Result<Json> BuildRecords::find_build(const std::string& id) const {
  std::vector<std::string> found;
  const std::vector<std::string> ids = builds();
  const bool newest = id.empty() || id == "last";
  for (const std::string& one : ids) {
    if (newest || one.find(id) != std::string::npos) found.push_back(one);
  }
  const std::string doing = "find build " + printable(id);
  if (found.empty()) return fail(ErrorCode::kNotFound, doing + ": no such build");
  if (found.size() > 1 && !newest)
    return fail(ErrorCode::kInvalid, doing + ": " + std::to_string(found.size()) + " builds match");
  const auto text = read_small(root_ + "/" + found.back() + "/record.json");
  if (!text) return fail(ErrorCode::kNotFound, doing + ": its record is gone");
  return parse_json(*text);
}

}  // namespace slipway::runner
