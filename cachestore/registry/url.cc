// URLs of registries, token servers and storage hosts: parsing, resolving, writing. Names are looked up elsewhere.
#include "cachestore/registry/url.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "cachestore/registry/address.h"

namespace slipway::cachestore {
namespace {

// Signed storage URLs have some 2 KiB; servers commonly refuse more than 8.
constexpr std::size_t kMaxUrl = 16'384;

tl::unexpected<Error> bad(std::string_view text, const std::string& cause) {
  // A query may hold a signature or token.
  const std::string_view shown = text.substr(0, std::min<std::size_t>(text.find('?'), 200));
  return fail(ErrorCode::kInvalid, "parse url \"" + printable(shown) + "\": " + cause);
}

bool plain(char c) { return c > ' ' && c < '\x7f' && c != '\\'; }

bool valid_name(std::string_view host) {
  if (host.empty() || host.size() > 253 || host.front() == '.' || host.front() == '-') return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
}

/// libcurl and resolvers read "127.1", "0x7f.0.0.1" and "2130706433" as addresses; only the dotted quad is let through.
bool looks_like_number(std::string_view host) {
  const std::size_t dot = host.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? host : host.substr(dot + 1);
  return !last.empty() && last.front() >= '0' && last.front() <= '9';
}

std::string host_fault(const std::string& host, bool bracketed) {
  const bool address = Address::parse(host).has_value();
  if (bracketed) return address && host.find(':') != std::string::npos ? "" : "bad IPv6 address";
  if (!valid_name(host)) return "bad host name";
  return looks_like_number(host) && !address ? "bad IPv4 address" : "";
}

/// RFC 3986, 5.2.4.
std::string remove_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  const std::vector<std::string_view> parts = split(path.substr(1), '/');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    if (parts[i] == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (parts[i] != ".") {
      kept.push_back(parts[i]);
      continue;
    }
    if (last) kept.push_back("");
  }
  std::string result;
  for (const std::string_view part : kept) result.append("/").append(part);
  return result.empty() ? "/" : result;
}

std::uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

Status parse_authority(std::string_view authority, std::string_view text, Url& url) {
  if (authority.find('@') != std::string_view::npos)
    return bad(text.substr(0, 8), "has a user name");
  std::string_view port;
  const bool bracketed = authority.starts_with('[');
  if (bracketed) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return bad(text, "bad IPv6 address");
    url.host = to_lower(authority.substr(1, end - 1));
    port = authority.substr(end + 1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    url.host = to_lower(authority.substr(0, colon));
    port = authority.substr(colon);
  }
  if (const std::string fault = host_fault(url.host, bracketed); !fault.empty())
    return bad(text, fault);
  url.port = default_port(url.scheme);
  if (port.empty()) return {};
  const auto number =
      port.size() <= 6 && port.front() == ':' ? parse_int(port.substr(1)) : std::nullopt;
  if (!number || *number < 1 || *number > 65'535 || port[1] == '+') return bad(text, "bad port");
  url.port = static_cast<std::uint16_t>(*number);
  return {};
}

/// Path and query as they come behind the authority.
void set_target(std::string_view target, Url& url) {
  target = target.substr(0, target.find('#'));
  const std::size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  url.path = path.empty() ? "/" : remove_dots(path);
  url.query = question == std::string_view::npos ? "" : std::string(target.substr(question + 1));
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (text.size() > kMaxUrl) return bad(text, "longer than 16 KiB");
  if (!std::all_of(text.begin(), text.end(), plain))
    return bad(text, "has a character that is not allowed");
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return bad(text, "no scheme");
  Url url;
  url.scheme = to_lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") return bad(text, "neither http nor https");
  const std::string_view rest = text.substr(colon + 3);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  SLIP_TRY(parse_authority(rest.substr(0, end), text, url));
  set_target(rest.substr(end), url);
  return url;
}

Result<Url> Url::resolve(std::string_view reference) const {
  if (reference.starts_with("//")) return parse(scheme + ":" + std::string(reference));
  const std::size_t scheme_end = reference.find(':');
  if (scheme_end != std::string_view::npos && scheme_end < reference.find_first_of("/?#")) {
    return parse(reference);
  }
  const std::string base = scheme + "://" + authority();
  if (reference.starts_with('/')) return parse(base + std::string(reference));
  if (reference.empty() || reference.starts_with('#')) return *this;
  if (reference.starts_with('?')) return parse(base + path + std::string(reference));
  return parse(base + path.substr(0, path.rfind('/') + 1) + std::string(reference));
}

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == default_port(scheme) ? text : text + ":" + std::to_string(port);
}

std::string Url::origin() const { return scheme + "://" + host + ":" + std::to_string(port); }
std::string Url::shown() const { return scheme + "://" + authority() + path; }
std::string Url::str() const { return query.empty() ? shown() : shown() + "?" + query; }

void Url::add_query(std::string_view name, std::string_view value) {
  if (!query.empty()) query += '&';
  query += std::string(name) + "=" + percent_encode(value);
}

}  // namespace slipway::cachestore
