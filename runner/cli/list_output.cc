// Lists and documents on stdout, in the forms that docker's --format and --quiet ask for.
#include "runner/cli/list_output.h"

#include <array>
#include <ctime>

#include "base/text.h"
#include "runner/cli/console.h"
#include "runner/cli/template.h"

namespace slipway::runner {

Status print_list(const Invocation& invocation, const std::vector<Json>& entries,
                  const ListForm& form) {
  if (invocation.flag("json")) {
    print_data(Json(Json::Array(entries)).pretty());
    return {};
  }
  if (find_option(&invocation.command(), "quiet") != nullptr && invocation.flag("quiet")) {
    for (const Json& entry : entries)
      print_data(std::string(entry[form.id_field].string_or("")) + "\n");
    return {};
  }
  std::string format = invocation.value("format");
  if (format.empty() || format == "table") format = form.table;
  print_data(SLIP_TRY(format_items(format, form.headings, entries)));
  return {};
}

Status print_documents(const Invocation& invocation, const std::vector<Json>& documents) {
  const std::string format = invocation.value("format");
  if (format.empty() || format == "json" || invocation.flag("json")) {
    const Json all{Json::Array(documents)};
    print_data(format == "json" ? all.dump() + "\n" : all.pretty());
    return {};
  }
  print_data(SLIP_TRY(format_items(format, Json::object(), documents)));
  return {};
}

std::string labels_text(const std::vector<std::pair<std::string, std::string>>& labels) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : labels) parts.push_back(name + "=" + value);
  return join(parts, ",");
}

// Go's time.Time.String() without the fraction, as docker prints CreatedAt.
std::string local_time_text(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm broken{};
  ::localtime_r(&seconds, &broken);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S %z %Z", &broken);
  return text.data();
}

}  // namespace slipway::runner
