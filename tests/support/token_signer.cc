// Signed tokens for docker-registry's token mode. The keys are the openssl program's.
#include "tests/support/token_signer.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "tests/support/program.h"

namespace slipway::testing {
namespace {

std::string openssl(std::vector<std::string> arguments, const std::string& directory,
                    const std::string& input = "") {
  arguments.insert(arguments.begin(), "openssl");
  const ProgramRun run = run_program(arguments, {}, input, directory);
  if (run.exit_code == 0) return run.out;
  std::fprintf(stderr, "token signer: %s\n", run.err.c_str());
  std::abort();
}

std::string base64_url(std::string_view data) {
  std::string text = base64_encode(data);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

/// "repository:a/b:pull" -> {"type":"repository","name":"a/b","actions":["pull"]}
Json access_of(const std::string& scope) {
  const std::size_t first = scope.find(':');
  const std::size_t last = scope.rfind(':');
  return Json::object({{"type", scope.substr(0, first)},
                       {"name", scope.substr(first + 1, last - first - 1)},
                       {"actions", Json::array({scope.substr(last + 1)})}});
}

}  // namespace

TokenSigner::TokenSigner() : directory_(TempDir::make("/tmp", "slipway-signer-").value()) {
  openssl({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
           "/CN=slipway test tokens", "-keyout", "key.pem", "-out", "cert.pem"},
          directory_.path());
  certificate_ = read_file(directory_.path() + "/cert.pem", 1_MiB).value();
}

std::string TokenSigner::token(const std::vector<std::string>& scopes) const {
  std::string der;
  for (const std::string_view line : split(certificate_, '\n')) {
    if (!line.starts_with("-----")) der += line;
  }
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
  Json access = Json::array();
  for (const std::string& scope : scopes) access.push(access_of(scope));
  const Json header = Json::object({{"typ", "JWT"}, {"alg", "RS256"}, {"x5c", Json::array({der})}});
  const Json claims = Json::object({{"iss", "fake"},
                                    {"aud", "fake"},
                                    {"sub", "user"},
                                    {"iat", now},
                                    {"nbf", now - 10},
                                    {"exp", now + 60},
                                    {"jti", random_hex(8)},
                                    {"access", access}});
  const std::string text = base64_url(header.dump()) + "." + base64_url(claims.dump());
  return text + "." +
         base64_url(openssl({"dgst", "-sha256", "-sign", "key.pem"}, directory_.path(), text));
}

}  // namespace slipway::testing
