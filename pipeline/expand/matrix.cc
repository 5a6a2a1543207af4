// Matrices: the product of the axes, less the excluded, with the included.
#include "pipeline/expand/matrix.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "pipeline/check/check_shape.h"

namespace slipway::pipeline {

namespace {

using yaml::Entry;
using yaml::Node;

// Before exclusions; bounds the work for a matrix that would be cut down later.
constexpr std::size_t kMaxProduct = 1024;
constexpr std::size_t kMaxAxes = 32;
constexpr std::size_t kMaxRows = 256;   // of include and of exclude, each
constexpr std::size_t kMaxValues = 64;  // of one combination

constexpr std::string_view kOptions[] = {"include", "exclude", "max-parallel", "fail-fast"};

struct Axis {
  std::string name;
  Value::List values;
};

class Expander {
 public:
  explicit Expander(Reader& reader) : reader_(reader) {}

  std::vector<Combination> expand(const Entry& matrix) {
    if (!matrix.value.is_map() || !read_axes(matrix.value)) return {};
    std::vector<Value> combinations = product(matrix.key_span);
    if (failed_) return {};
    exclude(matrix.value.get("exclude"), combinations);
    if (combinations.size() <= kMaxInstances) include(matrix.value.get("include"), combinations);
    if (failed_) return {};
    if (combinations.empty()) {
      report(reader_.out(), matrix.key_span, "the matrix has no combinations",
             "give it an axis with values, or an include entry");
      return {};
    }
    if (combinations.size() > kMaxInstances) {
      report(reader_.out(), matrix.key_span,
             "the matrix has " + std::to_string(combinations.size()) + " combinations",
             "at most 256; split the job or exclude some");
      return {};
    }
    return labelled(std::move(combinations));
  }

 private:
  bool read_axes(const Node& matrix) {
    for (const Entry& entry : matrix.entries) {
      const bool option =
          std::find(std::begin(kOptions), std::end(kOptions), entry.key) != std::end(kOptions);
      if (option || entry.key.starts_with("x-")) continue;
      Axis axis{entry.key, {}};
      if (entry.value.is_scalar()) {
        const Value value = reader_.fixed_value(entry.value, "matrix");
        if (value.list() == nullptr) {
          report(reader_.out(), entry.value.span,
                 quoted(entry.key) + " expects a list of values, found a " +
                     std::string(value.type_name()));
          failed_ = true;
          continue;
        }
        if (value.list()->size() > kMaxProduct)
          refuse(entry.value.span, "axis " + quoted(entry.key) + " has more than 1,024 values");
        else
          axis.values = *value.list();
      } else {
        literal_values(entry, axis);
      }
      if (axis.values.empty() && !entry.value.is_null()) {
        report(reader_.out(), entry.key_span, "axis " + quoted(entry.key) + " has no values");
        failed_ = true;
      }
      axes_.push_back(std::move(axis));
    }
    if (axes_.size() > kMaxAxes)
      refuse(matrix.entries.front().key_span, "the matrix has more than 32 axes");
    return !failed_;
  }

  void refuse(Span span, std::string message) {
    if (!std::exchange(failed_, true)) report(reader_.out(), span, std::move(message));
  }

  void literal_values(const Entry& entry, Axis& axis) {
    if (entry.value.items.size() > kMaxProduct)
      return refuse(entry.key_span, "axis " + quoted(entry.key) + " has more than 1,024 values");
    for (const Node& item : entry.value.items) {
      Value value = reader_.fixed_value(item, "matrix");
      // The one trap of YAML numbers that costs people hours: 3.10 is 3.1.
      if (value.number() != nullptr && item.is_scalar() && value.to_text() != item.text)
        warn(reader_.out(), item.span, item.text + " is the number " + value.to_text(),
             "quote it to keep it as it is written: \"" + item.text + "\"");
      if (std::find(axis.values.begin(), axis.values.end(), value) != axis.values.end()) {
        warn(reader_.out(), item.span, quoted(value.to_text()) + " stands twice in this axis",
             "it is used once");
        continue;
      }
      axis.values.push_back(std::move(value));
    }
  }

  std::vector<Value> product(Span where) {
    std::vector<Value> combinations;
    if (axes_.empty()) return combinations;
    combinations.emplace_back(Value::Map{});
    for (const Axis& axis : axes_) {
      if (combinations.size() * axis.values.size() > kMaxProduct) {
        report(reader_.out(), where, "the matrix has more than 1,024 combinations",
               "at most 256 are run; split the job");
        failed_ = true;
        return {};
      }
      std::vector<Value> longer;
      for (const Value& combination : combinations) {
        for (const Value& value : axis.values) {
          longer.push_back(combination);
          longer.back().set(axis.name, value);
        }
      }
      combinations = std::move(longer);
    }
    return combinations;
  }

  bool is_axis(std::string_view name) const {
    return std::any_of(axes_.begin(), axes_.end(),
                       [&](const Axis& axis) { return axis.name == name; });
  }

  std::optional<std::string> near_axis(const std::string& name) const {
    std::vector<std::string> names;
    for (const Axis& axis : axes_) names.push_back(axis.name);
    return did_you_mean(name, names);
  }

  Value row(const Node& item) {
    Value values{Value::Map{}};
    for (const Entry& entry : item.entries)
      values.set(entry.key, reader_.fixed_value(entry.value, "matrix"));
    return values;
  }

  // 3.9 and "3.9" mean the same to who writes them.
  static bool same(const Value& a, const Value& b) {
    return a == b || (a.type_name() != b.type_name() && a.to_text() == b.to_text());
  }

  static bool agrees(const Value& combination, const Value& row) {
    return std::all_of(row.map()->begin(), row.map()->end(), [&](const auto& member) {
      const Value* value = combination.find(member.first);
      return value != nullptr && same(*value, member.second);
    });
  }

  void exclude(const Node* list, std::vector<Value>& combinations) {
    if (list == nullptr || !few_rows(*list)) return;
    for (const Node& item : list->items) {
      if (!item.is_map() || item.entries.empty()) continue;
      bool slip = false;
      for (const Entry& entry : item.entries) {
        if (is_axis(entry.key)) continue;
        slip = true;
        const auto near = near_axis(entry.key);
        warn(reader_.out(), entry.key_span, "the matrix has no axis " + quoted(entry.key),
             near ? "did you mean \"" + *near + "\"?" : "this entry excludes nothing");
      }
      if (slip) continue;
      const Value row = this->row(item);
      if (std::erase_if(combinations, [&](const Value& c) { return agrees(c, row); }) == 0)
        warn(reader_.out(), item.span, "this exclude matches no combination");
    }
  }

  // GitHub's rule: values of the axes themselves are never overwritten, added ones may be.
  void include(const Node* list, std::vector<Value>& combinations) {
    if (list == nullptr || !few_rows(*list)) return;
    const std::size_t originals = combinations.size();
    for (const Node& item : list->items) {
      if (!item.is_map() || item.entries.empty()) continue;
      warn_of_slips(item);
      const Value row = this->row(item);
      bool added = false;
      for (std::size_t at = 0; at < originals; ++at) added |= extend(combinations[at], row);
      if (!added) combinations.push_back(in_axis_order(row));
      if (row.map()->size() > kMaxValues ||
          (originals > 0 && combinations.front().map()->size() > kMaxValues))
        return refuse(item.span, "more than 64 values in one combination");
    }
  }

  bool few_rows(const Node& list) {
    if (list.items.size() > kMaxRows)
      refuse(list.span, "more than 256 entries in include or exclude");
    return !failed_;
  }

  void warn_of_slips(const Node& item) {
    for (const Entry& entry : item.entries) {
      if (is_axis(entry.key)) continue;
      if (const auto near = near_axis(entry.key))
        warn(reader_.out(), entry.key_span, "the matrix has no axis " + quoted(entry.key),
             "did you mean \"" + *near + "\"?");
    }
  }

  bool extend(Value& combination, const Value& row) const {
    for (const auto& [name, value] : *row.map())
      if (is_axis(name) && !same(*combination.find(name), value)) return false;
    for (const auto& [name, value] : *row.map())
      if (!is_axis(name)) combination.set(name, value);
    return true;
  }

  Value in_axis_order(const Value& row) const {
    Value ordered{Value::Map{}};
    for (const Axis& axis : axes_)
      if (const Value* value = row.find(axis.name)) ordered.set(axis.name, *value);
    for (const auto& [name, value] : *row.map())
      if (!is_axis(name)) ordered.set(name, value);
    return ordered;
  }

  // Values of the axes name an instance; one that was only included has but its own.
  std::string label(const Value& combination) const {
    std::vector<std::string> parts;
    for (const Axis& axis : axes_)
      if (const Value* value = combination.find(axis.name)) parts.push_back(shown(*value));
    if (parts.empty() || parts.size() < axes_.size()) {
      parts.clear();
      for (const auto& member : *combination.map()) parts.push_back(shown(member.second));
    }
    return join(parts, ", ");
  }

  // Names become folders and keys: no slash, nothing invisible, not endless.
  static std::string shown(const Value& value) {
    std::string text = ellipsize(printable(value.to_text()), 40);
    std::replace(text.begin(), text.end(), '/', '-');
    return text;
  }

  std::vector<Combination> labelled(std::vector<Value> combinations) const {
    std::map<std::string, int> used;
    std::vector<Combination> result;
    for (Value& values : combinations) {
      std::string name = label(values);
      const int times = ++used[name];
      if (times > 1) name += " #" + std::to_string(times);
      result.push_back({std::move(values), std::move(name)});
    }
    return result;
  }

  Reader& reader_;
  std::vector<Axis> axes_;
  bool failed_ = false;
};

}  // namespace

std::vector<Combination> expand_matrix(const Entry& matrix, Reader& reader) {
  return Expander(reader).expand(matrix);
}

}  // namespace slipway::pipeline
