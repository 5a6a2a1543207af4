// Which file or helper answers for a registry, in which order. The file's form: account_file.cc.
#include "runner/registry/accounts.h"

#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "runner/registry/account_file.h"
#include "runner/registry/credential_helper.h"

namespace slipway::runner {
namespace {

using cachestore::Credentials;

// Tokens of cloud helpers live from one hour on; within a pull of many layers a helper is asked once.
constexpr std::chrono::minutes kKeep{5};

std::string variable(const Variables& variables, const std::string& name) {
  return variables(name).value_or("");
}

}  // namespace

AccountPlaces AccountPlaces::of(const Variables& variables) {
  AccountPlaces places;
  places.inline_document = variable(variables, "DOCKER_AUTH_CONFIG");
  const std::string home = variable(variables, "HOME");
  const std::string docker = variable(variables, "DOCKER_CONFIG");
  if (!docker.empty()) {
    places.docker = docker + "/config.json";
  } else if (!home.empty()) {
    places.docker = home + "/.docker/config.json";
  }
  if (const auto file = variable(variables, "REGISTRY_AUTH_FILE"); !file.empty())
    places.podman.push_back(file);
  if (const auto dir = variable(variables, "XDG_RUNTIME_DIR"); !dir.empty())
    places.podman.push_back(dir + "/containers/auth.json");
  places.podman.push_back("/run/containers/" + std::to_string(::getuid()) + "/auth.json");
  const std::string config = variable(variables, "XDG_CONFIG_HOME");
  if (!config.empty()) {
    places.podman.push_back(config + "/containers/auth.json");
  } else if (!home.empty()) {
    places.podman.push_back(home + "/.config/containers/auth.json");
  }
  return places;
}

Accounts::Accounts(AccountPlaces places, Warn warn, const Clock& clock, CancelToken cancel)
    : places_(std::move(places)),
      warn_(std::move(warn)),
      clock_(clock),
      cancel_(std::move(cancel)) {}

void Accounts::warn_once(const std::string& text) {
  const bool fresh = warned_.with([&](std::vector<std::string>& said) {
    if (std::find(said.begin(), said.end(), text) != said.end()) return false;
    said.push_back(text);
    return true;
  });
  if (fresh && warn_) warn_(text);
}

std::optional<Credentials> Accounts::look_in(const Result<Json>& document,
                                             const std::string& registry) {
  if (!document) {
    warn_once(document.error().text());
    return std::nullopt;
  }
  if (const std::string name = helper_in(*document, registry); !name.empty()) {
    const auto ask = [&]() -> Result<std::optional<Credentials>> {
      const CredentialHelper helper = SLIP_TRY(CredentialHelper::named(name));
      return helper.get(account_key(registry), cancel_);
    };
    Result<std::optional<Credentials>> answer = ask();
    if (!answer) {
      warn_once(answer.error().text());
    } else if (*answer) {
      return *std::move(answer);
    }
  }
  Result<std::optional<Credentials>> account = account_in(*document, registry);
  if (!account) warn_once(account.error().text());
  return account ? *std::move(account) : std::nullopt;
}

std::optional<Credentials> Accounts::look_up(const std::string& registry) {
  if (!places_.inline_document.empty()) {
    const auto document = parse_account_file(places_.inline_document, "$DOCKER_AUTH_CONFIG");
    if (auto account = look_in(document, registry)) return account;
  }
  std::vector<std::string> files = places_.podman;
  if (!places_.docker.empty()) files.insert(files.begin(), places_.docker);
  for (const std::string& file : files) {
    if (auto account = look_in(read_account_file(file), registry)) return account;
  }
  return std::nullopt;
}

Result<std::optional<Credentials>> Accounts::find(const std::string& registry) {
  const MonoTime now = clock_.mono();
  using Answer = std::optional<std::optional<Credentials>>;
  const Answer known = known_.with([&](const std::map<std::string, Known>& map) -> Answer {
    const auto entry = map.find(registry);
    if (entry == map.end() || entry->second.until <= now) return std::nullopt;
    return entry->second.account;
  });
  if (known) return *known;
  std::optional<Credentials> account = look_up(registry);
  if (cancel_.cancelled())
    return fail(ErrorCode::kCancelled, "look up account of " + registry + ": cancelled");
  known_.with([&](std::map<std::string, Known>& map) {
    map.insert_or_assign(registry, Known{account, now + kKeep});
  });
  return account;
}

Result<KeptAccount> keep_account(const AccountPlaces& places, const std::string& registry,
                                 const Credentials& account, const CancelToken& cancel) {
  if (places.docker.empty())
    return fail(ErrorCode::kInvalid, "store account: neither HOME nor DOCKER_CONFIG is set");
  const Json document = SLIP_TRY(read_account_file(places.docker));
  const std::string name = helper_in(document, registry);
  if (!name.empty()) {
    const CredentialHelper helper = SLIP_TRY(CredentialHelper::named(name));
    SLIP_TRY(helper.store(account_key(registry), account, cancel));
    SLIP_TRY(update_account_file(places.docker, [&](Json& file) {
      put_account(file, registry, nullptr);
      return true;
    }));
    return KeptAccount{helper.program(), false};
  }
  SLIP_TRY(update_account_file(places.docker, [&](Json& file) {
    put_account(file, registry, &account);
    return true;
  }));
  return KeptAccount{places.docker, true};
}

Result<bool> forget_account(const AccountPlaces& places, const std::string& registry,
                            const CancelToken& cancel) {
  if (places.docker.empty())
    return fail(ErrorCode::kInvalid, "forget account: neither HOME nor DOCKER_CONFIG is set");
  const Json document = SLIP_TRY(read_account_file(places.docker));
  bool found = false;
  if (const std::string name = helper_in(document, registry); !name.empty()) {
    const CredentialHelper helper = SLIP_TRY(CredentialHelper::named(name));
    found = SLIP_TRY(helper.get(account_key(registry), cancel)).has_value();
    SLIP_TRY(helper.erase(account_key(registry), cancel));
  }
  if (!path_exists(places.docker)) return found;
  SLIP_TRY(update_account_file(places.docker, [&](Json& file) {
    const bool dropped = drop_account(file, registry);
    found = found || dropped;
    return dropped;
  }));
  return found;
}

}  // namespace slipway::runner
