// From an image's name to a stack that a container can stand on; pulled first where it is wanted.
#include "runner/execute/images.h"

#include <poll.h>

#include <array>

#include "base/text.h"
#include "cachestore/transfer.h"
#include "runner/execute/deadline_token.h"
#include "runner/execute/job_state.h"

namespace slipway::runner {
namespace {

using cachestore::Platform;
using cachestore::Reference;
using pipeline::PullPolicy;

/// An id is no name: no registry can be asked for it.
bool is_id(const std::string& name) { return name.starts_with("sha256:"); }

tl::unexpected<Error> not_here(const std::string& name, std::string_view why) {
  return fail(ErrorCode::kNotFound, "find image " + printable(name) + ": " + std::string(why) +
                                        "; bring it in with `runner pull " + shell_quote(name) +
                                        "` or `runner image import ROOTFS.tar " +
                                        shell_quote(name) + "`");
}

/// False when `cancel` came first.
bool wait_for(const CancelToken& done, const CancelToken& cancel) {
  std::array<pollfd, 2> polls{{{done.poll_fd(), POLLIN, 0}, {cancel.poll_fd(), POLLIN, 0}}};
  while (::poll(polls.data(), polls.size(), -1) < 0) {
  }
  return polls[0].revents != 0;
}

/// The other way to an image, for those whom the registry does not help.
Error with_hint(const Error& error, const std::string& name) {
  const bool lacks =
      error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kUnavailable;
  if (!lacks || error.text().find("; ") != std::string::npos) return error.clone();
  return Error(error.code(),
               error.text() + "; without a registry: `runner image import ROOTFS.tar " +
                   shell_quote(name) + "`",
               error.sys_errno());
}

std::string pulled_text(const cachestore::Pulled& pulled, Millis elapsed) {
  const std::string layers = std::to_string(pulled.layers) + " layers";
  if (!pulled.changed) return "up to date";
  if (pulled.layers_present == pulled.layers) return layers + ", all here already";
  std::string text = layers;
  if (pulled.layers_present > 0) text += " (" + std::to_string(pulled.layers_present) + " here)";
  return text + ", " + format_size({pulled.bytes}) + " in " + format_duration(elapsed);
}

}  // namespace

Result<bool> ImageSource::is_here(const ImageWish& wish) {
  const Result<cachestore::Image> found = store_.image(wish.name);
  if (!found && found.error().code() == ErrorCode::kNotFound) return false;
  if (!found) return fail(found.error().clone());
  if (wish.platform.empty()) return true;
  const Platform platform = SLIP_TRY(Platform::parse(wish.platform));
  return found->config.os == platform.os && found->config.architecture == platform.architecture;
}

Status ImageSource::pull(const ImageWish& wish, const Reference& name, TransferProgress* progress,
                         const CancelToken& cancel) {
  const std::string familiar = name.familiar();
  cachestore::PullRequest request;
  request.name = name;
  if (!wish.platform.empty()) request.platform = SLIP_TRY(Platform::parse(wish.platform));
  const std::shared_ptr<cachestore::Registry> registry = SLIP_TRY(access_.get());
  const MonoTime start = real_clock().mono();
  if (progress != nullptr) progress->begin(familiar, Direction::kPull);
  const DeadlineToken token(cancel, wish.deadline.value_or(MonoTime::max()));
  Result<cachestore::Pulled> pulled =
      cachestore::pull_image(store_, *registry, request, progress, token.get());
  if (progress != nullptr) progress->end();
  if (!pulled) return fail(with_hint(token.explain(pulled.error()), wish.name));
  if (progress != nullptr) {
    const Millis elapsed = std::chrono::duration_cast<Millis>(real_clock().mono() - start);
    progress->say("pulled " + familiar + ": " + pulled_text(*pulled, elapsed));
  }
  return {};
}

Status ImageSource::ensure(const ImageWish& wish, TransferProgress* progress,
                           const CancelToken& cancel) {
  if (wish.name == "host") return {};
  if (wish.pull == PullPolicy::kTryAlways) {
    ImageWish strict = wish;
    strict.pull = PullPolicy::kAlways;
    Status pulled = ensure(strict, progress, cancel);
    if (pulled || cancel.cancelled() || !SLIP_TRY(is_here(wish))) return pulled;
    if (progress != nullptr)
      progress->say(pulled.error().text() + "; the image that is here will do");
    return {};
  }
  for (;;) {
    const bool here = SLIP_TRY(is_here(wish));
    if (here && wish.pull != PullPolicy::kAlways) return {};
    if (wish.pull == PullPolicy::kNever)
      return not_here(wish.name, "not here, and not to be pulled");
    if (is_id(wish.name)) return here ? Status{} : not_here(wish.name, "no image has this id");
    const Reference name = SLIP_TRY(Reference::parse(wish.name));
    const std::string key = name.canonical() + " " + wish.platform;
    bool ours = false;
    const std::shared_ptr<Pull> pulling = pulls_.with([&](auto& pulls) {
      std::shared_ptr<Pull>& entry = pulls[key];
      ours = entry == nullptr;
      if (ours) entry = std::make_shared<Pull>();
      return entry;
    });
    if (ours) {
      pulling->status = pull(wish, name, progress, cancel);
      // A failure is for those who wait now; whoever comes later tries again.
      if (!pulling->status) pulls_.with([&](auto& pulls) { pulls.erase(key); });
      pulling->done.cancel(CancelLevel::kTerminate);
      return pulling->status;
    }
    if (progress != nullptr && !pulling->done.cancelled())
      progress->say("waiting for image " + name.familiar() + ", which another job pulls");
    if (!wait_for(pulling->done, cancel))
      return fail(ErrorCode::kCancelled, "pull image " + printable(wish.name) + ": cancelled");
    // The other one was cancelled, not we: our turn.
    const bool again = !pulling->status && !cancel.cancelled() &&
                       pulling->status.error().code() == ErrorCode::kCancelled;
    if (!again) return pulling->status;
  }
}

Status ensure_image(cachestore::Store& store, RegistryAccess& access, const std::string& name,
                    const std::string& pull, const std::string& platform,
                    TransferProgress& progress, const CancelToken& cancel) {
  ImageWish wish{name, PullPolicy::kMissing, platform};
  if (pull == "always") wish.pull = PullPolicy::kAlways;
  if (pull == "never") wish.pull = PullPolicy::kNever;
  if (wish.pull == PullPolicy::kMissing && name != "host" && !is_id(name)) {
    const Result<cachestore::Image> found = store.image(name);
    const Result<Reference> parsed = Reference::parse(name);
    if (!found && found.error().code() == ErrorCode::kNotFound && parsed)
      progress.say("Unable to find image '" + parsed->familiar() + "' locally");
  }
  return ImageSource(store, access).ensure(wish, &progress, cancel);
}

Result<StepImage> resolve_image(cachestore::Store& store, const std::string& name) {
  StepImage image;
  image.name = name;
  if (name == "host") {
    image.host_tools = true;
    image.config.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
    image.stack.push(SLIP_TRY(host_base(store)));
    return image;
  }
  Result<cachestore::Image> found = store.image(name);
  if (!found && found.error().code() == ErrorCode::kNotFound) {
    return fail(ErrorCode::kNotFound, std::move(found).error().text() +
                                          "; bring it in with `runner image import ROOTFS.tar " +
                                          shell_quote(name) + "`");
  }
  cachestore::Image stored = SLIP_TRY(std::move(found));
  image.config = std::move(stored.config);
  for (cachestore::Snapshot& layer : stored.layers) image.stack.push(std::move(layer));
  if (image.stack.snapshots().empty()) image.stack.push(SLIP_TRY(empty_base(store)));
  return image;
}

}  // namespace slipway::runner
