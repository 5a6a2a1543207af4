// Why steps of a build were not found, from its record.
#include "base/text.h"
#include "runner/build/build.h"
#include "runner/build/records.h"

namespace slipway::runner {

Result<std::string> explain_miss(cachestore::Store& store, const std::string& debug_target) {
  const BuildRecords records(store.root());
  const Json record = SLIP_TRY(records.find_build(debug_target));
  std::string text;
  for (const Json& step : record["steps"].items()) {
    if (step["cached"].bool_or(false)) continue;
    text +=
        printable(step["name"].string_or("")) + ": " + printable(step["why"].string_or("")) + "\n";
  }
  if (text.empty()) text = "every step was taken from the cache\n";
  return text;
}

}  // namespace slipway::runner
