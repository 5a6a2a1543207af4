// What a step's result depends on, and finding the result of the same again.
#include "runner/execute/step_memo.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/digest.h"
#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "runner/execute/artifacts.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kNamedInputs = 5'000;  // more of them are one part: why-miss then says less
constexpr ByteCount kMaxRecord = 16_MiB;
constexpr std::size_t kMostDigests = 1'000;  // of checkouts; beyond it all are made anew

// Different in each run, and seldom what a result depends on: they count for scripts that name them.
constexpr std::array<std::string_view, 8> kVolatile{
    "SLIPWAY_RUN", "SLIPWAY_JOB",   "SLIPWAY_STEP",   "SLIPWAY_COMMIT",
    "SLIPWAY_TAG", "SLIPWAY_EVENT", "SLIPWAY_BRANCH", "SLIPWAY_REPOSITORY"};

/// Of this store; made once. Whoever takes its directory away only loses memos.
Result<std::string> salt_of(const std::string& store_root) {
  const std::string path = store_root + "/caches/salt";
  if (Result<std::string> known = read_file(path, 1_KiB); known && !known->empty()) return known;
  const std::string made = random_hex(kSaltBytes);
  SLIP_TRY(write_file_atomic(path, made, 0600));
  return made;
}

class Parts {
 public:
  explicit Parts(std::string salt) : salt_(std::move(salt)) {}
  void add(std::string name, std::string_view value, std::string shown) {
    const std::string text = salt_ + '\0' + std::string(value);
    parts_.push_back({std::move(name), std::move(shown), Digest::of(text).hex()});
  }
  void add_digest(std::string name, std::string digest) {
    parts_.push_back({std::move(name), "", std::move(digest)});
  }
  std::vector<MemoPart> take() { return std::move(parts_); }

 private:
  std::string salt_;
  std::vector<MemoPart> parts_;
};

bool of_image(const cachestore::Snapshot& snapshot) {
  return snapshot.kind == cachestore::SnapshotKind::kLayer ||
         snapshot.kind == cachestore::SnapshotKind::kBase;
}

std::string ids_of_image(const Stack& stack) {
  std::string ids;
  for (const cachestore::Snapshot& snapshot : stack.snapshots()) {
    if (of_image(snapshot)) ids += snapshot.id + " ";
  }
  return ids;
}

void add_environment(Parts& parts, const RunContext& run, const StepRequest& request,
                     const StepEnvironment& environment) {
  const std::string& script = request.step.script.text;
  for (const auto& [name, value] : environment.values()) {
    const bool quiet = std::find(kVolatile.begin(), kVolatile.end(), name) != kVolatile.end() &&
                       script.find(name) == std::string::npos;
    if (quiet) continue;
    parts.add("env " + name, value, run.secrets.mask.mask(value) == value ? value : "");
  }
}

Result<std::string> digest_of_file(int view, const std::string& path) {
  constexpr std::size_t kBlock = std::size_t{64} << 10;
  const Result<Fd> file = open_in_root(view, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) {  // a link: what it says counts
    std::array<char, 4096> target{};
    const ssize_t size = ::readlinkat(view, path.c_str(), target.data(), target.size());
    if (size < 0) return fail_errno("read " + path);
    return Digest::of("link " + std::string(target.data(), static_cast<std::size_t>(size))).hex();
  }
  struct stat info {};
  if (::fstat(file->get(), &info) != 0) return fail_errno("examine " + path);
  Sha256 hash;
  hash.update((info.st_mode & 0111) != 0 ? "x" : "-");
  std::string block(kBlock, '\0');
  for (;;) {
    const ssize_t got = ::read(file->get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read " + path);
    if (got == 0) return hash.finish().hex();
    hash.update(std::string_view(block.data(), static_cast<std::size_t>(got)));
  }
}

constexpr std::size_t kMaxDepth = 256;

/// Names, kinds, modes and content of a layer; not times, so that the same made again is the same.
class LayerDigest {
 public:
  static Result<std::string> of(const std::string& path) {
    const Fd top = SLIP_TRY(open_file(path, O_RDONLY | O_DIRECTORY));
    LayerDigest digest;
    SLIP_TRY(digest.walk(top.get(), "", 0));
    return digest.hash_.finish().hex();
  }

 private:
  Status walk(int dir, const std::string& prefix, std::size_t depth) {
    if (depth > kMaxDepth)
      return fail(ErrorCode::kExhausted, "read layer: " + prefix + ": deeper than 256 directories");
    for (const std::string& name : SLIP_TRY(list_dir(dir, prefix.empty() ? "layer" : prefix))) {
      struct stat info {};
      if (::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("examine " + prefix + name);
      hash_.update(prefix + name + '\0' + std::to_string(info.st_mode) + ' ' +
                   std::to_string(info.st_uid) + ' ' + std::to_string(info.st_gid) + ' ' +
                   std::to_string(info.st_rdev) + '\n');
      if (S_ISDIR(info.st_mode)) {
        const Fd below = SLIP_TRY(open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        SLIP_TRY(walk(below.get(), prefix + name + "/", depth + 1));
      } else if (S_ISREG(info.st_mode) || S_ISLNK(info.st_mode)) {
        hash_.update(SLIP_TRY(digest_of_file(dir, name)));
      }
    }
    return {};
  }
  Sha256 hash_;
};

/// Remembered, because snapshots never change.
Result<std::string> digest_of_layer(const RunContext& run, const cachestore::Snapshot& layer) {
  const std::string dir = run.store.root() + "/caches/trees";
  const std::string path = dir + "/" + layer.id;
  if (Result<std::string> known = read_file(path, 1_KiB); known && !known->empty()) return known;
  std::string digest = SLIP_TRY(LayerDigest::of(layer.path));
  SLIP_TRY(make_dirs(dir, 0700));
  const Fd known = SLIP_TRY(open_file(dir, O_RDONLY | O_DIRECTORY));
  if (SLIP_TRY(list_dir(known.get(), dir)).size() > kMostDigests) {
    SLIP_TRY(remove_tree(dir));
    SLIP_TRY(make_dirs(dir, 0700));
  }
  SLIP_TRY(write_file_atomic(path, digest, 0600));
  return digest;
}

/// What steps, caches and other jobs put above the image or the checkout.
Result<std::string> digests_above(const RunContext& run, const Stack& stack) {
  std::string digests;
  for (const cachestore::Snapshot& snapshot : stack.snapshots()) {
    if (!of_image(snapshot) && snapshot.id != run.workspace.snapshot.id)
      digests += SLIP_TRY(digest_of_layer(run, snapshot)) + " ";
  }
  return digests;
}

Status add_workspace(Parts& parts, const RunContext& run, const JobState& state) {
  parts.add("checkout", SLIP_TRY(digest_of_layer(run, run.workspace.snapshot)), "");
  parts.add("workspace left by caches, other jobs and earlier steps",
            SLIP_TRY(digests_above(run, state.work)), "");
  return {};
}

Status add_inputs(Parts& parts, const RunContext& run, const JobState& state,
                  const StepRequest& request) {
  if (request.step.inputs.empty()) return add_workspace(parts, run, state);
  parts.add("inputs", join(request.step.inputs, "\n"), join(request.step.inputs, ", "));
  const Fd view = SLIP_TRY(open_workspace(state.work));
  const std::vector<std::string> files = SLIP_TRY(find_files(view.get(), request.step.inputs, {}));
  Sha256 rest;
  for (std::size_t i = 0; i < files.size(); ++i) {
    std::string digest = SLIP_TRY(digest_of_file(view.get(), files[i]));
    if (i < kNamedInputs) {
      parts.add_digest("input " + files[i], std::move(digest));
    } else {
      rest.update(files[i] + '\0' + digest);
    }
  }
  if (files.size() > kNamedInputs) parts.add_digest("further inputs", rest.finish().hex());
  return {};
}

Json to_json(const Assignments& assignments) {
  Json list = Json::array();
  for (const auto& [name, value] : assignments) list.push(Json::array({name, value}));
  return list;
}
Assignments assignments_of(const Json& json) {
  Assignments result;
  for (const Json& item : json.items()) {
    if (item.items().size() == 2)
      result.emplace_back(item.items()[0].string_or(""), item.items()[1].string_or(""));
  }
  return result;
}

/// The last time this step of this pipeline ran.
std::string record_path(const RunContext& run, const StepRequest& request) {
  const std::string name =
      run.workspace.state.root + '\0' + request.job.instance + '\0' + request.step.id;
  return run.store.root() + "/caches/steps/" + Digest::of(name).hex() + ".json";
}

std::string difference(const MemoPart* now, const MemoPart* before) {
  if (before == nullptr) return now->name + " is new";
  if (now == nullptr) return before->name + " is gone";
  if (now->shown.empty() || before->shown.empty()) return now->name + " changed";
  return now->name + ": " + printable(ellipsize(now->shown, 60)) + ", before " +
         printable(ellipsize(before->shown, 60));
}

/// Both lists are in the same order; a name that only one has is the difference.
std::string first_difference(const std::vector<MemoPart>& now,
                             const std::vector<MemoPart>& before) {
  const auto find = [](const std::vector<MemoPart>& list,
                       const std::string& name) -> const MemoPart* {
    const auto found = std::find_if(list.begin(), list.end(),
                                    [&](const MemoPart& part) { return part.name == name; });
    return found == list.end() ? nullptr : &*found;
  };
  for (std::size_t i = 0; i < std::max(now.size(), before.size()); ++i) {
    if (i >= now.size()) return difference(nullptr, &before[i]);
    if (i >= before.size()) return difference(&now[i], nullptr);
    if (now[i].name == before[i].name) {
      if (now[i].digest != before[i].digest) return difference(&now[i], &before[i]);
    } else if (find(before, now[i].name) == nullptr) {
      return difference(&now[i], nullptr);
    } else {
      return difference(nullptr, &before[i]);
    }
  }
  return "";
}

}  // namespace

void MemoLog::add(const std::string& stream, const std::string& line) {
  bytes_ += stream.size() + line.size();
  if (complete()) lines_.emplace_back(stream, line);
}

Result<StepMemo> StepMemo::ask(const RunContext& run, const JobState& state,
                               const StepRequest& request, const MemoSubject& subject) {
  Parts parts(SLIP_TRY(salt_of(run.store.root())));
  const Stack& root = subject.image.stack;
  parts.add("image", ids_of_image(root), subject.image.name);
  parts.add("root file system left by earlier steps", SLIP_TRY(digests_above(run, root)), "");
  parts.add("command", join(subject.argv, std::string(1, '\0')), request.step.script.source);
  parts.add("workdir", subject.cwd, subject.cwd);
  parts.add("user", subject.user, subject.user);
  add_environment(parts, run, request, subject.environment);
  std::string services;
  for (const pipeline::ServicePlan& service : request.job.services)
    services += service.name + " " + service.image.name.source() + "\n";
  parts.add("services", services, services);
  SLIP_TRY(add_inputs(parts, run, state, request));
  StepMemo memo;
  memo.parts_ = parts.take();
  Sha256 key;
  for (const MemoPart& part : memo.parts_) key.update(part.name + '\0' + part.digest + '\n');
  memo.key_ = key.finish().hex();
  if (!run.options.no_memo) SLIP_TRY(memo.find(run));
  memo.compare(run, request);
  return memo;
}

Status StepMemo::find(const RunContext& run) {
  for (const std::string& scope : run.cache_scopes.read) {
    CacheEntry name;
    name.kind = CacheEntry::kMemo;
    name.scope = scope;
    name.key = key_;
    std::optional<CacheEntry> entry = SLIP_TRY(run.caches.index().find(name));
    if (!entry) continue;
    const Result<std::string> log = run.caches.index().read_log(entry->id());
    if (!log) continue;
    hit_ = SLIP_TRY(run.caches.take(*std::move(entry)));
    if (!hit_) continue;
    const Json& details = hit_->entry.details;
    MemoResult result;
    result.root_layer = details["root"].string_or("");
    result.work_layer = details["work"].string_or("");
    result.written.outputs = assignments_of(details["outputs"]);
    result.written.env = assignments_of(details["env"]);
    for (const Json& item : details["path"].items())
      result.written.path.emplace_back(item.string_or(""));
    result.written.summary = details["summary"].string_or("");
    result.seconds = details["seconds"].double_or(0);
    for (const std::string_view line : split(*log, '\n')) {
      const std::size_t tab = line.find('\t');
      if (tab != std::string_view::npos)
        result.log.emplace_back(line.substr(0, tab), line.substr(tab + 1));
    }
    verdict_ = "reused from run " + std::string(details["run"].string_or(""));
    known_ = std::move(result);
    return {};
  }
  return {};
}

void StepMemo::compare(const RunContext& run, const StepRequest& request) {
  const std::string path = record_path(run, request);
  if (!known_) {
    verdict_ = "not reused: ";
    const Result<std::string> text = read_file(path, kMaxRecord);
    const Result<Json> record = text ? parse_json(*text) : fail(ErrorCode::kNotFound, "");
    std::vector<MemoPart> before;
    if (record) {
      for (const Json& part : record->items()) {
        if (part.items().size() == 3)
          before.push_back({std::string(part.items()[0].string_or("")),
                            std::string(part.items()[1].string_or("")),
                            std::string(part.items()[2].string_or(""))});
      }
    }
    const std::string first = first_difference(parts_, before);
    if (run.options.no_memo)
      verdict_ += "--no-memo";
    else if (before.empty())
      verdict_ += "it has not run before";
    else
      verdict_ += first.empty() ? "its last result is not kept (it failed, or made room)" : first;
  }
  Json record = Json::array();
  for (const MemoPart& part : parts_)
    record.push(Json::array({part.name, part.shown, part.digest}));
  // Only for people: without it the next run says less.
  if (make_dirs(run.store.root() + "/caches/steps", 0700))
    (void)write_file_atomic(path, record.dump(), 0600);
}

Status StepMemo::keep(const RunContext& run, const StepRequest& request,
                      const MemoResult& result) const {
  CacheEntry entry;
  entry.kind = CacheEntry::kMemo;
  entry.scope = run.cache_scopes.write;
  entry.key = key_;
  entry.paths = {request.job.instance + "/" + request.step.id};
  for (const std::string& id : {result.root_layer, result.work_layer}) {
    if (!id.empty()) entry.layers.push_back(SLIP_TRY(run.caches.measure(id)));
  }
  Json path = Json::array();
  for (const std::string& directory : result.written.path) path.push(directory);
  entry.details = Json::object({{"run", run.run_id},
                                {"root", result.root_layer},
                                {"work", result.work_layer},
                                {"outputs", to_json(result.written.outputs)},
                                {"env", to_json(result.written.env)},
                                {"path", std::move(path)},
                                {"summary", result.written.summary},
                                {"seconds", result.seconds}});
  entry.created = real_clock().wall();
  std::string log;
  for (const auto& [stream, line] : result.log) log += stream + "\t" + line + "\n";
  SLIP_TRY(run.caches.index().put_log(entry.id(), log));
  SLIP_TRY(run.caches.put(entry));
  return {};
}

}  // namespace slipway::runner
