// docker's config.json as a document: finding, adding and dropping accounts. Which file, and helpers: accounts.cc.
#include "runner/registry/account_file.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/files.h"
#include "base/text.h"

namespace slipway::runner {
namespace {

using cachestore::Credentials;

// Docker's own file is a few kilobytes; a thousand registries with long tokens fit.
constexpr ByteCount kMaxFile = 1_MiB;
constexpr std::string_view kHub = "docker.io";
constexpr std::string_view kHubKey =
    "https://index.docker.io/v1/";         // docker/cli registry.IndexServer
constexpr std::size_t kMaxHost = 255 + 6;  // a DNS name and a port

bool is_hub(std::string_view host) {
  return host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io" ||
         host == "registry.hub.docker.com";
}

std::string_view without_scheme(std::string_view text) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (text.starts_with(scheme)) return text.substr(scheme.size());
  }
  return text;
}

/// "https://quay.io:443/team" -> "quay.io:443", hub names unified.
std::string host_of_key(std::string_view key) {
  const std::string_view rest = without_scheme(key);
  std::string host = to_lower(rest.substr(0, rest.find('/')));
  return is_hub(host) ? std::string(kHub) : host;
}

/// Keys for one registry, the most exact ones first.
std::vector<std::string> exact_keys(const std::string& registry) {
  if (registry != kHub) return {registry, "https://" + registry, "http://" + registry};
  return {std::string(kHubKey), "https://index.docker.io/v2/", "index.docker.io", "docker.io"};
}

std::string_view without_nuls(std::string_view text) {
  while (text.ends_with('\0')) text.remove_suffix(1);  // docker/cli decodeAuth does the same
  return text;
}

/// Nothing for an entry that holds no secret: docker leaves `{}` behind where a helper keeps it.
Result<std::optional<Credentials>> read_entry(const std::string& key, const Json& entry) {
  Credentials account;
  account.identity_token = entry["identitytoken"].string_or("");
  account.registry_token = entry["registrytoken"].string_or("");
  account.username = entry["username"].string_or("");
  account.password = entry["password"].string_or("");
  if (const std::string_view packed = trim(entry["auth"].string_or("")); !packed.empty()) {
    const std::optional<std::string> plain = base64_decode(packed);
    const std::size_t colon = plain ? plain->find(':') : std::string::npos;
    if (colon == std::string::npos || colon == 0) {
      return fail(ErrorCode::kInvalid,
                  "read account of " + printable(key) + ": `auth` is not base64 of USER:PASSWORD");
    }
    account.username = plain->substr(0, colon);
    account.password = without_nuls(std::string_view(*plain).substr(colon + 1));
  }
  const bool secret = !account.password.empty() || !account.identity_token.empty() ||
                      !account.registry_token.empty();
  return secret ? std::optional(std::move(account)) : std::nullopt;
}

Json entry_of(const Credentials& account) {
  Json entry = Json::object();
  // With an identity token docker keeps only the name beside it.
  const std::string& password = account.identity_token.empty() ? account.password : std::string();
  entry.set("auth", base64_encode(account.username + ":" + password));
  if (!account.identity_token.empty()) entry.set("identitytoken", account.identity_token);
  if (!account.registry_token.empty()) entry.set("registrytoken", account.registry_token);
  return entry;
}

Json without_member(const Json& object, std::string_view key) {
  Json::Object kept;
  for (const Json::Member& member : object.members()) {
    if (member.first != key) kept.push_back(member);
  }
  return Json(std::move(kept));
}

std::string resolved(const std::string& path) {
  std::error_code failed;
  const std::filesystem::path real = std::filesystem::canonical(path, failed);
  return failed ? path : real.string();
}

Result<Fd> lock_beside(const std::string& path) {
  const std::string lock = path + ".slipway-lock";
  Fd fd = SLIP_TRY(open_file(lock, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail_errno("lock " + lock);
  }
  return fd;
}

}  // namespace

Result<std::string> registry_host(const std::string& text) {
  const std::string host = host_of_key(trim(text));
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("-._:[]").find(c) != std::string_view::npos;
  };
  if (host.empty() || host.size() > kMaxHost || host.starts_with('-') ||
      !std::all_of(host.begin(), host.end(), allowed)) {
    return fail(ErrorCode::kInvalid, "parse registry \"" + printable(ellipsize(text, 80)) +
                                         "\": expected a host such as ghcr.io or localhost:5000");
  }
  return host;
}

std::string account_key(const std::string& registry) {
  return registry == kHub ? std::string(kHubKey) : registry;
}

Result<Json> parse_account_file(const std::string& text, const std::string& what) {
  if (trim(text).empty()) return Json::object();
  Json document = SLIP_TRY_WITHIN("read " + what, parse_json(text));
  if (!document.is_object())
    return fail(ErrorCode::kInvalid, "read " + what + ": expected a JSON object");
  return document;
}

Result<Json> read_account_file(const std::string& path) {
  const Result<std::string> text = read_file(path, kMaxFile);
  if (!text && text.error().code() == ErrorCode::kNotFound) return Json::object();
  if (!text) return fail(text.error().clone());
  return parse_account_file(*text, path);
}

Result<std::optional<Credentials>> account_in(const Json& document, const std::string& registry) {
  const Json& auths = document["auths"];
  for (const std::string& key : exact_keys(registry)) {
    const Json* entry = auths.find(key);
    if (entry == nullptr) continue;
    if (auto account = SLIP_TRY(read_entry(key, *entry))) return account;
  }
  for (const auto& [key, entry] : auths.members()) {
    if (host_of_key(key) != registry) continue;
    if (auto account = SLIP_TRY(read_entry(key, entry))) return account;
  }
  return std::optional<Credentials>();
}

std::string helper_in(const Json& document, const std::string& registry) {
  const Json& helpers = document["credHelpers"];
  for (const std::string& key : exact_keys(registry)) {
    const std::string_view name = helpers[key].string_or("");
    if (!name.empty()) return std::string(name);
  }
  return std::string(document["credsStore"].string_or(""));
}

void put_account(Json& document, const std::string& registry, const Credentials* account) {
  Json auths = document["auths"];
  if (!auths.is_object()) auths = Json::object();
  auths.set(account_key(registry), account != nullptr ? entry_of(*account) : Json::object());
  document.set("auths", std::move(auths));
}

bool drop_account(Json& document, const std::string& registry) {
  Json auths = document["auths"];
  std::vector<std::string> keys;
  for (const Json::Member& member : auths.members()) {
    if (host_of_key(member.first) == registry) keys.push_back(member.first);
  }
  for (const std::string& key : keys) auths = without_member(auths, key);
  if (!keys.empty()) document.set("auths", std::move(auths));
  return !keys.empty();
}

Status update_account_file(const std::string& path, const std::function<bool(Json&)>& change) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) SLIP_TRY(make_dirs(path.substr(0, slash), 0700));
  const std::string target = resolved(path);
  const Fd lock = SLIP_TRY(lock_beside(target));
  Json document = SLIP_TRY(read_account_file(target));
  if (!change(document)) return {};
  return write_file_atomic(target, document.pretty(), 0600);
}

}  // namespace slipway::runner
