// The protocol of docker's credential helpers. Which helper is asked: accounts.cc.
#include "runner/registry/credential_helper.h"

#include <algorithm>
#include <chrono>

#include "base/json.h"
#include "base/sys.h"
#include "base/text.h"

namespace slipway::runner {
namespace {

using cachestore::Credentials;

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxAnswer = std::size_t{64} << 10;  // tokens are a few kilobytes
constexpr std::chrono::seconds kTimeout{60};
constexpr std::string_view kTokenUser = "<token>";  // docker-credential-helpers: an identity token
// What helpers print (docker-credential-helpers credentials/error.go); it is the only sign they give.
constexpr std::string_view kNotFoundText = "credentials not found in native keychain";

bool plain_name(const std::string& name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), allowed);
}

bool is_not_found(const Error& error) {
  return error.code() == ErrorCode::kNotFound && error.sys_errno() == 0;
}

}  // namespace

Result<CredentialHelper> CredentialHelper::named(const std::string& name) {
  if (!plain_name(name)) {
    return fail(ErrorCode::kInvalid,
                "use credential helper \"" + printable(ellipsize(name, 40)) +
                    "\": expected the end of a program's name, such as pass or ecr-login");
  }
  return CredentialHelper("docker-credential-" + name);
}

/// The helper's words for people are on its stdout; they may quote what it was given, so only an answer to `get`, which
/// is given no secret, is ever repeated.
Result<std::string> CredentialHelper::call(const std::string& action, const std::string& input,
                                           const CancelToken& cancel) const {
  const std::string what = program_ + " " + action;
  sys::CommandResult result =
      SLIP_TRY_WITHIN(what, sys::run_command({program_, action}, cancel, kTimeout, input));
  if (result.out.find(kNotFoundText) != std::string::npos)
    return fail(ErrorCode::kNotFound, what + ": no such entry");
  if (result.exit.signalled || result.exit.code != 0) {
    std::string cause = result.exit.signalled
                            ? "ended by signal " + std::to_string(result.exit.code)
                            : "exit code " + std::to_string(result.exit.code);
    const std::string_view words = trim(result.out.empty() ? result.err : result.out);
    if (action == "get" && !words.empty()) cause += ": " + printable(ellipsize(words, 200));
    return fail(ErrorCode::kUnavailable, what + ": " + cause);
  }
  if (result.out.size() > kMaxAnswer)
    return fail(ErrorCode::kInvalid, what + ": answer of more than 64 KiB");
  return std::move(result.out);
}

Result<std::optional<Credentials>> CredentialHelper::get(const std::string& server,
                                                         const CancelToken& cancel) const {
  const Result<std::string> answer = call("get", server, cancel);
  if (!answer && is_not_found(answer.error())) return std::optional<Credentials>();
  if (!answer) return fail(answer.error().clone());
  // A parse error would quote nothing of the text, but place numbers of a secret help nobody either.
  const Result<Json> json = parse_json(*answer);
  if (!json || !json->is_object())
    return fail(ErrorCode::kInvalid, program_ + " get: the answer is not a JSON object");
  const std::string user((*json)["Username"].string_or(""));
  const std::string secret((*json)["Secret"].string_or(""));
  if (secret.empty()) return std::optional<Credentials>();
  Credentials account;
  if (user == kTokenUser) {
    account.identity_token = secret;
  } else {
    account.username = user;
    account.password = secret;
  }
  return std::optional(std::move(account));
}

Status CredentialHelper::store(const std::string& server, const Credentials& account,
                               const CancelToken& cancel) const {
  const bool token = !account.identity_token.empty();
  const Json entry = Json::object({{"ServerURL", server},
                                   {"Username", token ? std::string(kTokenUser) : account.username},
                                   {"Secret", token ? account.identity_token : account.password}});
  SLIP_TRY(call("store", entry.dump(), cancel));
  return {};
}

Status CredentialHelper::erase(const std::string& server, const CancelToken& cancel) const {
  const Result<std::string> answer = call("erase", server, cancel);
  if (answer || is_not_found(answer.error())) return {};
  return fail(answer.error().clone());
}

Result<std::vector<std::pair<std::string, std::string>>> CredentialHelper::list(
    const CancelToken& cancel) const {
  const std::string answer = SLIP_TRY(call("list", "", cancel));
  const Result<Json> json = parse_json(answer);
  if (!json || !json->is_object())
    return fail(ErrorCode::kInvalid, program_ + " list: the answer is not a JSON object");
  std::vector<std::pair<std::string, std::string>> servers;
  for (const auto& [server, user] : json->members())
    servers.emplace_back(server, std::string(user.string_or("")));
  return servers;
}

}  // namespace slipway::runner
