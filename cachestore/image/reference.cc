// Image names as docker reads them. Spec: distribution/reference grammar:
//   reference  := name [ ":" tag ] [ "@" digest ]
//   name       := [ domain "/" ] component { "/" component }
//   domain     := host [ ":" port ];  host := label { "." label } | "[" ipv6 "]"
//   component  := alnum { separator alnum };  separator := "." | "_" | "__" | "-" { "-" }
//   tag        := word-character { word-character | "." | "-" }, at most 128
// The first component is a domain when it holds "." or ":", is "localhost", or has an upper-case
// letter.
#include "cachestore/reference.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::cachestore {
namespace {

constexpr std::string_view kDefaultRegistry = "docker.io";
constexpr std::string_view kOfficialPrefix = "library/";
constexpr std::string_view kDefaultTag = "latest";
constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxTag = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_alnum(char c) { return is_digit(c) || is_lower(c); }
bool is_word(char c) { return is_alnum(c) || is_upper(c) || c == '_'; }

// Cause of a wrong repository component, or empty.
std::string component_fault(std::string_view part) {
  if (part.empty()) return "empty part between slashes";
  if (std::any_of(part.begin(), part.end(), is_upper)) return "repository must be lower case";
  for (const char c : part) {
    if (!is_alnum(c) && c != '.' && c != '_' && c != '-') {
      return "character '" + printable(std::string_view(&c, 1)) +
             "' is not allowed in a repository";
    }
  }
  if (!is_alnum(part.front()) || !is_alnum(part.back())) {
    return "\"" + std::string(part) + "\" must begin and end with a letter or digit";
  }
  for (std::size_t i = 0; i < part.size();) {
    std::size_t end = i;
    while (end < part.size() && !is_alnum(part[end])) ++end;
    const std::string_view run = part.substr(i, end - i);
    const bool dashes = run.find_first_not_of('-') == std::string_view::npos;
    if (!run.empty() && !dashes && run != "." && run != "_" && run != "__") {
      return "\"" + std::string(run) + "\" is not a separator (use one of . _ __ -)";
    }
    i = end + 1;
  }
  return {};
}

bool valid_label(std::string_view label) {
  if (label.empty() || label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return is_alnum(c) || is_upper(c) || c == '-'; });
}

bool valid_ipv6(std::string_view host) {
  const std::string_view inner = host.substr(1, host.size() - 2);
  if (inner.find(':') == std::string_view::npos) return false;
  return std::all_of(inner.begin(), inner.end(), [](char c) {
    return is_digit(c) || c == ':' || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
}

std::string port_fault(std::string_view port) {
  const bool digits = !port.empty() && std::all_of(port.begin(), port.end(), is_digit);
  const auto number = digits && port.size() <= 5 ? parse_int(port) : std::nullopt;
  if (!number || *number < 1 || *number > 65'535) return "registry port must be 1 to 65535";
  return {};
}

std::string registry_fault(std::string_view registry) {
  std::string_view host = registry;
  const std::size_t bracket = registry.find(']');
  const bool literal = registry.front() == '[' && bracket != std::string_view::npos;
  const std::size_t colon = registry.find(':', literal ? bracket : 0);
  if (colon != std::string_view::npos) {
    host = registry.substr(0, colon);
    if (std::string fault = port_fault(registry.substr(colon + 1)); !fault.empty()) return fault;
  }
  if (literal && host.size() == bracket + 1 && valid_ipv6(host)) return {};
  for (const std::string_view label : split(host, '.')) {
    if (!valid_label(label)) return "\"" + std::string(host) + "\" is not a registry host";
  }
  return {};
}

std::string tag_fault(std::string_view tag) {
  if (tag.empty()) return "tag is empty";
  if (tag.size() > kMaxTag) return "tag is longer than 128 characters";
  if (!is_word(tag.front())) return "tag must begin with a letter, digit or underscore";
  for (const char c : tag) {
    if (!is_word(c) && c != '.' && c != '-') {
      return "character '" + printable(std::string_view(&c, 1)) + "' is not allowed in a tag";
    }
  }
  return {};
}

bool is_registry(std::string_view first) {
  return first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
         std::any_of(first.begin(), first.end(), is_upper);
}

std::string name_fault(const Reference& reference) {
  if (std::string fault = registry_fault(reference.registry); !fault.empty()) return fault;
  for (const std::string_view part : split(reference.repository, '/')) {
    if (std::string fault = component_fault(part); !fault.empty()) return fault;
  }
  if (reference.registry.size() + 1 + reference.repository.size() > kMaxName) {
    return "name is longer than 255 characters";
  }
  return {};
}

void split_name(std::string_view name, Reference& reference) {
  const std::size_t slash = name.find('/');
  const std::string_view first = name.substr(0, slash);
  if (slash != std::string_view::npos && !first.empty() && is_registry(first)) {
    reference.registry = first == "index.docker.io" ? kDefaultRegistry : first;
    reference.repository = name.substr(slash + 1);
  } else {
    reference.registry = kDefaultRegistry;
    reference.repository = name;
  }
  if (reference.registry == kDefaultRegistry &&
      reference.repository.find('/') == std::string::npos) {
    reference.repository.insert(0, kOfficialPrefix);
  }
}

}  // namespace

Result<Reference> Reference::parse(std::string_view text) {
  const std::string doing = "parse image name \"" + printable(ellipsize(text, 80)) + "\"";
  const auto wrong = [&](std::string_view cause) {
    return fail(ErrorCode::kInvalid, doing + ": " + std::string(cause));
  };
  Reference reference;
  std::string_view name = text;
  if (name.empty()) return wrong("it is empty");
  if (const std::size_t at = name.find('@'); at != std::string_view::npos) {
    reference.digest = SLIP_TRY_WITHIN(doing, Digest::parse(name.substr(at + 1)));
    name = name.substr(0, at);
  }
  const std::size_t slash = name.rfind('/');
  const std::size_t colon = name.find(':', slash == std::string_view::npos ? 0 : slash);
  if (colon != std::string_view::npos) {
    reference.tag = name.substr(colon + 1);
    name = name.substr(0, colon);
    if (std::string fault = tag_fault(reference.tag); !fault.empty()) return wrong(fault);
  } else if (!reference.digest) {
    reference.tag = kDefaultTag;
  }
  if (name.empty()) return wrong("the repository is missing");
  const bool hex64 =
      name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (hex64) return wrong("64 hex digits are an image id, not a name");
  split_name(name, reference);
  if (std::string fault = name_fault(reference); !fault.empty()) return wrong(fault);
  return reference;
}

std::string Reference::canonical() const {
  std::string text = registry + "/" + repository;
  if (!tag.empty()) text += ":" + tag;
  if (digest) text += "@" + digest->str();
  return text;
}

std::string Reference::familiar() const {
  std::string text = canonical();
  const std::string official = std::string(kDefaultRegistry) + "/" + std::string(kOfficialPrefix);
  const std::string hub = std::string(kDefaultRegistry) + "/";
  // "docker.io/library/a/b" keeps "library/": without it the name would read as user "a".
  const bool single = repository.find('/', kOfficialPrefix.size()) == std::string::npos;
  if (text.starts_with(official) && single) return text.substr(official.size());
  if (text.starts_with(hub)) return text.substr(hub.size());
  return text;
}

}  // namespace slipway::cachestore
