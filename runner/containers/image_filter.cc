// Which images a list or a prune is about.
#include "runner/image_filter.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.h"

namespace slipway::runner {
namespace {

using cachestore::Image;
using cachestore::Reference;

struct FilterWord {
  std::string_view name;
  bool list;
  bool prune;
};
constexpr std::array kWords = {
    FilterWord{"before", true, false},    FilterWord{"dangling", true, true},
    FilterWord{"label", true, true},      FilterWord{"label!", true, true},
    FilterWord{"reference", true, false}, FilterWord{"since", true, false},
    FilterWord{"until", true, true},
};

bool allowed(const FilterWord& word, ImageFilter::For use) {
  return use == ImageFilter::For::kList ? word.list : word.prune;
}

Error unknown_filter(std::string_view text, ImageFilter::For use) {
  std::vector<std::string> valid;
  for (const FilterWord& word : kWords) {
    if (allowed(word, use)) valid.push_back(std::string(word.name) + "=");
  }
  return Error(ErrorCode::kInvalid, "read filter \"" + printable(text) +
                                        "\": unknown; valid filters are " + join(valid, ", "));
}

std::tm utc(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return parts;
}

// "2026-01-02", "2026-01-02T03:04:05", with or without an offset, in UTC when there is none.
std::optional<WallTime> parse_moment(const std::string& text) {
  for (const char* form : {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S",
                           "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    std::tm parts = utc(WallTime());
    const char* end = ::strptime(text.c_str(), form, &parts);
    if (end == nullptr || *end != '\0') continue;
    const long offset = parts.tm_gmtoff;
    return std::chrono::system_clock::from_time_t(::timegm(&parts) - offset);
  }
  if (const auto seconds = parse_int(text); seconds && *seconds >= 0 && *seconds < 9'000'000'000) {
    return std::chrono::system_clock::from_time_t(static_cast<std::time_t>(*seconds));
  }
  return std::nullopt;
}

}  // namespace

WallTime image_created(const Image& image) {
  return image.config.created == WallTime{} ? image.imported : image.config.created;
}

std::string familiar_repository(const Reference& name) {
  Reference bare = name;
  bare.digest.reset();
  bare.tag = "t";  // familiar() always ends in the tag then
  const std::string text = bare.familiar();
  return text.substr(0, text.rfind(':'));
}

Result<ImageFilter> ImageFilter::parse(const std::vector<std::string>& texts, For use,
                                       cachestore::Store& store, WallTime now) {
  ImageFilter filter;
  filter.use_ = use;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    const std::string_view name = std::string_view(text).substr(0, equals);
    const auto word = std::find_if(kWords.begin(), kWords.end(), [&](const FilterWord& known) {
      return known.name == name && allowed(known, use);
    });
    if (equals == std::string::npos || word == kWords.end()) return fail(unknown_filter(text, use));
    SLIP_TRY_WITHIN("read filter \"" + printable(text) + "\"",
                    filter.add(name, std::string_view(text).substr(equals + 1), store, now));
  }
  return filter;
}

Status ImageFilter::add(std::string_view name, std::string_view value, cachestore::Store& store,
                        WallTime now) {
  if (name == "dangling") return add_dangling(value);
  if (name == "until") return add_until(value, now);
  if (name == "label" || name == "label!") {
    add_label(value, name == "label");
    return {};
  }
  if (name == "reference") {
    references_.push_back(SLIP_TRY(Glob::compile(value)));
    return {};
  }
  const WallTime created = image_created(SLIP_TRY(store.image(std::string(value))));
  if (name == "before") {
    before_ = std::min(before_.value_or(WallTime::max()), created);
  } else {
    since_ = std::max(since_.value_or(WallTime::min()), created);
  }
  return {};
}

Status ImageFilter::add_dangling(std::string_view value) {
  const bool yes = value == "true" || value == "1";
  if (!yes && value != "false" && value != "0") {
    return fail(ErrorCode::kInvalid, "expected true or false");
  }
  dangling_ = yes;
  return {};
}

void ImageFilter::add_label(std::string_view value, bool wanted) {
  const std::size_t equals = value.find('=');
  Label label;
  label.name = std::string(value.substr(0, equals));
  if (equals != std::string_view::npos) label.value = std::string(value.substr(equals + 1));
  label.wanted = wanted;
  labels_.push_back(std::move(label));
}

Status ImageFilter::add_until(std::string_view value, WallTime now) {
  std::optional<WallTime> until = parse_moment(std::string(value));
  if (!until) {
    const auto age = parse_duration(value);
    if (!age) return fail(ErrorCode::kInvalid, "expected an age such as 24h, or a time");
    until = now - *age;
  }
  before_ = std::min(before_.value_or(WallTime::max()), *until);
  return {};
}

bool ImageFilter::matches(const Image& image, bool is_parent) const {
  const bool dangling = image.names.empty() && !is_parent;
  if (use_ == For::kList && dangling_ && *dangling_ != dangling) return false;
  const WallTime created = image_created(image);
  if (before_ && created >= *before_) return false;
  if (since_ && created <= *since_) return false;
  const auto& labels = image.config.labels;
  return std::all_of(labels_.begin(), labels_.end(), [&](const Label& wanted) {
    const bool has = std::any_of(labels.begin(), labels.end(), [&](const auto& label) {
      return label.first == wanted.name && (!wanted.value || label.second == *wanted.value);
    });
    return has == wanted.wanted;
  });
}

// A pattern may be of the whole name or of the repository alone.
bool ImageFilter::matches_name(const Reference& name) const {
  if (references_.empty()) return true;
  return std::any_of(references_.begin(), references_.end(), [&](const Glob& glob) {
    return glob.matches(name.familiar()) || glob.matches(familiar_repository(name));
  });
}

}  // namespace slipway::runner
