// image ls and image history: docker's columns, filters and templates.
#include <algorithm>
#include <ctime>
#include <map>
#include <set>

#include "base/text.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/image_session.h"
#include "runner/cli/relative_time.h"
#include "runner/cli/template.h"
#include "runner/image_filter.h"

namespace slipway::runner {
namespace {

using cachestore::Image;
using cachestore::Reference;
using cachestore::Store;

// docker history cuts commands to this many columns unless --no-trunc is given.
constexpr std::size_t kCommandColumns = 45;

// As Go prints a time, which is what scripts that read docker's lists expect: "2026-01-02 03:04:05 +0000 UTC".
std::string go_time(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S +0000 UTC", &parts);
  return {text, size};
}

/// What a line of the list says of the image's name.
struct Line {
  std::string repository = "<none>";
  std::string tag = "<none>";
  std::string digest = "<none>";
};

Json list_entry(const Image& image, const Line& line, std::size_t users, bool whole_id) {
  const WallTime created = image_created(image);
  return Json::object({{"ID", whole_id ? image.id.str() : image.id.short_hex()},
                       {"Repository", line.repository},
                       {"Tag", line.tag},
                       {"Digest", line.digest},
                       {"CreatedSince", relative_time(created, real_clock().wall())},
                       {"CreatedAt", go_time(created)},
                       {"Size", format_size(image.size)},
                       {"Bytes", image.size.value},
                       {"Containers", users}});
}

/// An image has a line for each of its names; digests without a tag have one where digests are shown.
std::vector<Line> lines_of(const Image& image, const ImageFilter& filter, bool digests) {
  std::vector<Line> lines;
  std::set<std::string> tagged;
  const auto digest_in = [&](const std::string& repository) {
    for (const Reference& name : image.digests) {
      if (familiar_repository(name) == repository) return name.digest->str();
    }
    return std::string("<none>");
  };
  for (const Reference& name : image.names) {
    const std::string repository = familiar_repository(name);
    tagged.insert(repository);
    if (filter.matches_name(name)) lines.push_back({repository, name.tag, digest_in(repository)});
  }
  for (const Reference& name : image.digests) {
    const std::string repository = familiar_repository(name);
    const bool shown = digests || image.names.empty();
    if (shown && tagged.insert(repository).second && filter.matches_name(name))
      lines.push_back({repository, "<none>", name.digest->str()});
  }
  if (image.names.empty() && lines.empty() && !filter.wants_names()) lines.emplace_back();
  return lines;
}

// "busybox", "busybox:1" and "team/*": the operand is one more reference filter, where a tag not written means any.
std::vector<std::string> filter_texts(const Invocation& invocation) {
  std::vector<std::string> texts = invocation.list("filter");
  std::string text = invocation.operand(0);
  if (text.empty()) return texts;
  if (const auto name = Reference::parse(text)) {
    const std::size_t slash = text.rfind('/');
    const bool tagged = text.find(':', slash == std::string::npos ? 0 : slash) != std::string::npos;
    text = tagged ? name->familiar() : familiar_repository(*name);
  }
  texts.push_back("reference=" + text);
  return texts;
}

Result<std::vector<Json>> list_entries(const Invocation& invocation) {
  const bool whole_id = invocation.flag("no-trunc") || invocation.flag("json");
  const std::shared_ptr<Store> store = SLIP_TRY(open_image_store(invocation));
  const ImageFilter filter = SLIP_TRY(ImageFilter::parse(
      filter_texts(invocation), ImageFilter::For::kList, *store, real_clock().wall()));
  std::vector<Image> images = SLIP_TRY(store->images());
  const auto users = SLIP_TRY(store->image_users());
  std::set<Digest> parents;
  for (const Image& image : images) {
    if (image.parent) parents.insert(*image.parent);
  }
  std::stable_sort(images.begin(), images.end(), [](const Image& a, const Image& b) {
    return image_created(a) > image_created(b);
  });
  std::vector<Json> entries;
  for (const Image& image : images) {
    const bool is_parent = parents.contains(image.id);
    if (!filter.matches(image, is_parent)) continue;
    if (image.names.empty() && is_parent && !invocation.flag("all")) continue;
    const auto held = users.find(image.id);
    const std::size_t count = held == users.end() ? 0 : held->second.size();
    for (const Line& line : lines_of(image, filter, invocation.flag("digests")))
      entries.push_back(list_entry(image, line, count, whole_id));
  }
  return entries;
}

const Json& list_headings() {
  static const Json headings = Json::object({{"ID", "IMAGE ID"},
                                             {"Repository", "REPOSITORY"},
                                             {"Tag", "TAG"},
                                             {"Digest", "DIGEST"},
                                             {"CreatedSince", "CREATED"},
                                             {"CreatedAt", "CREATED AT"},
                                             {"Size", "SIZE"},
                                             {"Bytes", "BYTES"},
                                             {"Containers", "CONTAINERS"}});
  return headings;
}

std::string ids_of(const std::vector<Json>& entries) {
  std::string text;
  std::set<std::string> seen;
  for (const Json& entry : entries) {
    const std::string id(entry["ID"].string_or(""));
    if (seen.insert(id).second) text += id + "\n";
  }
  return text;
}

Status list_images(const Invocation& invocation) {
  const std::vector<Json> entries = SLIP_TRY(list_entries(invocation));
  if (invocation.flag("json")) {
    print_data(Json(Json::Array(entries)).pretty());
    return {};
  }
  if (invocation.flag("quiet")) {
    print_data(ids_of(entries));
    return {};
  }
  std::string table = "table {{.Repository}}\t{{.Tag}}\t";
  if (invocation.flag("digests")) table += "{{.Digest}}\t";
  table += "{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
  const std::string format = invocation.value("format", table);
  print_data(SLIP_TRY(format_items(format == "table" ? table : format, list_headings(), entries)));
  return {};
}

const Json& history_headings() {
  static const Json headings = Json::object({{"ID", "IMAGE"},
                                             {"CreatedSince", "CREATED"},
                                             {"CreatedAt", "CREATED AT"},
                                             {"CreatedBy", "CREATED BY"},
                                             {"Size", "SIZE"},
                                             {"Comment", "COMMENT"}});
  return headings;
}

std::string one_line(const std::string& text) {
  std::string line;
  for (const char c : text) line += c == '\t' || c == '\n' ? ' ' : c;
  return printable(line);
}

/// How many of the history's steps each image of the parents' chain has, so that its line can have its id.
Result<std::map<std::size_t, Digest>> ids_by_step(Store& store, const Image& image) {
  std::map<std::size_t, Digest> ids;
  Image at = image;
  for (;;) {
    if (!at.config.history.empty()) ids.emplace(at.config.history.size() - 1, at.id);
    if (!at.parent) return ids;
    auto parent = store.image(at.parent->str());
    if (!parent) return ids;
    at = *std::move(parent);
  }
}

Result<std::vector<Json>> history_entries(const Invocation& invocation) {
  const std::shared_ptr<Store> store = SLIP_TRY(open_image_store(invocation));
  const Image image = SLIP_TRY(store->image(invocation.operand(0)));
  const bool whole = invocation.flag("no-trunc");
  const bool human = !invocation.given("human") || invocation.flag("human");
  auto ids = SLIP_TRY(ids_by_step(*store, image));
  // What was not built but packed has no history: the layers are all there is to tell.
  std::vector<cachestore::HistoryEntry> history = image.config.history;
  if (history.empty()) history.resize(image.layers.size());
  if (!history.empty()) ids.emplace(history.size() - 1, image.id);
  std::vector<Json> entries;
  std::size_t layer = 0;
  for (std::size_t i = 0; i < history.size(); ++i) {
    const cachestore::HistoryEntry& step = history[i];
    const bool has_layer = !step.empty_layer && layer < image.layer_sizes.size();
    const ByteCount size = has_layer ? image.layer_sizes[layer++] : ByteCount();
    const auto id = ids.find(i);
    const std::string by = one_line(step.created_by);
    const bool timed = step.created != WallTime();
    entries.push_back(Json::object(
        {{"ID",
          id == ids.end() ? "<missing>" : (whole ? id->second.str() : id->second.short_hex())},
         {"CreatedSince", timed ? relative_time(step.created, real_clock().wall()) : "N/A"},
         {"CreatedAt", timed ? format_rfc3339(step.created) : "N/A"},
         {"CreatedBy", whole ? by : ellipsize(by, kCommandColumns)},
         {"Size", human ? format_size(size) : std::to_string(size.value)},
         {"Comment", one_line(step.comment)}}));
  }
  std::reverse(entries.begin(), entries.end());
  return entries;
}

Status show_history(const Invocation& invocation) {
  const std::vector<Json> entries = SLIP_TRY(history_entries(invocation));
  if (invocation.flag("quiet")) {
    std::string ids;
    for (const Json& entry : entries) ids += std::string(entry["ID"].string_or("")) + "\n";
    print_data(ids);
    return {};
  }
  const bool human = !invocation.given("human") || invocation.flag("human");
  const std::string table = std::string("table {{.ID}}\t") +
                            (human ? "{{.CreatedSince}}" : "{{.CreatedAt}}") +
                            "\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
  const std::string format = invocation.value("format", table);
  print_data(
      SLIP_TRY(format_items(format == "table" ? table : format, history_headings(), entries)));
  return {};
}

}  // namespace

int image_list_command(const Invocation& invocation) {
  return finish_command(list_images(invocation), invocation);
}
int image_history_command(const Invocation& invocation) {
  return finish_command(show_history(invocation), invocation);
}

}  // namespace slipway::runner
