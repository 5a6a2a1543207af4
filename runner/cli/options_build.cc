// The part of the option table that is about building images: docker buildx's names, letters and meanings.
#include "runner/cli/commands.h"
#include "runner/cli/container_options.h"
#include "runner/cli/option_tables.h"

namespace slipway::runner {
namespace {

using option_rows::flag;
using option_rows::list;
using option_rows::own_variable_only;
using option_rows::value;

// RUNNER_FILE, RUNNER_TARGET and the like are other programs': only RUNNER_IMAGE_BUILD_… counts.
constexpr OptionSpec own(OptionSpec option) { return own_variable_only(option); }

constexpr OptionSpec kBuild[] = {
    own(list("tag", 't', "NAME[:TAG]", "a name for the image", Complete::kImage)),
    own(value("file", 'f', "FILE",
              "the Dockerfile, - for standard input; default Dockerfile or Containerfile of the "
              "context",
              Complete::kFile)),
    own(value("target", 0, "STAGE", "build that stage and what it needs; default: the last one")),
    own(list("build-arg", 0, "NAME=VALUE",
             "a value for ARG; NAME alone takes the variable's here")),
    own(list("build-context", 0, "NAME=SOURCE",
             "files for COPY --from=NAME and FROM NAME: a directory, git or tar URL, "
             "docker-image://NAME, oci-layout://DIR or target:STAGE")),
    own(list("secret", 0, "id=NAME[,src=FILE|,env=NAME]",
             "for RUN --mount=type=secret; in no layer, history or log")),
    own(list("ssh", 0, "ID[=SOCKET]", "an agent for RUN --mount=type=ssh; default: SSH_AUTH_SOCK")),
    own(list("label", 0, "NAME=VALUE", "a label of the image")),
    own(list("annotation", 0, "[LEVEL:]NAME=VALUE",
             "an annotation of the manifest; LEVEL is manifest or index")),
    own(list("platform", 0, "OS/ARCH", "build for it; several make an index of images")),
    flag("no-cache", 0, "run every step"),
    own(list("no-cache-filter", 0, "STAGE", "run every step of that stage")),
    flag("pull", 0, "ask registries for newer base images"),
    own(value("network", 0, "MODE", "of RUN: default, none or host", Complete::kWords,
              "default|none|host")),
    own(list("add-host", 0, "NAME:ADDRESS", "a line of RUN's /etc/hosts")),
    own(list("allow", 0, "POWER",
             "what RUN may ask for: network.host (--network=host), security.insecure "
             "(--security=insecure)")),
    own(list("cache-from", 0, "SOURCE",
             "steps that another build exported: NAME, type=registry,ref=NAME or "
             "type=local,src=DIR")),
    own(list("cache-to", 0, "DESTINATION",
             "export this build's steps: type=registry,ref=NAME, type=local,dest=DIR or "
             "type=inline; mode=max for those of all stages")),
    own(list("output", 'o', "DIR | type=…",
             "instead of the store of images: a directory (type=local), tar, oci, docker, image, "
             "registry or cacheonly; dest=FILE, - for standard output",
             Complete::kDirectory)),
    flag("load", 0, "put the image into the store, beside other outputs (the default alone)"),
    flag("push", 0, "push every --tag when built"),
    flag(
        "rewrite-timestamp", 0,
        "no file is newer than SOURCE_DATE_EPOCH (default); --rewrite-timestamp=false keeps times"),
    own(value("iidfile", 0, "FILE", "write the image's id there", Complete::kFile)),
    own(value("metadata-file", 0, "FILE", "write digests and names there, as JSON",
              Complete::kFile)),
    flag("quiet", 'q', "no progress; print the id"),
    flag("check", 0, "do not build: report what is wrong or odd in the Dockerfile"),
    own(value("call", 0, "METHOD", "build, check, outline or targets; ,format=json for programs")),
    value("sbom", 0, "BOOL", "attach a list of the image's packages (SPDX)"),
    value("provenance", 0, "MODE",
          "attach how it was built (SLSA): false, true, mode=min or "
          "mode=max"),
    own(list("attest", 0, "type=…", "the same, as type=sbom or type=provenance,mode=max")),
    own(value("shm-size", 0, "SIZE", "of RUN's /dev/shm; default 64m")),
    own(list("ulimit", 0, "NAME=SOFT[:HARD]", "a limit of RUN's processes")),
    own(value("memory", 'm', "SIZE", "of each RUN")),
    own(value("memory-swap", 0, "SIZE", "memory and swap together; -1: no limit")),
    own(value("memory-reservation", 0, "SIZE", "what is kept when memory is short")),
    own(value("cpus", 0, "N", "processors of each RUN, such as 1.5")),
    own(value("cpu-shares", 'c', "N", "weight of each RUN; 1024 is everybody's")),
    own(value("cpu-period", 0, "MICROSECONDS", "with --cpu-quota")),
    own(value("cpu-quota", 0, "MICROSECONDS", "of processor time in each period")),
    own(value("cpuset-cpus", 0, "LIST", "only these processors, such as 0-1,3")),
    own(value("cpuset-mems", 0, "LIST", "only this memory")),
    own(value("pids-limit", 0, "N", "processes of each RUN; default 4096")),
    own(value("blkio-weight", 0, "N", "weight at the disk, 10 to 1000")),
    own(value("cgroup-parent", 0, "PATH", "where the cgroups of RUN lie")),
    own(list("insecure-registry", 0, "HOST",
             "a registry without TLS, or with a certificate nobody knows")),
    own(value("builder", 0, "NAME", "for scripts that name one; there is only this builder")),
    flag("rm", 0, "for scripts; steps never leave a container"),
    flag("force-rm", 0, "for scripts; steps never leave a container"),
    flag("compress", 0, "for scripts; nothing is sent anywhere"),
};

constexpr RefusedOption kRefused[] = {
    {"squash",
     "an image's layers are shared by snapshot; use a last stage `FROM scratch` with "
     "`COPY --from`"},
    {"isolation", "it chooses between kinds of Windows containers"},
    {"security-opt",
     "RUN has the engine's own policy; --allow security.insecure and `RUN "
     "--security=insecure` loosen it"},
    {"device", "devices reach no build"},
};

constexpr PositionalSpec kBuildOperands[] = {
    {"CONTEXT",
     "a directory, a tar file, - for standard input, a git URL (url#ref:subdir) or the "
     "URL of a tar or Dockerfile",
     1, 1, Complete::kDirectory}};
constexpr PositionalSpec kMissOperands[] = {
    {"TARGET",
     "what a build printed, or a step such as 'last/3'; a step with `memo` as RUN/JOB/STEP, such "
     "as 'last/build/compile'; default: the last build's first "
     "step that had to run",
     0, 1}};

constexpr Example kBuildExamples[] = {
    {"runner build -t app .", "this directory's Dockerfile"},
    {"runner build -t registry.example.com/app:1 --push .", "build and push"},
    {"runner build --target test -o out .", "one stage's files into a directory"},
    {"runner build --secret id=npm,src=$HOME/.npmrc -t app .", "with a secret"},
    {"runner build --check .", "what is odd in the Dockerfile"},
    {"runner build -t app https://example.com/app.git#v2:service", "from a git repository"}};
constexpr Example kMissExamples[] = {{"runner why-miss", "of the last build"}};

constexpr std::string_view kBuildDetails =
    "Builds an image from a Dockerfile as docker's BuildKit does: the language of frontend 1.20, "
    "only the stages that are needed, independent ones at the same time, unchanged steps from the "
    "cache by their content. Progress goes to standard error; with -q the id to standard output."
    "\n\n"
    "Exit codes: 0 built; 1 a step or the Dockerfile failed; 2 wrong usage; 3 trouble of the "
    "machine; 130 interrupted.";
constexpr std::string_view kMissDetails =
    "Names the first input of a step (its text, an argument, a file, the step before) that differs "
    "from the nearest one in the cache.";

constexpr CommandSpec kRows[] = {
    {"image build", "build", Group::kImages, "build an image from a Dockerfile", kBuildDetails,
     kBuildExamples, kBuild, kBuildOperands, Grammar::kAnywhere, 2, build_command, kRefused},
    {"image why-miss",
     "why-miss",
     Group::kImages,
     "say why a step of a build was not cached",
     kMissDetails,
     kMissExamples,
     {},
     kMissOperands,
     Grammar::kAnywhere,
     2,
     why_miss_command},
};

}  // namespace

std::span<const CommandSpec> build_command_rows() { return kRows; }

}  // namespace slipway::runner
