// A build for docker's API: its request in our words, and what happens as the classic builder's text.
#include "runner/image_build.h"

#include <cstdlib>
#include <mutex>
#include <set>

#include "base/text.h"
#include "runner/build/build.h"
#include "sandbox/engine.h"

namespace slipway::runner {
namespace {

class TextObserver : public BuildObserver {
 public:
  explicit TextObserver(const std::function<void(std::string_view)>& say) : say_(say) {}
  void vertex(const BuildVertex& vertex) override {
    switch (vertex.state) {
      case VertexState::kRunning:
        if (begun_.insert(vertex.id).second) say_(vertex.name + "\n");
        break;
      case VertexState::kCached:
        if (begun_.insert(vertex.id).second) say_(vertex.name + "\n");
        say_(" ---> Using cache\n");
        break;
      case VertexState::kWaiting:
      case VertexState::kDone:
      case VertexState::kFailed:
      case VertexState::kCancelled:
        break;
    }
  }
  void output(std::size_t vertex, int stream, std::string_view bytes) override {
    (void)vertex;
    (void)stream;
    say_(bytes);
  }
  void progress(std::size_t vertex, const std::string& what, std::uint64_t done,
                std::uint64_t total) override {
    (void)vertex;
    (void)what;
    (void)done;
    (void)total;
  }
  void warning(const pipeline::LintFinding& finding) override {
    say_("[Warning] " + finding.rule + ": " + finding.diagnostic.message + " (line " +
         std::to_string(finding.diagnostic.span.line) + ")\n");
  }
  void note(const std::string& text) override { say_("[Note] " + text + "\n"); }

 private:
  const std::function<void(std::string_view)>& say_;
  std::set<std::size_t> begun_;
};

Result<BuildRequest> request_of(const EngineWorld& world, const ImageBuild& wanted) {
  BuildRequest request;
  request.context.context = wanted.remote.empty() ? "-" : wanted.remote;
  request.context.stdin_fd = wanted.context_fd;
  request.context.dockerfile = wanted.dockerfile;
  request.context.state_dir = world.state_dir;
  request.tags = wanted.tags;
  request.args = wanted.args;
  request.labels = wanted.labels;
  request.extra_hosts = wanted.extra_hosts;
  request.target = wanted.target;
  if (!wanted.platform.empty())
    request.platforms.push_back(SLIP_TRY(cachestore::Platform::parse(wanted.platform)));
  if (!wanted.network.empty()) request.network = wanted.network;
  request.no_cache = wanted.no_cache;
  request.pull = wanted.pull;
  if (wanted.memory > 0) request.limits.memory = ByteCount{wanted.memory};
  if (wanted.shm_size > 0) request.shm_size = ByteCount{wanted.shm_size};
  return request;
}

ImageBuilt failed(const BuildFailure& failure) {
  ImageBuilt built;
  built.error = pipeline::render(failure.diagnostics, failure.sources, pipeline::Colour::kNo);
  built.exit_code = failure.exit_code;
  return built;
}

}  // namespace

Result<ImageBuilt> build_image(const EngineWorld& world, const ImageBuild& wanted,
                               const std::function<void(std::string_view text)>& say,
                               const CancelToken& cancel) {
  const BuildRequest request = SLIP_TRY(request_of(world, wanted));
  const Variables variables = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  RegistryAccess access(
      variables, {}, [](const std::string&) {}, cancel, wanted.accounts);
  ImageSource images(*world.store, access);
  const auto engine = SLIP_TRY(sandbox::Engine::open({.store_root = world.state_dir}));
  const BuildPlace place{*world.store, *engine, images, world.networks.get(), world.state_dir};
  TextObserver observer(say);
  const BuildResult result = SLIP_TRY(build(place, request, observer, cancel));
  if (result.failure) return failed(*result.failure);
  ImageBuilt built;
  if (!result.images.empty()) built.id = result.images.front().image.id.str();
  built.exit_code = 0;
  return built;
}

}  // namespace slipway::runner
