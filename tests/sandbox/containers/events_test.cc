// Events: what is told of a container's life, to those who ask later and to those who listen.
#include "sandbox/containers/events.h"

#include <signal.h>

#include <thread>

#include "base/guarded.h"
#include "tests/sandbox/containers/containers_fixture.h"

namespace slipway::sandbox {
namespace {

class ContainersEvents : public ContainersTest {
 protected:
  // Actions told of one container so far.
  std::vector<std::string> told(const std::string& id) {
    std::vector<std::string> actions;
    const Status read = containers_->events(
        WallTime{}, std::chrono::system_clock::now(),
        [&](const ContainerEvent& event) -> Status {
          if (event.id == id) actions.push_back(event.action);
          return {};
        },
        CancelToken());
    EXPECT_TRUE(read);
    return actions;
  }
};

TEST_F(ContainersEvents, TellOfAWholeLifeInOrder) {
  ContainerConfig wanted = config({"sleep", "1000"});
  wanted.labels = {{"tier", "web"}};
  const std::string id = create(wanted, "shop");
  { const Attachment attached = attach(id); }
  start(id);
  EXPECT_TRUE(containers_->rename(id, "store"));
  EXPECT_TRUE(containers_->kill(id, SIGKILL));
  wait(id);
  EXPECT_TRUE(containers_->remove(id, {}));
  EXPECT_EQ(told(id), (std::vector<std::string>{"create", "attach", "start", "rename", "kill",
                                                "die", "stop", "destroy"}));
}

TEST_F(ContainersEvents, CarryDockersAttributes) {
  ContainerConfig wanted = shell("exit 3");
  wanted.labels = {{"tier", "web"}};
  const std::string id = create(wanted, "shop");
  start(id);
  wait(id);
  std::map<std::string, std::string> attributes;
  ASSERT_TRUE(containers_->events(
      WallTime{}, std::chrono::system_clock::now(),
      [&](const ContainerEvent& event) -> Status {
        EXPECT_EQ(event.type, "container");
        if (event.action == "die") attributes = {event.attributes.begin(), event.attributes.end()};
        return {};
      },
      CancelToken()));
  EXPECT_EQ(attributes["image"], "busybox");
  EXPECT_EQ(attributes["name"], "shop");
  EXPECT_EQ(attributes["tier"], "web");
  EXPECT_EQ(attributes["exitCode"], "3");
}

TEST_F(ContainersEvents, AListenerHearsWhatOthersDo) {
  const CancelToken cancel;
  std::vector<std::string> heard;
  std::thread listener([&] {
    EXPECT_TRUE(containers_->events(
        WallTime{}, std::nullopt,
        [&](const ContainerEvent& event) -> Status {
          heard.push_back(event.action);
          if (event.action == "destroy") cancel.cancel(CancelLevel::kTerminate);
          return {};
        },
        cancel));
  });
  const std::string id = create(config({"true"}));
  EXPECT_TRUE(containers_->remove(id, {}));
  listener.join();
  EXPECT_EQ(heard, (std::vector<std::string>{"create", "destroy"}));
}

TEST_F(ContainersEvents, AFollowerMissesNothingWhenTheFileTurnsOver) {
  const CancelToken cancel;
  const EventLog log(state_);
  constexpr int kEvents = 12'000;  // About 3 MiB: turned over twice at least.
  Guarded<int> next;
  std::thread follower([&] {
    EXPECT_TRUE(log.follow(
        WallTime{}, std::nullopt,
        [&](const ContainerEvent& event) -> Status {
          const int seen = next.with([&](int& count) {
            EXPECT_EQ(event.action, std::to_string(count));
            return ++count;
          });
          next.notify_all();
          if (seen == kEvents) cancel.cancel(CancelLevel::kTerminate);
          return {};
        },
        cancel));
  });
  for (int i = 0; i < kEvents; ++i) {
    ContainerEvent event;
    event.time = std::chrono::system_clock::now();
    event.type = "container";
    event.action = std::to_string(i);
    event.attributes = {{"filler", std::string(200, 'x')}};
    log.append(event);
    // One file is kept aside: who is more than that behind has lost something.
    next.wait([&](int count) { return count + 3000 > i; }, [](int) {});
  }
  follower.join();
  EXPECT_EQ(next.with([](int count) { return count; }), kEvents);
}

}  // namespace
}  // namespace slipway::sandbox
