// login and logout.
#include <unistd.h>

#include "base/text.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/prompt.h"
#include "runner/cli/registry_session.h"
#include "runner/registry/account_file.h"

namespace slipway::runner {
namespace {

using cachestore::Credentials;

Result<std::string> registry_operand(const Invocation& invocation) {
  if (invocation.operands().empty()) return std::string("docker.io");
  return registry_host(invocation.operand(0));
}

Status check_options(const Invocation& invocation) {
  const bool piped = invocation.flag("password-stdin");
  if (piped && invocation.on_line("password"))
    return fail(ErrorCode::kInvalid, "log in: --password and --password-stdin exclude each other");
  if (piped && !invocation.given("username"))
    return fail(ErrorCode::kInvalid, "log in: --password-stdin wants --username");
  return {};
}

/// The account from options, standard input and questions.
Result<Credentials> account_from(const Invocation& invocation, const CancelToken& cancel) {
  Credentials account;
  account.username = invocation.value("username");
  if (invocation.flag("password-stdin")) {
    account.password = SLIP_TRY(read_secret_from_stdin());
  } else if (invocation.given("password")) {
    if (invocation.on_line("password")) {
      report_warning("--password can be read by others on this machine; use --password-stdin",
                     invocation);
    }
    account.password = invocation.value("password");
  }
  if (account.username.empty()) account.username = SLIP_TRY(ask("Username", Echo::kYes, cancel));
  if (account.username.empty()) return fail(ErrorCode::kInvalid, "log in: no user name given");
  const bool asked_for = !invocation.flag("password-stdin") && !invocation.given("password");
  if (asked_for) account.password = SLIP_TRY(ask("Password", Echo::kNo, cancel));
  if (account.password.empty()) return fail(ErrorCode::kInvalid, "log in: no password given");
  return account;
}

/// "…; try: runner login HOST" is no help to somebody who just did.
Error without_hint(const Error& error) {
  if (error.code() != ErrorCode::kUnauthenticated) return error.clone();
  return Error(error.code(), error.text().substr(0, error.text().find("; ")), error.sys_errno());
}

/// True when what is kept already lets us in: nothing is to be asked then.
bool known_account_works(const Invocation& invocation, const std::string& registry,
                         RegistrySession& session, cachestore::Registry& client) {
  if (invocation.given("username") || invocation.given("password")) return false;
  Accounts accounts(session.access().places(), {}, real_clock(), session.cancel());
  const auto known = accounts.find(registry);
  if (!known || !*known) return false;
  if (client.log_in(registry, **known, session.cancel())) return true;
  report_warning("the account that is kept for " + registry + " is refused", invocation);
  return false;
}

Status log_in(const Invocation& invocation) {
  SLIP_TRY(check_options(invocation));
  const std::string registry = SLIP_TRY(registry_operand(invocation));
  RegistrySession session(invocation);
  const auto client = SLIP_TRY(session.registry());
  if (known_account_works(invocation, registry, session, *client)) {
    print_data("Login Succeeded\n");
    return {};
  }
  const Credentials account = SLIP_TRY(account_from(invocation, session.cancel()));
  const Result<Credentials> accepted = client->log_in(registry, account, session.cancel());
  if (!accepted) return fail(without_hint(accepted.error()));
  const KeptAccount kept =
      SLIP_TRY(keep_account(session.access().places(), registry, *accepted, session.cancel()));
  if (kept.in_file) {
    report_warning("the password is kept unencrypted in " + kept.where +
                       "; a credential helper (credsStore in that file) would keep it safe",
                   invocation);
  }
  print_data("Login Succeeded\n");
  return {};
}

Status log_out(const Invocation& invocation) {
  const std::string registry = SLIP_TRY(registry_operand(invocation));
  const CancelToken cancel;
  const CancelOnSignal on_signal(cancel);
  const bool known =
      SLIP_TRY(forget_account(AccountPlaces::of(process_environment()), registry, cancel));
  print_data(known ? "Removing login credentials for " + registry + "\n"
                   : "Not logged in to " + registry + "\n");
  return {};
}

}  // namespace

int login_command(const Invocation& invocation) {
  const Status status = log_in(invocation);
  return finish_registry_command(status, invocation);
}

int logout_command(const Invocation& invocation) {
  const Status status = log_out(invocation);
  return finish_registry_command(status, invocation);
}

}  // namespace slipway::runner
