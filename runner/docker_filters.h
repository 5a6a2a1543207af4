#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sandbox/containers.h"

namespace slipway::runner {

/// Docker's filters: values of one name are alternatives (labels all have to fit), different names all have to fit.
using Filters = std::map<std::string, std::vector<std::string>>;

/// "name=web" of the command line. kInvalid without an equals sign.
Result<Filters> parse_filters(const std::vector<std::string>& texts);

/// A time as docker takes it: RFC 3339 (also without zone or time of day), unix seconds with a fraction, or a duration
/// back from now ("10m"). kInvalid otherwise.
Result<WallTime> parse_time(const std::string& text, WallTime now);

/// "k" or "k=v" against labels.
bool label_fits(const std::vector<std::pair<std::string, std::string>>& labels,
                const std::string& filter);

/// Containers of `all` that fit, in the same order. kInvalid for an unknown filter or value, kNotFound for an unknown
/// container of before/since.
Result<std::vector<sandbox::ContainerInfo>> filter_containers(
    const std::vector<sandbox::ContainerInfo>& all, const Filters& filters);
/// Whether the filters look at containers that do not run (docker then needs no -a).
bool filters_ask_for_stopped(const Filters& filters);

/// Label and time filters of prune: label, label!, until.
struct PruneFilter {
  std::vector<std::string> labels, not_labels;
  std::optional<WallTime> until;
  bool fits(const std::vector<std::pair<std::string, std::string>>& of, WallTime created) const;
};
Result<PruneFilter> prune_filter(const Filters& filters, WallTime now);

/// Events: container, event, type, label, image, network, volume.
Status check_event_filters(const Filters& filters);
bool event_fits(const sandbox::ContainerEvent& event, const Filters& filters);

/// kInvalid naming the filter that is not among `known`.
Status check_filters(const Filters& filters, const std::vector<std::string_view>& known);

}  // namespace slipway::runner
