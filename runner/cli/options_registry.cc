// The part of the option table that is about registries.
#include "runner/cli/commands.h"
#include "runner/cli/option_tables.h"

namespace slipway::runner {
namespace {

constexpr auto kValue = OptionKind::kValue;
constexpr auto kList = OptionKind::kList;

constexpr OptionSpec kInsecure{
    "insecure-registry", 0, "HOST[:PORT]",
    "this registry may use plain HTTP or a certificate nobody vouches for", kList};
constexpr OptionSpec kQuiet{"quiet", 'q', "", "print only the name"};
constexpr OptionSpec kJson{"json", 0, "", "print JSON"};

constexpr OptionSpec kPull[] = {
    {"all-tags", 'a', "", "every tag of the repository"},
    kQuiet,
    {"platform", 0, "OS/ARCH[/VARIANT]", "of an image made for several; default: this machine's",
     kValue},
    kInsecure,
};
constexpr OptionSpec kPush[] = {
    {"all-tags", 'a', "", "every tag of the repository that is here"},
    kQuiet,
    {"compression", 0, "FORMAT",
     "keep (default): layers as they were pulled, gzip for new ones; gzip or zstd: all of them "
     "again",
     kValue, Complete::kWords, "keep|gzip|zstd"},
    kInsecure,
};
constexpr OptionSpec kLogin[] = {
    {"username", 'u', "NAME", "the account; asked for when left out", kValue, Complete::kNothing,
     "", Variable::kOwnOnly},
    {"password", 'p', "PASSWORD",
     "password or token; others on this machine can read it here: better --password-stdin", kValue,
     Complete::kNothing, "", Variable::kOwnOnly},
    {"password-stdin", 0, "", "read the password from standard input"},
    kInsecure,
};
constexpr OptionSpec kTags[] = {kJson, kInsecure};
constexpr OptionSpec kInspect[] = {
    {"raw", 0, "", "exactly the bytes that the registry sent"},
    {"format", 'f', "TEMPLATE", "print by a Go template, such as '{{.Digest}}'", kValue},
    kInsecure,
};
constexpr OptionSpec kInsecureOnly[] = {kInsecure};
constexpr OptionSpec kReferrers[] = {
    {"type", 0, "TYPE", "only those of this artifact type", kValue}, kJson, kInsecure};
constexpr OptionSpec kArtifactPush[] = {
    {"type", 0, "TYPE", "artifact type; default application/vnd.slipway.artifact.v1", kValue},
    {"annotation", 0, "KEY=VALUE", "an annotation of the manifest", kList},
    kQuiet,
    kInsecure,
};
constexpr OptionSpec kArtifactPull[] = {
    {"output", 'o', "DIR", "put the files there; default: here", kValue, Complete::kDirectory},
    kQuiet,
    kInsecure,
};

constexpr PositionalSpec kPullOperands[] = {
    {"NAME[:TAG|@DIGEST]", "what to pull, such as debian:12 or ghcr.io/team/app:1", 1, -1,
     Complete::kImage}};
constexpr PositionalSpec kPushOperands[] = {
    {"NAME[:TAG]", "an image that is here; its name says where it goes", 1, 1, Complete::kImage},
    {"DESTINATION", "push it under this name instead", 0, 1}};
constexpr PositionalSpec kRegistry[] = {
    {"REGISTRY", "a host such as ghcr.io or localhost:5000; default docker.io", 0, 1}};
constexpr PositionalSpec kRepository[] = {{"REPOSITORY", "such as ghcr.io/team/app", 1, 1}};
constexpr PositionalSpec kRemoteName[] = {{"NAME[:TAG|@DIGEST]", "a manifest at a registry", 1, 1}};
constexpr PositionalSpec kRemoteNames[] = {
    {"NAME:TAG|NAME@DIGEST", "manifests at a registry", 1, -1}};
constexpr PositionalSpec kArtifactPushOperands[] = {
    {"NAME[:TAG]", "where to", 1, 1},
    {"PATH", "files or directories below this one", 1, -1, Complete::kFile}};
constexpr PositionalSpec kArtifactPullOperands[] = {{"NAME[:TAG|@DIGEST]", "which artifact", 1, 1}};

constexpr Example kPullExamples[] = {
    {"runner pull debian:12", "from the hub, or its mirrors"},
    {"runner pull --platform linux/arm64 ghcr.io/team/app:1.4", "for another machine"},
    {"runner pull -q alpine@sha256:…", "exactly these bytes"}};
constexpr Example kPushExamples[] = {
    {"runner push ghcr.io/team/app:1.4", "where its name says"},
    {"runner push --compression zstd app localhost:5000/app", "smaller, under another name"}};
constexpr Example kLoginExamples[] = {
    {"runner login ghcr.io", "asks for name and password"},
    {"echo \"$TOKEN\" | runner login -u ci --password-stdin registry.example:5000", "in a script"}};
constexpr Example kArtifactPushExamples[] = {
    {"runner artifact push ghcr.io/team/app:docs report.html logs/", "a file and a directory"}};
constexpr Example kArtifactPullExamples[] = {
    {"runner artifact pull -o out ghcr.io/team/app:docs", "into out/"}};

constexpr std::string_view kPullDetails =
    "Fetches an image from its registry. Layers that are here already are not fetched, the others "
    "arrive in parallel and are unpacked while they arrive. A pull that was interrupted, however "
    "hard, goes on where it was.\n\n"
    "The last line on standard output is the image's whole name; progress goes to standard error. "
    "Exit codes: 4 the registry wants another account; 5 no such image; 3 the registry cannot be "
    "reached; 130 interrupted.";
constexpr std::string_view kPushDetails =
    "Sends an image to the registry its name says. Layers that the registry has are not sent; "
    "those it has in another repository are taken over there.";
constexpr std::string_view kLoginDetails =
    "Tries an account at a registry and keeps it where docker keeps it, so that docker and others "
    "find it too: in the credential helper that ~/.docker/config.json names, else in that file. "
    "Accounts that docker or podman keep already need no login here.";
constexpr std::string_view kArtifactDetails =
    "Keeps files in a registry, as ORAS does: any registry is storage for build results, reports "
    "and data. A directory becomes one archive and is unpacked again by `artifact pull`.";

constexpr auto kAnywhere = Grammar::kAnywhere;

const CommandSpec kCommands[] = {
    {"image pull", "pull", Group::kImages, "fetch an image from a registry", kPullDetails,
     kPullExamples, kPull, kPullOperands, kAnywhere, 2, pull_command},
    {"image push", "push", Group::kImages, "send an image to a registry", kPushDetails,
     kPushExamples, kPush, kPushOperands, kAnywhere, 2, push_command},
    {"login", "", Group::kRegistries, "log in to a registry", kLoginDetails, kLoginExamples, kLogin,
     kRegistry, kAnywhere, 2, login_command},
    {"logout",
     "",
     Group::kRegistries,
     "forget the account of a registry",
     "",
     {},
     {},
     kRegistry,
     kAnywhere,
     2,
     logout_command},
    {"registry tags",
     "",
     Group::kRegistries,
     "list the tags of a repository",
     "",
     {},
     kTags,
     kRepository,
     kAnywhere,
     2,
     registry_tags_command},
    {"registry inspect",
     "",
     Group::kRegistries,
     "show a manifest without fetching the image",
     "",
     {},
     kInspect,
     kRemoteName,
     kAnywhere,
     2,
     registry_inspect_command},
    {"registry rm",
     "",
     Group::kRegistries,
     "delete manifests at a registry, with all their tags",
     "",
     {},
     kInsecureOnly,
     kRemoteNames,
     kAnywhere,
     2,
     registry_remove_command},
    {"registry referrers",
     "",
     Group::kRegistries,
     "list what refers to a manifest: signatures, reports",
     "",
     {},
     kReferrers,
     kRemoteName,
     kAnywhere,
     2,
     registry_referrers_command},
    {"artifact push", "", Group::kRegistries, "keep files in a registry", kArtifactDetails,
     kArtifactPushExamples, kArtifactPush, kArtifactPushOperands, kAnywhere, 2,
     artifact_push_command},
    {"artifact pull", "", Group::kRegistries, "fetch files from a registry", "",
     kArtifactPullExamples, kArtifactPull, kArtifactPullOperands, kAnywhere, 2,
     artifact_pull_command},
};

}  // namespace

std::span<const CommandSpec> registry_command_rows() { return kCommands; }

}  // namespace slipway::runner
