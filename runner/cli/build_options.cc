// From the command line of `runner build` to a BuildRequest. The rows of the option table: options_build.cc.
#include "runner/cli/build_options.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/reference.h"
#include "runner/cli/assignment.h"
#include "runner/cli/console.h"
#include "runner/cli/create_request.h"
#include "runner/option_values.h"

namespace slipway::runner {
namespace {

// BuildKit: secrets.MaxSecretSize, 500 KB; more is a file that was meant for COPY.
constexpr ByteCount kMaxSecret{500'000};

std::string within(std::string_view option) { return "option --" + std::string(option); }

/// "NAME=value"; an option where a bare NAME makes no sense.
Result<Assignment> pair_option(std::string_view option, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos)
    return bad_option(option, text, "expected NAME=VALUE");
  return Assignment{text.substr(0, equals), text.substr(equals + 1)};
}

Status read_args(const Invocation& invocation, const Environment& environment,
                 BuildCommand& command) {
  BuildRequest& request = command.request;
  for (const std::string& text : invocation.list("build-arg")) {
    auto assignment = SLIP_TRY_WITHIN(within("build-arg"), parse_assignment(text, environment));
    if (assignment) request.args.push_back(*std::move(assignment));
  }
  request.source_date_epoch = environment("SOURCE_DATE_EPOCH");
  for (const auto& [name, value] : request.args) {
    if (name == "SOURCE_DATE_EPOCH") request.source_date_epoch = value;
    if (name == "BUILDKIT_SYNTAX")
      command.notes.push_back("BUILDKIT_SYNTAX: the Dockerfile language is built in; ignored");
  }
  if (request.source_date_epoch && request.source_date_epoch->empty())
    request.source_date_epoch.reset();
  for (const std::string& text : invocation.list("label")) {
    // Docker: "--label x" is the label x without a value.
    const std::size_t equals = text.find('=');
    if (text.empty() || equals == 0) return bad_option("label", text, "expected NAME=VALUE");
    request.labels.emplace_back(text.substr(0, equals),
                                equals == std::string::npos ? "" : text.substr(equals + 1));
  }
  for (const std::string& text : invocation.list("annotation"))
    request.annotations.push_back(SLIP_TRY(pair_option("annotation", text)));
  for (const std::string& text : invocation.list("build-context"))
    request.named_contexts.push_back(SLIP_TRY(pair_option("build-context", text)));
  return {};
}

Status read_names(const Invocation& invocation, BuildRequest& request) {
  for (const std::string& tag : invocation.list("tag")) {
    const auto name = cachestore::Reference::parse(tag);
    if (!name) return bad_option("tag", tag, name.error().text());
    if (name->digest) return bad_option("tag", tag, "a digest cannot be chosen; name a tag");
    request.tags.push_back(tag);
  }
  request.target = invocation.value("target");
  for (const std::string& text : invocation.list("platform")) {
    for (const std::string_view word : split(text, ',')) {
      auto platform = SLIP_TRY_WITHIN(within("platform"), cachestore::Platform::parse(trim(word)));
      if (std::find(request.platforms.begin(), request.platforms.end(), platform) ==
          request.platforms.end())
        request.platforms.push_back(std::move(platform));
    }
  }
  request.no_cache = invocation.flag("no-cache");
  for (const std::string& text : invocation.list("no-cache-filter")) {
    for (const std::string_view word : split(text, ','))
      request.no_cache_stages.push_back(to_lower(trim(word)));
  }
  request.pull = invocation.flag("pull");
  return {};
}

Status read_ssh(const Invocation& invocation, const Environment& environment,
                BuildRequest& request) {
  for (const std::string& text : invocation.list("ssh")) {
    const std::size_t equals = text.find('=');
    const std::string id = text.substr(0, equals);
    std::string path = equals == std::string::npos ? "" : text.substr(equals + 1);
    if (path.empty()) path = environment("SSH_AUTH_SOCK").value_or("");
    if (id.empty()) return bad_option("ssh", text, "expected ID or ID=SOCKET");
    if (path.empty())
      return bad_option("ssh", text, "no agent: SSH_AUTH_SOCK is not set", ErrorCode::kNotFound);
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0)
      return bad_option("ssh", text, "no such file", ErrorCode::kNotFound);
    if (!S_ISSOCK(info.st_mode))
      return bad_option(
          "ssh", text, "not the socket of an agent; add the key with ssh-add and give --ssh " + id);
    request.ssh.emplace_back(id, path);
  }
  return {};
}

Status read_network(const Invocation& invocation, BuildRequest& request) {
  request.network = invocation.value("network", "default");
  // Who says it on the command line means it; a Dockerfile's own --network=host needs --allow.
  request.allow_host_network = request.network == "host";
  for (const std::string& text : invocation.list("allow")) {
    for (const std::string_view word : split(text, ',')) {
      if (word == "network.host")
        request.allow_host_network = true;
      else if (word == "security.insecure")
        request.allow_insecure = true;
      else
        return bad_option("allow", text, "expected network.host or security.insecure");
    }
  }
  for (const std::string& text : invocation.list("add-host")) {
    // "name=address" is the newer form of "name:address".
    std::string host = text;
    const std::size_t equals = host.find('=');
    if (equals < host.find(':')) host[equals] = ':';
    request.extra_hosts.push_back(SLIP_TRY_WITHIN(within("add-host"), parse_extra_host(host)));
  }
  return {};
}

Status read_limits_of(const Invocation& invocation, BuildRequest& request) {
  request.limits = SLIP_TRY(read_limits(invocation, {}));
  if (invocation.given("shm-size"))
    request.shm_size =
        SLIP_TRY_WITHIN(within("shm-size"), parse_size(invocation.value("shm-size")));
  for (const std::string& text : invocation.list("ulimit"))
    request.ulimits.push_back(SLIP_TRY_WITHIN(within("ulimit"), parse_ulimit(text)));
  request.cgroup_parent = invocation.value("cgroup-parent");
  return {};
}

Result<bool> flag_word(std::string_view option, const std::string& word) {
  if (word == "true" || word == "1") return true;
  if (word == "false" || word == "0") return false;
  return bad_option(option, word, "expected true or false");
}

/// "", "true", "false", "mode=max"; `min` where it only says yes.
Result<std::string> provenance_mode(std::string_view option, const std::string& text) {
  if (text == "false" || text == "0") return std::string();
  std::string mode = "min";
  for (const OptionField& field : SLIP_TRY_WITHIN(within(option), parse_fields(text))) {
    if (field.name == "type" || (field.bare && field.name == "true") || field.name == "1") continue;
    if (field.name == "disabled") {
      if (SLIP_TRY(flag_word(option, field.value))) return std::string();
    } else if (field.name == "mode" && (field.value == "min" || field.value == "max")) {
      mode = field.value;
    } else if (field.name != "version" && field.name != "builder-id" &&
               field.name != "inline-only") {
      return bad_option(option, text, "expected true, false, mode=min or mode=max");
    }
  }
  return mode;
}

Status read_attestations(const Invocation& invocation, BuildRequest& request) {
  for (const std::string& text : invocation.list("attest")) {
    const auto fields = SLIP_TRY_WITHIN(within("attest"), parse_fields(text));
    const auto type = std::find_if(fields.begin(), fields.end(),
                                   [](const OptionField& field) { return field.name == "type"; });
    const std::string kind = type == fields.end() ? "" : type->value;
    const auto off = std::find_if(fields.begin(), fields.end(), [](const OptionField& field) {
      return field.name == "disabled" && (field.bare || field.value == "true");
    });
    if (kind == "sbom")
      request.sbom = off == fields.end();
    else if (kind == "provenance")
      request.provenance = SLIP_TRY(provenance_mode("attest", text));
    else
      return bad_option("attest", text, "expected type=sbom or type=provenance");
  }
  if (invocation.given("sbom")) {
    const std::string text = invocation.value("sbom");
    // "generator=IMAGE": the generator is built in.
    request.sbom = text.starts_with("generator=") || SLIP_TRY(flag_word("sbom", text));
  }
  if (invocation.given("provenance"))
    request.provenance = SLIP_TRY(provenance_mode("provenance", invocation.value("provenance")));
  return {};
}

/// A file that an output writes must be no terminal: nobody wants to see a tar.
Status check_stdout(const BuildOutput& output) {
  if (output.dest == "-" && ::isatty(STDOUT_FILENO) == 1)
    return fail(ErrorCode::kInvalid, "option --output: type=" + output.type +
                                         " would write to the terminal; give dest=FILE or pipe it");
  return {};
}

Status read_outputs(const Invocation& invocation, BuildRequest& request) {
  for (const std::string& text : invocation.list("output")) {
    BuildOutput output = SLIP_TRY(parse_output(text));
    SLIP_TRY(check_stdout(output));
    for (const auto& [name, value] : output.attributes) {
      if (name == "rewrite-timestamp")
        request.rewrite_timestamps = SLIP_TRY(flag_word("output", value));
    }
    request.outputs.push_back(std::move(output));
  }
  if (invocation.given("rewrite-timestamp"))
    request.rewrite_timestamps = invocation.flag("rewrite-timestamp");
  if (invocation.flag("load")) request.outputs.push_back({"image", "", {}});
  if (invocation.flag("push")) {
    if (request.tags.empty())
      return fail(ErrorCode::kInvalid, "option --push: nothing to push to; give a name with --tag");
    request.outputs.push_back({"image", "", {{"push", "true"}}});
  }
  request.out_fd = STDOUT_FILENO;
  for (const std::string& text : invocation.list("cache-from"))
    request.cache_from.push_back(SLIP_TRY_WITHIN(within("cache-from"), parse_cache_endpoint(text)));
  for (const std::string& text : invocation.list("cache-to"))
    request.cache_to.push_back(SLIP_TRY_WITHIN(within("cache-to"), parse_cache_endpoint(text)));
  return {};
}

Status read_context(const Invocation& invocation, BuildRequest& request) {
  request.context.context = invocation.operand(0);
  request.context.dockerfile = invocation.value("file");
  request.context.state_dir = state_dir(invocation);
  const bool context = request.context.context == "-";
  const bool file = request.context.dockerfile == "-";
  if (context && file)
    return fail(ErrorCode::kInvalid,
                "option --file: the context and the Dockerfile cannot both be standard input");
  if (!context && !file) return {};
  if (::isatty(STDIN_FILENO) == 1)
    return fail(ErrorCode::kInvalid,
                "read build context: standard input is a terminal; pipe a Dockerfile or a tar in");
  request.context.stdin_fd = STDIN_FILENO;
  return {};
}

Status read_call(const Invocation& invocation, BuildCommand& command) {
  if (invocation.flag("check")) command.call = "check";
  if (!invocation.given("call")) return {};
  const std::string text = invocation.value("call");
  for (const OptionField& field : SLIP_TRY_WITHIN(within("call"), parse_fields(text))) {
    const std::string word = field.name == "method" ? field.value : field.name;
    if (field.name == "format") {
      command.call_json = field.value == "json";
      if (!command.call_json && field.value != "text")
        return bad_option("call", text, "expected format=text or format=json");
    } else if (word == "build" || word == "check" || word == "outline" || word == "targets") {
      command.call = word;
    } else if (word == "lint") {
      command.call = "check";
    } else {
      return bad_option("call", text, "expected build, check, outline or targets");
    }
  }
  return {};
}

void note_ignored(const Invocation& invocation, BuildCommand& command) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kIgnored{{
      {"builder", "there is one builder, this program"},
      {"rm", "no step leaves a container"},
      {"force-rm", "no step leaves a container"},
      {"compress", "the context is not sent anywhere"},
  }};
  for (const auto& [option, reason] : kIgnored) {
    if (invocation.on_line(option))
      command.notes.push_back(within(option) + ": " + std::string(reason) + "; ignored");
  }
}

}  // namespace

Result<std::vector<OptionField>> parse_fields(const std::string& text) {
  std::vector<std::string> words{""};
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
      words.back() += '"';
      ++i;
    } else if (c == '"' && (quoted || words.back().empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  if (quoted) return fail(ErrorCode::kInvalid, "read \"" + printable(text) + "\": a quote is open");
  std::vector<OptionField> fields;
  for (const std::string& word : words) {
    if (trim(word).empty())
      return fail(ErrorCode::kInvalid, "read \"" + printable(text) + "\": an empty setting");
    const std::size_t equals = word.find('=');
    OptionField field;
    field.name = to_lower(trim(std::string_view(word).substr(0, equals)));
    field.bare = equals == std::string::npos;
    if (!field.bare) field.value = word.substr(equals + 1);
    if (field.bare) field.value = trim(word);
    fields.push_back(std::move(field));
  }
  return fields;
}

Result<BuildOutput> parse_output(const std::string& text) {
  BuildOutput output;
  if (text.find('=') == std::string::npos && text.find(',') == std::string::npos) {
    if (text.empty()) return bad_option("output", text, "expected a directory or type=…");
    output.type = text == "-" ? "tar" : "local";
    output.dest = text;
    return output;
  }
  output.type.clear();
  for (OptionField& field : SLIP_TRY_WITHIN(within("output"), parse_fields(text))) {
    if (field.bare) return bad_option("output", text, "expected NAME=VALUE, not " + field.value);
    if (field.name == "type")
      output.type = field.value;
    else if (field.name == "dest")
      output.dest = field.value;
    else
      output.attributes.emplace_back(field.name, field.value);
  }
  constexpr std::array<std::string_view, 7> kTypes{"image", "registry", "oci",      "docker",
                                                   "local", "tar",      "cacheonly"};
  if (std::find(kTypes.begin(), kTypes.end(), output.type) == kTypes.end())
    return bad_option("output", text,
                      "expected type= image, registry, oci, docker, local, tar or cacheonly");
  if (output.type == "local" && output.dest.empty())
    return bad_option("output", text, "type=local wants dest=DIRECTORY");
  if ((output.type == "oci" || output.type == "tar") && output.dest.empty()) output.dest = "-";
  // docker's own: without a file it means the engine's images.
  if (output.type == "docker" && output.dest.empty()) output.type = "image";
  return output;
}

Result<CacheEndpoint> parse_cache_endpoint(const std::string& text) {
  CacheEndpoint endpoint;
  if (text.find('=') == std::string::npos) {
    SLIP_TRY(cachestore::Reference::parse(text));
    endpoint.type = "registry";
    endpoint.attributes.emplace_back("ref", text);
    return endpoint;
  }
  for (OptionField& field : SLIP_TRY(parse_fields(text))) {
    if (field.name == "type")
      endpoint.type = field.value;
    else
      endpoint.attributes.emplace_back(field.name, field.value);
  }
  constexpr std::array<std::string_view, 3> kTypes{"registry", "local", "inline"};
  if (std::find(kTypes.begin(), kTypes.end(), endpoint.type) == kTypes.end())
    return fail(ErrorCode::kInvalid, "read \"" + printable(text) +
                                         "\": expected type=registry, type=local or type=inline");
  return endpoint;
}

Result<BuildSecret> parse_build_secret(const std::string& text, const Environment& environment) {
  BuildSecret secret;
  std::string type;
  std::string file;
  std::string variable;
  for (OptionField& field : SLIP_TRY_WITHIN(within("secret"), parse_fields(text))) {
    if (field.name == "id")
      secret.id = field.value;
    else if (field.name == "src" || field.name == "source")
      file = field.value;
    else if (field.name == "env")
      variable = field.value;
    else if (field.name == "type" && (field.value == "file" || field.value == "env"))
      type = field.value;
    else
      return bad_option("secret", text, "expected id=NAME, then src=FILE or env=VARIABLE");
  }
  if (type == "env" && variable.empty()) variable = std::exchange(file, {});
  if (secret.id.empty() && !file.empty()) secret.id = file.substr(file.rfind('/') + 1);
  if (secret.id.empty()) return bad_option("secret", text, "id= is missing");
  // Docker: a bare id is the variable of that name, else the file.
  if (file.empty() && variable.empty()) {
    if (type != "file" && environment(secret.id))
      variable = secret.id;
    else
      file = secret.id;
  }
  if (!variable.empty()) {
    const auto value = environment(variable);
    if (!value)
      return bad_option("secret", text, "variable " + printable(variable) + " is not set",
                        ErrorCode::kNotFound);
    secret.value = *value;
    return secret;
  }
  secret.value = SLIP_TRY_WITHIN(within("secret"), read_file(file, kMaxSecret));
  return secret;
}

Result<BuildCommand> read_build_command(const Invocation& invocation,
                                        const Environment& environment) {
  BuildCommand command;
  SLIP_TRY(read_context(invocation, command.request));
  SLIP_TRY(read_names(invocation, command.request));
  SLIP_TRY(read_args(invocation, environment, command));
  for (const std::string& text : invocation.list("secret"))
    command.request.secrets.push_back(SLIP_TRY(parse_build_secret(text, environment)));
  SLIP_TRY(read_ssh(invocation, environment, command.request));
  SLIP_TRY(read_network(invocation, command.request));
  SLIP_TRY(read_limits_of(invocation, command.request));
  SLIP_TRY(read_attestations(invocation, command.request));
  SLIP_TRY(read_outputs(invocation, command.request));
  SLIP_TRY(read_call(invocation, command));
  command.iidfile = invocation.value("iidfile");
  command.metadata_file = invocation.value("metadata-file");
  note_ignored(invocation, command);
  return command;
}

}  // namespace slipway::runner
