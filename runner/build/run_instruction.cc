// RUN: environment, mounts, network, container, output; then what only served the mounts is taken away.
#include "runner/build/run_instruction.h"

#include <atomic>

#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "runner/build/config_values.h"
#include "runner/build/run_output.h"
#include "runner/build/run_upper.h"
#include "runner/build/stack_lookup.h"

namespace slipway::runner {
namespace {

constexpr const char* kNetwork = "slipway-builds";
constexpr const char* kHostname = "buildkitsandbox";  // What BuildKit calls it: scripts look.
constexpr ByteCount kMaxPasswd = 1_MiB;
constexpr std::size_t kIdBytes = 32;  // As a container's id, which the records of networks expect.
// Spec: Dockerfile reference, "Predefined ARGs".
constexpr const char* kProxies[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                    "FTP_PROXY",  "ftp_proxy",  "NO_PROXY",    "no_proxy",
                                    "ALL_PROXY",  "all_proxy"};
// What the engine makes in every container.
constexpr const char* kEngineTargets[] = {"/dev",       "/proc",         "/sys",
                                          "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};

std::string container_name(const BuildState& state) {
  static std::atomic<unsigned> counter{0};
  return "build-" + state.id.substr(state.id.size() - 8) + "-" + std::to_string(++counter);
}

std::vector<std::string> environment(const BuildState& state, const RunRequest& request,
                                     const RunMountSet& mounts) {
  NamedValues values = request.step.variables;
  for (const char* name : kProxies) {
    const std::string* given = find_value(state.request.args, name);
    if (given != nullptr && find_value(values, name) == nullptr) values.emplace_back(name, *given);
  }
  if (find_value(values, "HOME") == nullptr)
    values.emplace_back("HOME", home_directory(request.lowers, request.step.user));
  for (const auto& [name, value] : mounts.variables()) set_value(values, name, value);
  std::vector<std::string> entries;
  for (const auto& [name, value] : values) entries.push_back(name + "=" + value);
  return entries;
}

Result<std::string> network_of(const BuildState& state, const PlannedStep& step) {
  using Network = pipeline::RunSettings::Network;
  std::string network = state.request.network;
  if (step.run.network == Network::kNone) network = "none";
  if (step.run.network == Network::kHost) network = "host";
  if (network == "host" && !state.request.allow_host_network) {
    return fail(ErrorCode::kPermission,
                "RUN --network=host: not allowed; allow it with `--allow network.host`");
  }
  return network;
}

Result<std::unique_ptr<sandbox::NetworkSession>> join_network(const BuildState& state,
                                                              sandbox::ContainerSpec& spec) {
  if (state.place.networks == nullptr) return std::unique_ptr<sandbox::NetworkSession>();
  sandbox::Networks& networks = *state.place.networks;
  if (!networks.inspect(kNetwork)) {
    sandbox::NetworkConfig config;
    config.name = kNetwork;
    // Ports that only see the bridge itself: a step cannot reach another one, whoever started it.
    config.options.emplace_back("com.docker.network.bridge.enable_icc", "false");
    const auto made = networks.create(config);
    if (!made && made.error().code() != ErrorCode::kExists) return fail(made.error());
  }
  sandbox::SessionRequest request;
  request.client = {random_hex(kIdBytes), spec.name, spec.hostname};
  request.endpoints.push_back(
      {.network = kNetwork, .aliases = {}, .ipv4 = {}, .ipv6 = {}, .mac = {}});
  auto session = SLIP_TRY_WITHIN("join the network of builds", networks.open_session(request));
  spec.mounts.emplace_back(sandbox::FileMount{"/etc/resolv.conf", session->resolv_conf(), 0444});
  for (auto& line : session->hosts()) spec.extra_hosts.push_back(std::move(line));
  spec.network_setup = [joined = session.get()](int network_namespace) {
    return joined->attach(network_namespace);
  };
  return session;
}

Result<sandbox::ContainerSpec> make_spec(BuildState& state, const RunRequest& request,
                                         const RunMountSet& mounts) {
  const BuildRequest& build = state.request;
  sandbox::ContainerSpec spec;
  spec.name = container_name(state);
  spec.hostname = kHostname;
  if (const std::string* given = find_value(build.args, "BUILDKIT_SANDBOX_HOSTNAME"))
    spec.hostname = *given;
  spec.root.stack = {request.lowers, request.draft.upper(), request.draft.work()};
  spec.mounts = mounts.mounts();
  spec.process.argv = request.step.run.argv;
  spec.process.env = environment(state, request, mounts);
  spec.process.cwd = request.step.workdir;
  spec.process.user = request.step.user;
  spec.extra_hosts = build.extra_hosts;
  spec.limits = build.limits;
  spec.isolation.ulimits = build.ulimits;
  spec.isolation.shm_size = build.shm_size;
  if (request.step.run.insecure) {
    if (!build.allow_insecure) {
      return fail(ErrorCode::kPermission,
                  "RUN --security=insecure: not allowed; allow it with "
                  "`--allow security.insecure`");
    }
    spec.isolation.powers.emplace_back(sandbox::power::Privileged{});
  }
  return spec;
}

Status note_stubs(const RunRequest& request, const RunMountSet& mounts, MountStubs& stubs) {
  for (const char* target : kEngineTargets) SLIP_TRY(stubs.note(request.lowers, target));
  for (const std::string& target : mounts.targets()) SLIP_TRY(stubs.note(request.lowers, target));
  return {};
}

}  // namespace

std::string home_directory(const std::vector<std::string>& lowers, const std::string& user) {
  const std::string name = user.substr(0, user.find(':'));
  const bool root = name.empty() || name == "root" || name == "0";
  const Result<StackEntry> passwd = look_up(lowers, "/etc/passwd");
  if (passwd && passwd->kind == StackEntry::Kind::kFile) {
    const std::string text = read_file(passwd->layers.front(), kMaxPasswd).value_or("");
    for (const std::string_view line : split(text, '\n')) {
      const std::vector<std::string_view> fields = split(line, ':');
      if (fields.size() < 7 || fields[5].empty()) continue;
      const bool ours = root ? fields[2] == "0" : fields[0] == name || fields[2] == name;
      if (ours) return std::string(fields[5]);
    }
  }
  return root ? "/root" : "/";
}

Result<RunResult> run_instruction(BuildState& state, const RunRequest& request) {
  const RunMountSet mounts = SLIP_TRY(RunMountSet::prepare(state, request.step, request.sources));
  MountStubs stubs;
  SLIP_TRY(note_stubs(request, mounts, stubs));
  SLIP_TRY(begin_upper(request.lowers, request.draft.upper()));
  sandbox::ContainerSpec spec = SLIP_TRY(make_spec(state, request, mounts));
  const std::string network = SLIP_TRY(network_of(state, request.step));
  std::unique_ptr<sandbox::NetworkSession> session;  // Outlives the container.
  if (network == "host") {
    spec.network = sandbox::Network::kHost;
  } else if (network != "none") {
    session = SLIP_TRY(join_network(state, spec));
  }
  RunOutput output(state.vertices, request.vertex, state.mask);
  SLIP_TRY(output.open());
  spec.process.stdout_fd = output.stdout_fd();
  spec.process.stderr_fd = output.stderr_fd();
  Result<std::unique_ptr<sandbox::Container>> container = state.place.engine.start(spec);
  output.start();
  if (!container) return fail(std::move(container).error());
  RunResult result;
  result.outcome = (*container)->wait(state.cancel, std::nullopt, sandbox::StopPolicy{});
  container->reset();
  output.finish();
  result.last_lines = output.last_lines();
  SLIP_TRY(stubs.remove(request.lowers, request.draft.upper()));
  return result;
}

}  // namespace slipway::runner
