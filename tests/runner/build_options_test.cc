// What `runner build`'s options mean.
#include "runner/cli/build_options.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace slipway::runner {
namespace {

using Variables = std::map<std::string, std::string>;

Environment environment_of(Variables variables) {
  return [variables = std::move(variables)](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
}

Result<BuildCommand> read(std::vector<std::string> words, Variables variables = {}) {
  words.insert(words.begin(), {"build", "--state", "/nowhere"});
  const Environment environment = environment_of(variables);
  const Parsed parsed = parse_command_line(words, environment_of({}));
  if (const auto* error = std::get_if<UsageError>(&parsed))
    return fail(ErrorCode::kInvalid, error->message);
  return read_build_command(std::get<Invocation>(parsed), environment);
}

BuildRequest request_of(std::vector<std::string> words, Variables variables = {}) {
  auto command = read(std::move(words), std::move(variables));
  if (!command) {
    ADD_FAILURE() << command.error().text();
    return {};
  }
  return std::move(command->request);
}

std::string error_of(std::vector<std::string> words, Variables variables = {}) {
  const auto command = read(std::move(words), std::move(variables));
  return command ? "no error" : command.error().text();
}

TEST(BuildOptions, TakeNamesArgumentsAndLabels) {
  const BuildRequest request = request_of({".",
                                           "-t",
                                           "app:1",
                                           "-t",
                                           "reg.example:5000/app",
                                           "--build-arg",
                                           "A=1",
                                           "--build-arg",
                                           "B",
                                           "--build-arg",
                                           "C",
                                           "--label",
                                           "x=y=z",
                                           "--label",
                                           "bare",
                                           "--target",
                                           "Test",
                                           "--no-cache-filter",
                                           "One,two",
                                           "-f",
                                           "other"},
                                          {{"B", "from here"}});
  EXPECT_EQ(request.context.context, ".");
  EXPECT_EQ(request.context.dockerfile, "other");
  EXPECT_EQ(request.tags, (std::vector<std::string>{"app:1", "reg.example:5000/app"}));
  const std::vector<std::pair<std::string, std::string>> args{{"A", "1"}, {"B", "from here"}};
  EXPECT_EQ(request.args, args);
  const std::vector<std::pair<std::string, std::string>> labels{{"x", "y=z"}, {"bare", ""}};
  EXPECT_EQ(request.labels, labels);
  EXPECT_EQ(request.no_cache_stages, (std::vector<std::string>{"one", "two"}));
}

TEST(BuildOptions, TakePlatformsOnceEach) {
  const BuildRequest request =
      request_of({".", "--platform", "linux/amd64,linux/arm64", "--platform", "linux/amd64"});
  ASSERT_EQ(request.platforms.size(), 2U);
  EXPECT_EQ(request.platforms[1].str(), "linux/arm64");
}

TEST(BuildOptions, ReadEachFormOfOutput) {
  const auto type_and_dest = [](const std::string& text) {
    const auto output = parse_output(text);
    return output ? output->type + " " + output->dest : output.error().text();
  };
  EXPECT_EQ(type_and_dest("out"), "local out");
  EXPECT_EQ(type_and_dest("-"), "tar -");
  EXPECT_EQ(type_and_dest("type=local,dest=a b"), "local a b");
  EXPECT_EQ(type_and_dest("type=oci"), "oci -");
  EXPECT_EQ(type_and_dest("type=docker"), "image ");
  EXPECT_EQ(type_and_dest("type=docker,dest=x.tar"), "docker x.tar");
  EXPECT_EQ(type_and_dest("type=image,name=a,push=true"), "image ");
  EXPECT_EQ(type_and_dest("\"type=local\",\"dest=a,b\""), "local a,b");
  EXPECT_EQ(type_and_dest("type=local"),
            "option --output \"type=local\": type=local wants dest=DIRECTORY");
  EXPECT_EQ(type_and_dest("type=odd"),
            "option --output \"type=odd\": expected type= image, registry, oci, docker, local, tar "
            "or cacheonly");
}

TEST(BuildOptions, SwitchTimestampsByOutputOrOption) {
  EXPECT_TRUE(request_of({"."}).rewrite_timestamps);
  EXPECT_FALSE(request_of({".", "--rewrite-timestamp=false"}).rewrite_timestamps);
  EXPECT_FALSE(
      request_of({".", "-o", "type=oci,dest=x,rewrite-timestamp=false"}).rewrite_timestamps);
}

TEST(BuildOptions, TakeTheEpochFromArgumentsBeforeTheVariable) {
  EXPECT_EQ(request_of({"."}, {{"SOURCE_DATE_EPOCH", "5"}}).source_date_epoch, "5");
  EXPECT_EQ(request_of({".", "--build-arg", "SOURCE_DATE_EPOCH=7"}, {{"SOURCE_DATE_EPOCH", "5"}})
                .source_date_epoch,
            "7");
  EXPECT_FALSE(request_of({"."}).source_date_epoch);
}

TEST(BuildOptions, ReadSecretsFromFilesAndVariables) {
  char path[] = "/tmp/slipway-secret-XXXXXX";
  ASSERT_GE(::mkstemp(path), 0);
  std::ofstream(path) << "hidden";
  const Environment environment = environment_of({{"TOKEN", "t"}});
  const auto secret = [&](const std::string& text) {
    const auto read = parse_build_secret(text, environment);
    return read ? read->id + "=" + read->value : read.error().text();
  };
  EXPECT_EQ(secret("id=a,src=" + std::string(path)), "a=hidden");
  EXPECT_EQ(secret("type=file,id=a,source=" + std::string(path)), "a=hidden");
  EXPECT_EQ(secret("id=a,env=TOKEN"), "a=t");
  EXPECT_EQ(secret("id=TOKEN"), "TOKEN=t");
  EXPECT_EQ(secret("type=env,id=a,src=TOKEN"), "a=t");
  EXPECT_EQ(secret("id=a,env=NONE"), "option --secret \"id=a,env=NONE\": variable NONE is not set");
  EXPECT_EQ(secret("src=/"), "option --secret \"src=/\": id= is missing");
  EXPECT_NE(secret("id=a,src=/nowhere/at/all").find("/nowhere/at/all"), std::string::npos);
  EXPECT_EQ(secret("id=a,odd=1"),
            "option --secret \"id=a,odd=1\": expected id=NAME, then src=FILE or env=VARIABLE");
  std::filesystem::remove(path);
}

TEST(BuildOptions, GiveThePowersThatAreAllowed) {
  EXPECT_FALSE(request_of({"."}).allow_host_network);
  EXPECT_TRUE(request_of({".", "--network", "host"}).allow_host_network);
  const BuildRequest request = request_of({".", "--allow", "network.host,security.insecure"});
  EXPECT_TRUE(request.allow_host_network);
  EXPECT_TRUE(request.allow_insecure);
  EXPECT_EQ(request.network, "default");
  EXPECT_EQ(error_of({".", "--allow", "everything"}),
            "option --allow \"everything\": expected network.host or security.insecure");
}

TEST(BuildOptions, ReadHostsInBothForms) {
  const BuildRequest request = request_of({".", "--add-host", "a:1.2.3.4", "--add-host", "b=::1"});
  const std::vector<std::pair<std::string, std::string>> hosts{{"a", "1.2.3.4"}, {"b", "::1"}};
  EXPECT_EQ(request.extra_hosts, hosts);
}

TEST(BuildOptions, ReadCaches) {
  const BuildRequest request = request_of(
      {".", "--cache-from", "reg.example/app:cache", "--cache-to", "type=local,dest=/d,mode=max"});
  EXPECT_EQ(request.cache_from.at(0).type, "registry");
  EXPECT_EQ(request.cache_from.at(0).attributes.at(0).second, "reg.example/app:cache");
  EXPECT_EQ(request.cache_to.at(0).type, "local");
  EXPECT_EQ(error_of({".", "--cache-to", "type=s3,bucket=b"}),
            "option --cache-to: read \"type=s3,bucket=b\": expected type=registry, type=local or "
            "type=inline");
}

TEST(BuildOptions, ReadAttestations) {
  EXPECT_EQ(request_of({"."}).provenance, "");
  EXPECT_EQ(request_of({".", "--provenance", "true"}).provenance, "min");
  EXPECT_EQ(request_of({".", "--provenance", "mode=max"}).provenance, "max");
  EXPECT_EQ(request_of({".", "--provenance", "false"}).provenance, "");
  EXPECT_TRUE(request_of({".", "--sbom", "true"}).sbom);
  EXPECT_TRUE(request_of({".", "--attest", "type=sbom"}).sbom);
  EXPECT_EQ(request_of({".", "--attest", "type=provenance,mode=max"}).provenance, "max");
  EXPECT_EQ(error_of({".", "--attest", "type=odd"}),
            "option --attest \"type=odd\": expected type=sbom or type=provenance");
}

TEST(BuildOptions, KnowTheOtherMethods) {
  EXPECT_EQ(read({".", "--check"})->call, "check");
  EXPECT_EQ(read({".", "--call", "outline,format=json"})->call, "outline");
  EXPECT_TRUE(read({".", "--call", "outline,format=json"})->call_json);
  EXPECT_EQ(error_of({".", "--call", "odd"}),
            "option --call \"odd\": expected build, check, outline or targets");
}

TEST(BuildOptions, SayWhatHasNoMeaningHere) {
  EXPECT_EQ(read({".", "--builder", "x", "--rm"})->notes.size(), 2U);
  EXPECT_NE(error_of({".", "--squash"}).find("squash"), std::string::npos);
  EXPECT_EQ(error_of({".", "--push"}), "option --push: nothing to push to; give a name with --tag");
  EXPECT_EQ(error_of({"-", "-f", "-"}),
            "option --file: the context and the Dockerfile cannot both be standard input");
}

TEST(BuildFields, AreALineOfCsv) {
  const auto fields = parse_fields("a=1,\"b=x,y\",bare,\"c=say \"\"hi\"\"\"");
  ASSERT_TRUE(fields);
  ASSERT_EQ(fields->size(), 4U);
  EXPECT_EQ((*fields)[1].value, "x,y");
  EXPECT_TRUE((*fields)[2].bare);
  EXPECT_EQ((*fields)[3].value, "say \"hi\"");
  EXPECT_FALSE(parse_fields("a=1,,b=2"));
  EXPECT_FALSE(parse_fields("\"a=1"));
}

}  // namespace
}  // namespace slipway::runner
