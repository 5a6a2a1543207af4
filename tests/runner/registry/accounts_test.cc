// Accounts from docker's and podman's files and from real helper programs.
#include "runner/registry/accounts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "base/files.h"
#include "base/text.h"
#include "runner/registry/account_file.h"
#include "runner/registry/credential_helper.h"

namespace slipway::runner {
namespace {

using cachestore::Credentials;

// A helper that keeps one file per server, as the protocol says; it notes its arguments for the tests.
constexpr const char* kHelper = R"sh(#!/bin/sh
d=$(dirname "$0")
echo "$0 $*" >> "$d/argv"
input=$(cat)
name() { printf %s "$1" | tr -c 'a-zA-Z0-9.' _; }
case "$1" in
  get) f="$d/kept-$(name "$input")"
    [ -f "$f" ] || { echo "credentials not found in native keychain"; exit 1; }
    cat "$f" ;;
  store) url=$(printf %s "$input" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/')
    printf %s "$input" > "$d/kept-$(name "$url")" ;;
  erase) rm -f "$d/kept-$(name "$input")" ;;
  list) echo '{"https://one":"ann","two:5000":"<token>"}' ;;
esac
)sh";

class AccountsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::make("/tmp", "accounts-test-");
    ASSERT_TRUE(made) << made.error().text();
    directory_ = std::make_unique<TempDir>(std::move(*made));
    old_path_ = std::getenv("PATH");
    ::setenv("PATH", (dir() + ":" + old_path_).c_str(), 1);
  }
  void TearDown() override { ::setenv("PATH", old_path_.c_str(), 1); }

  const std::string& dir() const { return directory_->path(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(dir() + "/" + name).parent_path());
    std::ofstream(dir() + "/" + name) << text;
    return dir() + "/" + name;
  }
  void helper(const std::string& name, const std::string& script = kHelper) const {
    ::chmod(write("docker-credential-" + name, script).c_str(), 0755);
  }
  std::string text_of(const std::string& name) const {
    return read_file(dir() + "/" + name, 1_MiB).value_or("");
  }
  Accounts accounts(const AccountPlaces& places) {
    return Accounts(
        places, [this](const std::string& text) { warnings_.push_back(text); }, real_clock(),
        CancelToken());
  }
  std::optional<Credentials> found(const AccountPlaces& places, const std::string& registry) {
    Accounts source = accounts(places);
    auto answer = source.find(registry);
    EXPECT_TRUE(answer) << answer.error().text();
    return answer ? *answer : std::nullopt;
  }
  AccountPlaces docker_only(const std::string& document) const {
    AccountPlaces places;
    places.docker = write("config.json", document);
    return places;
  }

  std::vector<std::string> warnings_;

 private:
  std::unique_ptr<TempDir> directory_;
  std::string old_path_;
};

std::string auth(const std::string& user, const std::string& password) {
  return R"({"auth":")" + base64_encode(user + ":" + password) + R"("})";
}

TEST(RegistryHost, ReadsWhatPeopleAndOldFilesWrite) {
  for (const char* text : {"docker.io", "index.docker.io", "https://index.docker.io/v1/",
                           "https://registry-1.docker.io/v2/", "Docker.IO"}) {
    EXPECT_EQ(registry_host(text).value_or("?"), "docker.io") << text;
  }
  EXPECT_EQ(registry_host("http://localhost:5000/").value_or("?"), "localhost:5000");
  EXPECT_EQ(registry_host("[::1]:5000").value_or("?"), "[::1]:5000");
  EXPECT_EQ(registry_host("ghcr.io/team").value_or("?"), "ghcr.io");
  EXPECT_EQ(account_key("docker.io"), "https://index.docker.io/v1/");
  for (const char* text : {"", "https://", "-x", "a b", "a\nb", "user@host"}) {
    const auto host = registry_host(text);
    ASSERT_FALSE(host) << text;
    EXPECT_EQ(host.error().code(), ErrorCode::kInvalid);
  }
}

TEST_F(AccountsTest, FindsEveryFormOfKeyTheMostExactFirst) {
  const AccountPlaces places = docker_only(
      R"({"auths": {
    "https://quay.io/v1/": )" +
      auth("path", "p1") + R"(, "quay.io": )" + auth("exact", "p2") + R"(, "https://ghcr.io": )" +
      auth("scheme", "p3") + R"(, "localhost:5000": )" + auth("port", "a:b:c") +
      R"(, "https://index.docker.io/v1/": )" + auth("hub", "p5") + "}}");
  EXPECT_EQ(found(places, "quay.io")->username, "exact");
  EXPECT_EQ(found(places, "ghcr.io")->username, "scheme");
  EXPECT_EQ(found(places, "localhost:5000")->password, "a:b:c");
  EXPECT_EQ(found(places, "docker.io")->password, "p5");
  EXPECT_FALSE(found(places, "localhost:5001"));
  EXPECT_FALSE(found(places, "localhost"));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(AccountsTest, ReadsTokensAndEmptyEntries) {
  const AccountPlaces places = docker_only(R"({"auths": {
    "a": {"auth": ")" + base64_encode("user:") +
                                           R"(", "identitytoken": "idt"},
    "b": {"registrytoken": "rgt"}, "c": {}, "d": {"username": "u", "password": "p"}}})");
  EXPECT_EQ(found(places, "a")->identity_token, "idt");
  EXPECT_EQ(found(places, "b")->registry_token, "rgt");
  EXPECT_FALSE(found(places, "c"));
  EXPECT_EQ(found(places, "d")->password, "p");
}

TEST_F(AccountsTest, FallsBackToPodmansFilesInOrder) {
  AccountPlaces places = docker_only(R"({"auths": {"one": )" + auth("docker", "x") + "}}");
  places.podman = {dir() + "/missing.json",
                   write("auth.json", R"({"auths": {"one": )" + auth("podman", "x") +
                                          R"(, "two": )" + auth("podman", "y") + "}}")};
  EXPECT_EQ(found(places, "one")->username, "docker");
  EXPECT_EQ(found(places, "two")->username, "podman");
  places.inline_document = R"({"auths": {"one": )" + auth("inline", "z") + "}}";
  EXPECT_EQ(found(places, "one")->username, "inline");
}

TEST_F(AccountsTest, KnowsWhereFilesAre) {
  const std::map<std::string, std::string> set{
      {"HOME", "/h"}, {"REGISTRY_AUTH_FILE", "/r.json"}, {"XDG_RUNTIME_DIR", "/run/user/7"}};
  const auto variables = [&](const std::string& name) -> std::optional<std::string> {
    const auto entry = set.find(name);
    return entry == set.end() ? std::nullopt : std::optional(entry->second);
  };
  const AccountPlaces places = AccountPlaces::of(variables);
  EXPECT_EQ(places.docker, "/h/.docker/config.json");
  ASSERT_EQ(places.podman.size(), 4u);
  EXPECT_EQ(places.podman[0], "/r.json");
  EXPECT_EQ(places.podman[1], "/run/user/7/containers/auth.json");
  EXPECT_EQ(places.podman[3], "/h/.config/containers/auth.json");
}

TEST_F(AccountsTest, PrefersTheRegistrysOwnHelperOverTheCommonOne) {
  helper("own");
  helper("common");
  const CancelToken cancel;
  ASSERT_TRUE(CredentialHelper::named("own")->store("one", {"ann", "own-secret", "", ""}, cancel));
  AccountPlaces places = docker_only(R"({"credsStore": "common", "credHelpers": {"one": "own"}})");
  EXPECT_EQ(found(places, "one")->password, "own-secret");
  EXPECT_FALSE(found(places, "two"));
  EXPECT_NE(text_of("argv").find("docker-credential-common get\n"), std::string::npos);
}

TEST_F(AccountsTest, TakesATokenOfAHelperAsIdentityToken) {
  helper("t", R"sh(#!/bin/sh
cat > /dev/null; echo '{"ServerURL":"x","Username":"<token>","Secret":"refresh"}')sh");
  const auto account = found(docker_only(R"({"credsStore": "t"})"), "x");
  EXPECT_EQ(account->identity_token, "refresh");
  EXPECT_EQ(account->username, "");
}

TEST_F(AccountsTest, PassesOverBrokenHelpersAndFilesWithOneWarning) {
  helper("bad", "#!/bin/sh\necho 'keyring is locked' >&2; exit 3\n");
  helper("text", "#!/bin/sh\necho hello\n");
  helper("flood", "#!/bin/sh\nhead -c 200000 /dev/zero | tr '\\0' x\n");
  Accounts bad = accounts(docker_only(R"({"credsStore": "bad"})"));
  EXPECT_FALSE(bad.find("x").value());
  EXPECT_FALSE(bad.find("y").value());
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_EQ(warnings_[0], "docker-credential-bad get: exit code 3: keyring is locked");
  EXPECT_FALSE(found(docker_only(R"({"credsStore": "text"})"), "x"));
  EXPECT_EQ(warnings_.back(), "docker-credential-text get: the answer is not a JSON object");
  EXPECT_FALSE(found(docker_only(R"({"credsStore": "flood"})"), "x"));
  EXPECT_EQ(warnings_.back(), "docker-credential-flood get: answer of more than 64 KiB");
  EXPECT_FALSE(found(docker_only(R"({"credsStore": "not-there"})"), "x"));
  EXPECT_NE(warnings_.back().find("no such file"), std::string::npos) << warnings_.back();
  EXPECT_FALSE(found(docker_only("{\"auths\": "), "x"));
  EXPECT_NE(warnings_.back().find("config.json: parse json: 1:11"), std::string::npos)
      << warnings_.back();
  EXPECT_FALSE(found(docker_only(R"({"auths": {"x": {"auth": "!!"}}})"), "x"));
  EXPECT_EQ(warnings_.back(), "read account of x: `auth` is not base64 of USER:PASSWORD");
}

TEST_F(AccountsTest, NeverRunsAProgramOutsideTheHelpersName) {
  for (const char* name : {"", "../x", "a/b", "a b", "x;y", "$(id)"}) {
    const auto refused = CredentialHelper::named(name);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid);
  }
}

TEST_F(AccountsTest, AsksAHelperOncePerRegistry) {
  helper("own");
  Accounts source = accounts(docker_only(R"({"credsStore": "own"})"));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(source.find("one").value());
  EXPECT_EQ(text_of("argv"), dir() + "/docker-credential-own get\n");
}

TEST_F(AccountsTest, StoresInTheFileAndKeepsWhatElseIsThere) {
  const std::string before =
      R"({"HttpHeaders": {"X": "1"}, "auths": {"old:5000": {"auth": "b2xkOnB3", "email": "e"}},
          "detachKeys": "ctrl-q", "plugins": {"a": {"b": "c"}}, "number": 12345678901})";
  const AccountPlaces places = docker_only(before);
  ::chmod(places.docker.c_str(), 0644);
  const auto kept = keep_account(places, "docker.io", {"ann", "s3cret", "", ""}, CancelToken());
  ASSERT_TRUE(kept) << kept.error().text();
  EXPECT_TRUE(kept->in_file);
  EXPECT_EQ(kept->where, places.docker);
  struct stat info {};
  ASSERT_EQ(::stat(places.docker.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  Json after = parse_json(text_of("config.json")).value();
  EXPECT_EQ(after["auths"]["https://index.docker.io/v1/"]["auth"].string_or(""),
            base64_encode("ann:s3cret"));
  EXPECT_TRUE(forget_account(places, "docker.io", CancelToken()).value());
  EXPECT_EQ(parse_json(text_of("config.json")).value(), parse_json(before).value());
  EXPECT_FALSE(forget_account(places, "docker.io", CancelToken()).value());
}

TEST_F(AccountsTest, StoresInAHelperAndLeavesNoSecretInTheFile) {
  helper("own");
  const AccountPlaces places = docker_only(R"({"credsStore": "own"})");
  const auto kept =
      keep_account(places, "localhost:5000", {"ann", "pa\"ss'\n$x", "", ""}, CancelToken());
  ASSERT_TRUE(kept) << kept.error().text();
  EXPECT_FALSE(kept->in_file);
  EXPECT_EQ(kept->where, "docker-credential-own");
  EXPECT_EQ(parse_json(text_of("config.json")).value()["auths"]["localhost:5000"], Json::object());
  EXPECT_EQ(found(places, "localhost:5000")->password, "pa\"ss'\n$x");
  EXPECT_EQ(text_of("argv").find("pa\"ss"), std::string::npos);
  EXPECT_TRUE(forget_account(places, "localhost:5000", CancelToken()).value());
  EXPECT_FALSE(found(places, "localhost:5000"));
}

TEST_F(AccountsTest, KeepsAnIdentityTokenInsteadOfThePassword) {
  AccountPlaces places;
  places.docker = dir() + "/new/dir/config.json";
  ASSERT_TRUE(keep_account(places, "acr.example", {"ann", "pw", "refresh", ""}, CancelToken()));
  EXPECT_EQ(text_of("new/dir/config.json").find(base64_encode("ann:pw")), std::string::npos);
  EXPECT_EQ(found(places, "acr.example")->identity_token, "refresh");
  EXPECT_EQ(found(places, "acr.example")->username, "ann");
}

TEST_F(AccountsTest, RefusesToOverwriteABrokenFile) {
  const AccountPlaces places = docker_only("{broken");
  const auto kept = keep_account(places, "x", {"a", "b", "", ""}, CancelToken());
  ASSERT_FALSE(kept);
  EXPECT_NE(kept.error().text().find("config.json"), std::string::npos);
  EXPECT_EQ(text_of("config.json"), "{broken");
}

TEST_F(AccountsTest, WritesThroughALinkWithoutReplacingIt) {
  const std::string real = write("dotfiles/config.json", "{}");
  AccountPlaces places;
  places.docker = dir() + "/config.json";
  std::filesystem::create_symlink(real, places.docker);
  ASSERT_TRUE(keep_account(places, "x", {"a", "b", "", ""}, CancelToken()));
  EXPECT_TRUE(std::filesystem::is_symlink(places.docker));
  EXPECT_NE(text_of("dotfiles/config.json").find("auths"), std::string::npos);
}

TEST_F(AccountsTest, LosesNoEntryWhenManyLogInAtOnce) {
  AccountPlaces places;
  places.docker = dir() + "/config.json";
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      EXPECT_TRUE(
          keep_account(places, "host" + std::to_string(i), {"a", "b", "", ""}, CancelToken()));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(parse_json(text_of("config.json")).value()["auths"].members().size(), 8u);
}

TEST_F(AccountsTest, EndsAHelperWhenCancelled) {
  helper("slow", "#!/bin/sh\nread x\necho started > \"$(dirname \"$0\")/started\"\nsleep 600\n");
  const CancelToken cancel;
  Accounts source(
      docker_only(R"({"credsStore": "slow"})"), [](const std::string&) {}, real_clock(), cancel);
  cancel.cancel(CancelLevel::kTerminate);
  const auto answer = source.find("x");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kCancelled);
}

TEST_F(AccountsTest, ListsWhatAHelperKeeps) {
  helper("own");
  const auto list = CredentialHelper::named("own")->list(CancelToken());
  ASSERT_TRUE(list) << list.error().text();
  EXPECT_EQ((*list)[1], (std::pair<std::string, std::string>("two:5000", "<token>")));
}

}  // namespace
}  // namespace slipway::runner
