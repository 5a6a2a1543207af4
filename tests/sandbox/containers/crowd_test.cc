// Many clients at once on one container: attached, executing, reading its log.
#include <mutex>
#include <thread>

#include "base/text.h"
#include "tests/sandbox/containers/containers_fixture.h"

namespace slipway::sandbox {
namespace {

constexpr int kClients = 64;

class ContainersCrowd : public ContainersTest {
 protected:
  // gtest's expectations are for the main thread; what went wrong in a client is told here.
  void complain(const std::string& what) {
    const std::lock_guard lock(mutex_);
    troubles_.push_back(what);
  }

  void run_clients(const std::function<void(int number)>& client) {
    std::vector<std::thread> threads;
    for (int number = 0; number < kClients; ++number) threads.emplace_back(client, number);
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(troubles_, std::vector<std::string>());
  }

  void execute(const std::string& id, int number) {
    const std::string word = "exec-" + std::to_string(number);
    ExecConfig config;
    config.argv = {"sh", "-c", "echo " + word + "; exit " + std::to_string(number)};
    const auto exec = containers_->create_exec(id, config);
    if (!exec) return complain(exec.error().text());
    const auto attached = containers_->start_exec(*exec);
    if (!attached) return complain(attached.error().text());
    const Unframed said = unframe(read_all(attached->stream.get()));
    const auto code = containers_->wait_exec(*exec, CancelToken());
    if (said.out != word + "\n") complain(word + " said " + said.out);
    if (code.value_or(-1) != number) complain(word + " has another exit code");
  }

  void speak(const std::string& id, int number) {
    const std::string line = "line-" + std::to_string(number) + "-end\n";
    const auto attached = containers_->attach(id);
    if (!attached) return complain(attached.error().text());
    if (!write_all(attached->stream.get(), line, "stdin")) complain("cannot write " + line);
    std::string heard;
    if (!read_until(attached->stream.get(), line, heard)) complain("never heard " + line);
  }

  void read_log(const std::string& id, int number) {
    LogRequest request;
    request.follow = true;
    const CancelToken enough;
    std::string text;
    const auto sink = [&](const LogRecord& record) -> Status {
      text += record.data;
      if (text.find("ready\n") != std::string::npos) enough.cancel(CancelLevel::kTerminate);
      return {};
    };
    (void)containers_->logs(id, request, sink, enough);
    if (!text.starts_with("ready\n"))
      complain("reader " + std::to_string(number) + " sees a log that begins with " + text);
  }

  std::mutex mutex_;
  std::vector<std::string> troubles_;
};

TEST_F(ContainersCrowd, EachOfManyClientsGetsWhatIsItsOwn) {
  ContainerConfig wanted = shell("echo ready; exec cat");
  wanted.open_stdin = true;
  const std::string id = run(std::move(wanted));
  run_clients([&](int number) {
    if (number % 3 == 0) execute(id, number);
    if (number % 3 == 1) speak(id, number);
    if (number % 3 == 2) read_log(id, number);
  });
  const std::string log = logs(id);
  for (int number = 1; number < kClients; number += 3) {
    const std::string line = "\nline-" + std::to_string(number) + "-end\n";
    EXPECT_NE(log.find(line), std::string::npos) << line << " is not whole in " << log;
  }
  EXPECT_EQ(state(id).status, ContainerStatus::kRunning);
}

TEST_F(ContainersCrowd, ManyListenersHearTheWholeOutput) {
  const std::string id = create(shell("yes 0123456789abcdef | head -c 1700000; echo last"));
  std::vector<Attachment> listeners;
  for (int number = 0; number < kClients; ++number) listeners.push_back(attach(id));
  start(id);
  run_clients([&](int number) {
    const auto& listener = listeners[static_cast<std::size_t>(number)];
    const Unframed heard = unframe(read_all(listener.stream.get()));
    const std::string name = "listener " + std::to_string(number);
    if (!heard.whole) complain(name + " got part of a frame");
    if (heard.out.size() != 1'700'005 || !heard.out.ends_with("last\n"))
      complain(name + " heard " + std::to_string(heard.out.size()) + " bytes");
  });
  EXPECT_EQ(wait(id), 0);
  EXPECT_EQ(logs(id).size(), 1'700'005U);
}

}  // namespace
}  // namespace slipway::sandbox
