// From method and path to handler, and from errors to docker's answers.
#include <algorithm>

#include "base/text.h"
#include "web/docker_api/api.h"

namespace slipway::web::docker_api {
namespace {

constexpr ByteCount kBodyLimit =
    4_MiB;  // A create with all it can say is some KiB; env may be large.

struct Found {
  const Route* route = nullptr;
  std::vector<std::string> names;
  bool other_method = false;
};

/// The pieces that stand for `{}` and `{...}`, or nothing.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
  std::vector<std::string> names;
  for (;;) {
    const std::size_t hole = pattern.find('{');
    const std::string_view literal = pattern.substr(0, hole);
    if (!path.starts_with(literal)) return std::nullopt;
    path.remove_prefix(literal.size());
    if (hole == std::string_view::npos)
      return path.empty() ? std::optional(std::move(names)) : std::nullopt;
    const bool greedy = pattern.substr(hole).starts_with("{...}");
    const std::string_view tail = pattern.substr(hole + (greedy ? 5 : 2));
    std::size_t end = path.find('/');
    if (greedy) end = tail.empty() ? path.size() : path.rfind(tail);
    if (end == std::string_view::npos) end = greedy ? 0 : path.size();
    const auto name = percent_decode(path.substr(0, end), false);
    if (!name || name->empty()) return std::nullopt;
    names.push_back(*name);
    path.remove_prefix(end);
    pattern = tail;
  }
}

Found find_route(std::string_view method, std::string_view path) {
  Found found;
  for (const auto* table : {&system_routes(), &stream_routes(), &file_routes(), &exec_routes(),
                            &container_routes(), &image_transfer_routes(), &image_routes(),
                            &build_routes(), &network_routes(), &volume_routes()}) {
    for (const Route& route : *table) {
      auto names = match(route.pattern, path);
      if (!names) continue;
      // net/http's rule: who can GET can HEAD.
      const bool fits = route.method == method || (method == "HEAD" && route.method == "GET");
      if (!fits) {
        found.other_method = true;
        continue;
      }
      found.route = &route;
      found.names = *std::move(names);
      if (route.method == method) return found;
    }
  }
  return found;
}

/// "/v1.47/x" -> 47 and "/x"; without a version the newest.
std::pair<int, std::string_view> split_version(std::string_view path) {
  if (!path.starts_with("/v1.")) return {kNewestMinor, path};
  const std::size_t slash = path.find('/', 1);
  const auto minor = parse_int(path.substr(4, slash == std::string_view::npos ? slash : slash - 4));
  if (!minor || slash == std::string_view::npos) return {kNewestMinor, path};
  return {static_cast<int>(std::clamp<long long>(*minor, 0, 1000)), path.substr(slash)};
}

Status complain(Exchange& exchange, int status, const std::string& message) {
  if (status == 304 || status == 204) return exchange.answer_empty(status);
  return exchange.answer_json(status, Json::object({{"message", message}}));
}

std::string version_text(int minor) { return "1." + std::to_string(minor); }

}  // namespace

Result<std::optional<std::int64_t>> Call::number(std::string_view key) const {
  const std::string text = param(key);
  if (text.empty()) return std::optional<std::int64_t>();
  const auto value = parse_int(text);
  if (!value)
    return fail(ErrorCode::kInvalid,
                "parameter " + std::string(key) + "=\"" + printable(text) + "\": no number");
  return std::optional<std::int64_t>(*value);
}

Result<runner::Filters> Call::filters() const {
  runner::Filters filters;
  const std::string text = param("filters");
  if (text.empty()) return filters;
  const Json json = SLIP_TRY_WITHIN("invalid filters", parse_json(text, {1 << 20, 8}));
  for (const auto& [name, values] : json.members()) {
    for (const Json& value : values.items()) filters[name].emplace_back(value.string_or(""));
    for (const auto& [value, wanted] : values.members()) {
      if (wanted.bool_or(true)) filters[name].push_back(value);
    }
  }
  return filters;
}

Result<Json> Call::body() const { return exchange_.json_body(kBodyLimit); }

int status_of(const Error& error) {
  // A client that asks for what this machine or program cannot do has asked wrongly; docker says 400 or 501.
  if (error.code() == ErrorCode::kUnsupported) return 501;
  if (error.code() == ErrorCode::kPermission) return 403;
  return http_status(error.code());
}

std::string message_of(const Error& error) {
  std::string text = error.text();
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return text;
}

void serve_call(Engine& engine, Exchange& exchange) {
  const auto [minor, path] = split_version(exchange.request().path);
  if (minor > kNewestMinor || minor < kOldestMinor) {
    const std::string limit =
        minor > kNewestMinor
            ? "too new. Maximum supported API version is " + version_text(kNewestMinor)
            : "too old. Minimum supported API version is " + version_text(kOldestMinor);
    (void)complain(exchange, 400, "client version " + version_text(minor) + " is " + limit);
    return;
  }
  const Found found = find_route(exchange.request().method, path);
  if (found.route == nullptr || found.route->since > minor) {
    (void)complain(exchange, found.other_method ? 405 : 404,
                   found.other_method ? "method not allowed" : "page not found");
    return;
  }
  Call call(engine, exchange, found.names, minor);
  const Status done = found.route->handler(call);
  if (!done && !exchange.answered())
    (void)complain(exchange, status_of(done.error()), message_of(done.error()));
}

}  // namespace slipway::web::docker_api
