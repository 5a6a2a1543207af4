// From an answer that is no success to an Error. Spec: OCI distribution-spec, "Error Codes".
#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "cachestore/registry/retry.h"

namespace slipway::cachestore {
namespace {

constexpr std::size_t kMaxErrors = 3;     // of a body's list; more say nothing more
constexpr std::size_t kMaxColumns = 300;  // of the whole text
constexpr JsonLimits kErrorLimits{65'536, 16};

struct StatusRow {
  int status;
  ErrorCode code;
  const char* text;
};
constexpr StatusRow kStatuses[] = {
    {401, ErrorCode::kUnauthenticated, "not authenticated"},
    {403, ErrorCode::kUnauthenticated, "access denied"},
    {404, ErrorCode::kNotFound, "not found"},
    {405, ErrorCode::kUnsupported, "the registry does not support this"},
    {408, ErrorCode::kTimeout, "the registry waited too long"},
    {409, ErrorCode::kConflict, "conflict"},
    {413, ErrorCode::kExhausted, "too large for the registry"},
    {429, ErrorCode::kUnavailable, "too many requests"},
    {501, ErrorCode::kUnsupported, "the registry does not support this"},
    {504, ErrorCode::kTimeout, "a server behind the registry did not answer"},
    {507, ErrorCode::kExhausted, "the registry's disk is full"},
};

const StatusRow* row_of(int status) {
  const auto* row = std::find_if(std::begin(kStatuses), std::end(kStatuses),
                                 [&](const StatusRow& entry) { return entry.status == status; });
  return row == std::end(kStatuses) ? nullptr : row;
}

ErrorCode code_of(int status) {
  if (const StatusRow* row = row_of(status)) return row->code;
  if (status >= 500) return ErrorCode::kUnavailable;
  return status >= 400 ? ErrorCode::kInvalid : ErrorCode::kCorrupt;
}

/// {"errors":[{"code","message","detail"}]}, or a token server's {"error","error_description"} or {"details"}.
std::string text_of_json(const Json& body) {
  std::vector<std::string> parts;
  for (const Json& error : body["errors"].items()) {
    if (parts.size() == kMaxErrors) break;
    std::string text = to_lower(error["code"].string_or(""));
    std::replace(text.begin(), text.end(), '_', ' ');
    const std::string_view message = error["message"].string_or("");
    if (!message.empty()) text += (text.empty() ? "" : ": ") + std::string(message);
    const Json& detail = error["detail"];
    const std::string more = detail.is_string() ? std::string(detail.string_or(""))
                             : detail.is_null() ? ""
                                                : detail.dump();
    if (!more.empty() && more != "{}" && more != "[]") text += " (" + more + ")";
    if (!text.empty()) parts.push_back(text);
  }
  for (const char* key : {"error_description", "details", "error", "message"}) {
    if (parts.empty() && !body[key].string_or("").empty())
      parts.emplace_back(body[key].string_or(""));
  }
  return join(parts, "; ");
}

std::string text_of_body(const HttpAnswer& answer) {
  if (const Result<Json> json = parse_json(answer.body, kErrorLimits)) return text_of_json(*json);
  if (media_type_of(answer.headers.first("content-type")) == "text/html") return {};
  const std::string_view text = trim(answer.body);
  return std::string(trim(text.substr(0, text.find('\n'))));
}

/// "; limit 100 in 6h00m, 0 left". Spec: Docker Hub, "RateLimit-Limit: 100;w=21600".
std::string rate_limit_text(const Headers& headers) {
  const std::string_view limit = headers.first("ratelimit-limit");
  const std::string_view left = headers.first("ratelimit-remaining");
  std::string text;
  if (const auto number = parse_size_header(limit.substr(0, limit.find(';')))) {
    text = "; limit " + std::to_string(*number);
    const std::size_t window = limit.find(";w=");
    const auto seconds = window == std::string_view::npos
                             ? std::nullopt
                             : parse_size_header(limit.substr(window + 3));
    if (seconds && *seconds < 1'000'000'000) {
      text += " in " + format_duration(Millis(static_cast<long long>(*seconds) * 1000));
    }
  }
  if (const auto number = parse_size_header(left.substr(0, left.find(';')))) {
    text += (text.empty() ? "; " : ", ") + std::to_string(*number) + " left";
  }
  return text;
}

}  // namespace

Error answer_error(const HttpAnswer& answer, const std::string& account) {
  const StatusRow* row = row_of(answer.status);
  std::string text = row != nullptr ? row->text : "unexpected answer";
  text += " (http " + std::to_string(answer.status) + ")";
  const std::string said = ellipsize(printable(text_of_body(answer)), kMaxColumns);
  if (!said.empty()) text += ": " + said;
  if (answer.status == 429) {
    text += rate_limit_text(answer.headers);
    if (const auto after = parse_retry_after(answer.headers.first("retry-after"),
                                             std::chrono::system_clock::now())) {
      text += "; try again in " + format_duration(*after);
    }
  }
  const ErrorCode code = code_of(answer.status);
  if (code == ErrorCode::kUnauthenticated) text += "; try: runner login " + account;
  return Error(code, text);
}

}  // namespace slipway::cachestore
