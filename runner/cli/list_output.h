#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "runner/cli/invocation.h"

namespace slipway::runner {

/// What the lists of containers, networks and volumes have in common: --json, --quiet (the field `id_field`), --format
/// (table, json or a template), else `table`.
struct ListForm {
  const char* id_field;
  std::string table;  ///< "table {{.ID}}\t…"
  const Json& headings;
};
Status print_list(const Invocation& invocation, const std::vector<Json>& entries,
                  const ListForm& form);

/// Documents of an inspect command: --format's template for each, or all as a JSON array. An error in one is reported
/// by the caller; what was found is printed all the same, as docker does.
Status print_documents(const Invocation& invocation, const std::vector<Json>& documents);

/// "a=1,b=2" of labels.
std::string labels_text(const std::vector<std::pair<std::string, std::string>>& labels);
/// "2026-01-02 03:04:05 +0000 UTC"
std::string local_time_text(WallTime time);

}  // namespace slipway::runner
