// Debian's docker-registry with a configuration of its own: the packaged one listens on all addresses.
#include "tests/support/docker_registry.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>

#include "base/fd.h"

namespace slipway::testing {
namespace {

// It goes when the test program is killed. Its log never fills a pipe that nobody reads: a line says when it is up, the
// rest goes to a file.
constexpr const char* kServe =
    "exec setpriv --pdeathsig KILL docker-registry serve \"$0\" 2> >(tee \"$1\" | { grep -m1 "
    "--line-buffered 'listening "
    "on'; cat >/dev/null; })";

[[noreturn]] void give_up(const std::string& text) {
  std::fprintf(stderr, "docker-registry for tests: %s\n", text.c_str());
  std::abort();
}

/// A port nobody uses now. The registry cannot be given a socket, so somebody may take it before: start() tries again.
int free_port() {
  const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    give_up("no free port");
  }
  return ntohs(address.sin_port);
}

void write_text(const std::string& path, const std::string& text) {
  if (const Status written = write_file_atomic(path, text, 0600); !written) {
    give_up(written.error().text());
  }
}

void run(const std::vector<std::string>& argv, const std::string& directory) {
  const ProgramRun done = run_program(argv, {}, "", directory);
  if (done.exit_code != 0) give_up(argv[0] + ": " + done.err);
}

/// A CA and a server certificate for 127.0.0.1.
void make_certificates(const std::string& directory, const std::string& host) {
  write_text(directory + "/san", "subjectAltName=IP:127.0.0.1\n");
  run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
       "-nodes", "-days", "2", "-subj", "/CN=slipway test CA", "-keyout", "ca.key", "-out",
       "ca.crt"},
      directory);
  run({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
       "-subj", "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr"},
      directory);
  run({"openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
       "-CAcreateserial", "-days", "2", "-extfile", "san", "-out", "server.crt"},
      directory);
  const std::string place = directory + "/certs.d/" + host;
  if (!make_dirs(place, 0700)) give_up("certs.d");
  write_text(place + "/ca.crt", read_file(directory + "/ca.crt", 1_MiB).value());
}

/// docker-registry takes bcrypt only; the like of `htpasswd -B`.
std::string htpasswd(const std::string& username, const std::string& password) {
  const ProgramRun done = run_program({"python3", "-W", "ignore", "-c",
                                       "import crypt,sys; print(crypt.crypt(sys.argv[1], "
                                       "crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))",
                                       password});
  if (done.exit_code != 0) give_up("python3: " + done.err);
  return username + ":" + done.out;
}

std::string config(const DockerRegistryOptions& options, const std::string& directory,
                   const std::string& storage, const std::string& host) {
  std::string text =
      "version: 0.1\nlog: {level: info}\nstorage:\n  filesystem: {rootdirectory: " + storage +
      "}\n  delete: {enabled: true}\n  maintenance: {uploadpurging: {enabled: false}}\n"
      "http:\n  addr: " +
      host + "\n  secret: for-tests\n";
  if (options.tls) {
    text +=
        "  tls: {certificate: " + directory + "/server.crt, key: " + directory + "/server.key}\n";
  }
  if (!options.username.empty()) {
    write_text(directory + "/htpasswd", htpasswd(options.username, options.password));
    text += "auth:\n  htpasswd: {realm: test, path: " + directory + "/htpasswd}\n";
  }
  if (!options.token_realm.empty()) {
    write_text(directory + "/token.crt", options.token_certificate);
    text += "auth:\n  token: {realm: '" + options.token_realm +
            "', service: fake, issuer: fake, rootcertbundle: " + directory + "/token.crt}\n";
  }
  if (!options.proxy.empty()) text += "proxy: {remoteurl: '" + options.proxy + "'}\n";
  return text;
}

TempDir make_directory() {
  Result<TempDir> made = TempDir::make("/tmp", "slipway-registry-");
  if (!made) give_up(made.error().text());
  return *std::move(made);
}

}  // namespace

DockerRegistry::DockerRegistry(const DockerRegistryOptions& options)
    : directory_(make_directory()), tls_(options.tls) {
  storage_ = options.storage.empty() ? directory_.path() + "/storage" : options.storage;
  for (int attempt = 0; attempt < 5; ++attempt) {
    host_ = "127.0.0.1:" + std::to_string(free_port());
    if (options.tls) make_certificates(directory_.path(), host_);
    const std::string file = directory_.path() + "/config.yml";
    write_text(file, config(options, directory_.path(), storage_, host_));
    program_ = std::make_unique<Program>(
        std::vector<std::string>{"bash", "-c", kServe, file, directory_.path() + "/log"},
        std::map<std::string, std::string>{{"OTEL_TRACES_EXPORTER", "none"}}, Stdio::kPipes);
    if (program_->wait_for("listening on " + host_)) return;
  }
  give_up("it does not start (package docker-registry): " +
          read_file(directory_.path() + "/log", 1_MiB).value_or(""));
}

DockerRegistry::~DockerRegistry() = default;

int DockerRegistry::port() const { return std::atoi(host_.c_str() + host_.find(':') + 1); }

}  // namespace slipway::testing
