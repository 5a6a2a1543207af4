// `parallel`: numbered instances, and one for each combination of a matrix.
#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/gitlab/job.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline::gitlab {
namespace {

using yaml::Node;

constexpr std::size_t kMaxInstances = 200;  // as GitLab

}  // namespace

std::vector<Instance> expand_matrix(const Node& matrix, std::vector<Diagnostic>& out) {
  std::vector<Instance> instances;
  for (const Node& item : matrix.items) {
    std::vector<Instance> combined{{}};
    for (const yaml::Entry& axis : item.entries) {
      const std::vector<std::string> values = read_strings(&axis.value);
      std::vector<Instance> next;
      if (combined.size() * values.size() + instances.size() > kMaxInstances) {
        report(out, axis.key_span, "more than 200 instances of one job",
               "split the matrix over several jobs");
        return instances;
      }
      for (const Instance& before : combined) {
        for (const std::string& value : values) {
          Instance instance = before;
          instance.variables.emplace_back(axis.key, value);
          next.push_back(std::move(instance));
        }
      }
      combined = std::move(next);
    }
    for (Instance& instance : combined) {
      std::vector<std::string> values;
      for (const auto& [name, value] : instance.variables) values.push_back(value);
      instance.suffix = ": [" + join(values, ", ") + "]";
      instances.push_back(std::move(instance));
    }
  }
  int index = 0;
  for (Instance& instance : instances) {
    instance.index = ++index;
    instance.total = static_cast<int>(instances.size());
  }
  return instances;
}

std::vector<Instance> expand_parallel(const Node* parallel, std::vector<Diagnostic>& out) {
  if (parallel == nullptr) return {{}};
  if (const Node* matrix = parallel->get("matrix")) {
    if (matrix->items.empty()) report(out, matrix->span, "the matrix is empty", "remove parallel:");
    return expand_matrix(*matrix, out);
  }
  const std::optional<long long> count = read_int(parallel);
  if (!count) return {{}};
  if (*count < 1 || *count > static_cast<long long>(kMaxInstances)) {
    report(out, parallel->span, quoted(parallel->text) + " is out of range", "from 1 to 200");
    return {{}};
  }
  std::vector<Instance> instances;
  for (int index = 1; index <= static_cast<int>(*count); ++index) {
    Instance instance;
    instance.index = index;
    instance.total = static_cast<int>(*count);
    instance.suffix = " " + std::to_string(index) + "/" + std::to_string(*count);
    instances.push_back(std::move(instance));
  }
  return instances;
}

}  // namespace slipway::pipeline::gitlab
