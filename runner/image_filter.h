#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/glob.h"
#include "cachestore/store.h"

namespace slipway::runner {

/// `--filter` of image ls and image prune. Filters of one kind are alternatives, of different kinds conditions; labels
/// are all conditions. Spec: docker image ls, "Filtering"; docker image prune, "Filtering".
class ImageFilter {
 public:
  enum class For { kList, kPrune };
  /// Looks up the images that `before` and `since` name. kInvalid lists the filters there are.
  static Result<ImageFilter> parse(const std::vector<std::string>& texts, For use,
                                   cachestore::Store& store, WallTime now);

  /// `is_parent`: other images were made from it, so that without a name it is no left-over.
  bool matches(const cachestore::Image& image, bool is_parent) const;
  bool matches_name(const cachestore::Reference& name) const;
  bool wants_names() const { return !references_.empty(); }
  std::optional<bool> dangling() const { return dangling_; }

 private:
  struct Label {
    std::string name;
    std::optional<std::string> value;
    bool wanted = true;
  };
  Status add(std::string_view name, std::string_view value, cachestore::Store& store, WallTime now);
  Status add_dangling(std::string_view value);
  void add_label(std::string_view value, bool wanted);
  Status add_until(std::string_view value, WallTime now);

  For use_ = For::kList;
  std::vector<Label> labels_;
  std::vector<Glob> references_;
  std::optional<bool> dangling_;    ///< A prune reads it as "not all"; a list compares.
  std::optional<WallTime> before_;  ///< Also `until`.
  std::optional<WallTime> since_;
};

/// When an image was made: by its config, or when it came if that does not say.
WallTime image_created(const cachestore::Image& image);
/// "busybox" of busybox:1; with the registry when that is not docker's.
std::string familiar_repository(const cachestore::Reference& name);

}  // namespace slipway::runner
