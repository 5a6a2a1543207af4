// cache ls, stats, rm.
#include <algorithm>

#include "base/text.h"
#include "runner/cache/caches.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/image_session.h"
#include "runner/cli/list_output.h"
#include "runner/cli/relative_time.h"
#include "runner/cli/template.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kShownId = 12;

struct Books {
  std::shared_ptr<cachestore::Store> store;
  Caches caches;
};
Result<Books> open_books(const Invocation& invocation) {
  auto store = SLIP_TRY(open_image_store(invocation));
  Caches caches = SLIP_TRY(Caches::open(*store, ByteCount{}));
  return Books{std::move(store), std::move(caches)};
}

Json entry_json(const CacheEntry& entry, WallTime now) {
  return Json::object({{"ID", entry.id().substr(0, kShownId)},
                       {"Type", entry.kind},
                       {"Scope", entry.scope},
                       {"Key", entry.key},
                       {"Paths", join(entry.paths, ",")},
                       {"Files", entry.files()},
                       {"Bytes", entry.bytes()},
                       {"Size", format_size(ByteCount{entry.bytes()})},
                       {"Layers", entry.layers.size()},
                       {"Created", relative_time(entry.created, now)},
                       {"CreatedAt", format_rfc3339(entry.created)},
                       {"Used", relative_time(entry.used, now)},
                       {"UsedAt", format_rfc3339(entry.used)}});
}

Status list_caches(const Invocation& invocation) {
  static const Json kHeadings = Json::object({{"ID", "ID"},
                                              {"Type", "TYPE"},
                                              {"Scope", "SCOPE"},
                                              {"Key", "KEY"},
                                              {"Paths", "PATHS"},
                                              {"Files", "FILES"},
                                              {"Bytes", "BYTES"},
                                              {"Size", "SIZE"},
                                              {"Layers", "LAYERS"},
                                              {"Created", "CREATED"},
                                              {"CreatedAt", "CREATED AT"},
                                              {"Used", "USED"},
                                              {"UsedAt", "USED AT"}});
  const Books books = SLIP_TRY(open_books(invocation));
  std::vector<CacheEntry> entries = SLIP_TRY(books.caches.index().list());
  std::reverse(entries.begin(), entries.end());
  std::vector<Json> items;
  const WallTime now = real_clock().wall();
  for (const CacheEntry& entry : entries) items.push_back(entry_json(entry, now));
  return print_list(invocation, items,
                    {"ID",
                     "table {{.ID}}\t{{.Type}}\t{{.Key}}\t{{.Files}}\t{{.Size}}\t{{.Layers}}\t"
                     "{{.Used}}",
                     kHeadings});
}

Status show_stats(const Invocation& invocation) {
  const Books books = SLIP_TRY(open_books(invocation));
  const std::vector<CacheEntry> entries = SLIP_TRY(books.caches.index().list());
  const auto memos = static_cast<std::size_t>(
      std::count_if(entries.begin(), entries.end(),
                    [](const CacheEntry& entry) { return entry.kind == CacheEntry::kMemo; }));
  const ByteCount total = Caches::total(entries);
  const Json stats =
      Json::object({{"Caches", entries.size() - memos},
                    {"Memos", memos},
                    {"Bytes", total.value},
                    {"Size", format_size(total)},
                    {"LeastRecentlyUsed",
                     entries.empty() ? Json() : Json(format_rfc3339(entries.front().used))}});
  if (invocation.flag("json")) {
    print_data(stats.pretty());
  } else if (invocation.given("format")) {
    print_data(SLIP_TRY(format_items(invocation.value("format"), Json::object(), {stats})));
  } else {
    print_data(std::to_string(entries.size() - memos) + " caches and " + std::to_string(memos) +
               " memos, " + format_size(total) + "\n");
  }
  return {};
}

Status remove_caches(const Invocation& invocation) {
  const Books books = SLIP_TRY(open_books(invocation));
  const std::vector<CacheEntry> entries = SLIP_TRY(books.caches.index().list());
  std::vector<std::string> ids;
  for (const std::string& named : invocation.operands()) {
    const std::size_t before = ids.size();
    for (const CacheEntry& entry : entries) {
      const bool by_id = named.size() >= 4 && entry.id().starts_with(named);
      if (by_id || entry.key == named) ids.push_back(entry.id());
    }
    if (ids.size() == before)
      return fail(ErrorCode::kNotFound, "remove cache " + printable(named) + ": no such cache");
  }
  const Caches::Removed removed = SLIP_TRY(books.caches.remove(ids));
  print_data("Total reclaimed space: " + format_size(removed.freed) + "\n");
  return {};
}

}  // namespace

int cache_list_command(const Invocation& invocation) {
  return finish_command(list_caches(invocation), invocation);
}
int cache_stats_command(const Invocation& invocation) {
  return finish_command(show_stats(invocation), invocation);
}
int cache_remove_command(const Invocation& invocation) {
  return finish_command(remove_caches(invocation), invocation);
}

}  // namespace slipway::runner
