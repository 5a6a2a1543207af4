// What waits for the engine's further processes, the store's new images and the networks' sessions.
#include "sandbox/containers/local_containers.h"

namespace slipway::sandbox {
namespace {

tl::unexpected<Error> not_there(const char* what) {
  return fail(ErrorCode::kUnsupported, std::string(what) + ": this version cannot do it");
}

}  // namespace

Result<std::string> LocalContainers::create_exec(const std::string&, const ExecConfig&) {
  return not_there("run command in container");
}
Result<Attachment> LocalContainers::start_exec(const std::string&) {
  return not_there("run command in container");
}
Result<ExecState> LocalContainers::inspect_exec(const std::string&) {
  return not_there("run command in container");
}
Result<int> LocalContainers::wait_exec(const std::string&, const CancelToken&) {
  return not_there("run command in container");
}
Status LocalContainers::resize_exec(const std::string&, Terminal) {
  return not_there("run command in container");
}
Result<ContainerStats> LocalContainers::stats(const std::string&) {
  return not_there("measure container");
}
Result<std::vector<int>> LocalContainers::processes(const std::string&) {
  return not_there("list processes of container");
}
Result<Fd> LocalContainers::open_root(const std::string&, Access) {
  return not_there("open files of container");
}
Result<std::vector<Containers::Change>> LocalContainers::diff(const std::string&) {
  return not_there("compare container with its image");
}
Result<std::pair<ByteCount, ByteCount>> LocalContainers::sizes(const std::string&) {
  return not_there("measure files of container");
}
Result<cachestore::Image> LocalContainers::commit(const std::string&,
                                                  const cachestore::ImageConfig&,
                                                  const std::string&, const std::string&,
                                                  const std::optional<cachestore::Reference>&,
                                                  bool) {
  return not_there("make image of container");
}
Status LocalContainers::connect(const std::string&, const EndpointConfig&) {
  return not_there("connect container to network");
}
Status LocalContainers::disconnect(const std::string&, const std::string&, bool) {
  return not_there("disconnect container from network");
}

}  // namespace slipway::sandbox
