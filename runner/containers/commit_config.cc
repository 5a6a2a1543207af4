// A container's config as that of an image.
#include <algorithm>

#include "runner/container_commit.h"

namespace slipway::runner {
namespace {

/// Adds what is not there yet.
void add_missing(std::vector<std::string>& list, const std::string& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

void set_env(std::vector<std::string>& env, const std::string& entry) {
  const std::string prefix = entry.substr(0, entry.find('=') + 1);
  const auto found = std::find_if(env.begin(), env.end(),
                                  [&](const std::string& one) { return one.starts_with(prefix); });
  if (found != env.end())
    *found = entry;
  else
    env.push_back(entry);
}

cachestore::Healthcheck healthcheck_of(const sandbox::HealthCheck& check) {
  cachestore::Healthcheck made;
  made.test = check.test;
  made.interval = check.interval;
  made.timeout = check.timeout;
  made.start_period = check.start_period;
  made.start_interval = check.start_interval;
  made.retries = check.retries;
  return made;
}

}  // namespace

void merge_into_image(const sandbox::ContainerInfo& container, cachestore::ImageConfig& image) {
  const sandbox::ContainerConfig& config = container.config;
  // Docker run reference: an entrypoint also drops the image's CMD.
  if (config.entrypoint) {
    image.entrypoint = *config.entrypoint;
    image.cmd.clear();
  }
  if (!config.command.empty()) image.cmd = config.command;
  for (const std::string& entry : config.env) set_env(image.env, entry);
  if (!config.user.empty()) image.user = config.user;
  if (!config.working_dir.empty()) image.working_dir = config.working_dir;
  if (!config.stop_signal.empty()) image.stop_signal = config.stop_signal;
  if (config.health && !config.health->test.empty())
    image.healthcheck = healthcheck_of(*config.health);
  image.labels = config.labels;  // the image's are in it already
  for (const std::string& port : config.exposed_ports) add_missing(image.exposed_ports, port);
  for (const sandbox::MountConfig& mount : config.mounts) {
    if (mount.type == sandbox::MountConfig::Type::kVolume && mount.source.empty())
      add_missing(image.volumes, mount.target);
  }
}

}  // namespace slipway::runner
