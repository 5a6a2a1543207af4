// The part of the option table that is about local images and what the engine keeps.
#include "runner/cli/commands.h"
#include "runner/cli/option_tables.h"

namespace slipway::runner {
namespace {

constexpr auto kValue = OptionKind::kValue;
constexpr auto kList = OptionKind::kList;

constexpr OptionSpec kJson{"json", 0, "", "print JSON"};
constexpr OptionSpec kFormat{
    "format", 0, "TEMPLATE",
    "print each item by a Go template, such as '{{.Repository}}:{{.Tag}}' or "
    "'{{json .}}'; 'table …' adds a heading, 'json' is a line of JSON each",
    kValue};
constexpr OptionSpec kForce{"force", 'f', "", "do not ask"};

constexpr OptionSpec kImport[] = {
    {"change", 'c', "INSTRUCTION",
     "set CMD, ENTRYPOINT, ENV, USER, WORKDIR, LABEL, EXPOSE or VOLUME, as in a Dockerfile", kList},
    {"quiet", 'q', "", "no progress"}};
constexpr OptionSpec kSave[] = {
    {"output", 'o', "FILE", "write there instead of to standard output", kValue, Complete::kFile},
    {"format", 0, "FORMAT",
     "docker (default): a docker archive that is an OCI layout, too; oci: an OCI layout only",
     kValue, Complete::kWords, "docker|oci", Variable::kOwnOnly},
    {"quiet", 'q', "", "no progress"}};
constexpr OptionSpec kLoad[] = {{"input", 'i', "FILE", "read that instead of standard input",
                                 kValue, Complete::kFile, "", Variable::kOwnOnly},
                                {"quiet", 'q', "", "no progress"}};
constexpr OptionSpec kImageList[] = {
    {"all", 'a', "", "also images without a name that others were made from"},
    {"filter", 'f', "FILTER",
     "only images for which it holds: dangling=true, label=NAME[=VALUE], reference=PATTERN, "
     "before=IMAGE, since=IMAGE, until=TIME",
     kList, Complete::kNothing, "", Variable::kOwnOnly},
    kJson,
    kFormat,
    {"quiet", 'q', "", "only ids"},
    {"no-trunc", 0, "", "whole ids"},
    {"digests", 0, "", "also the digests that registries have"}};
constexpr OptionSpec kImageRemove[] = {
    {"force", 'f', "", "all names of an id, names of an image in use; a missing image is no error"},
    {"no-prune", 0, "", "keep parents that have no name"}};
constexpr OptionSpec kImagePrune[] = {
    {"all", 'a', "", "not only images without a name, but all that no container uses"},
    {"filter", 0, "FILTER", "only images for which it holds: until=24h, label=…, label!=…", kList,
     Complete::kNothing, "", Variable::kOwnOnly},
    kForce};
constexpr OptionSpec kHistory[] = {
    kFormat,
    {"human", 'H', "", "sizes and times for people (default); --human=false for programs"},
    {"no-trunc", 0, "", "whole ids and commands"},
    {"quiet", 'q', "", "only ids"}};
constexpr OptionSpec kInspect[] = {kJson,
                                   {"format", 'f', "TEMPLATE",
                                    "print each image by a Go template, such as "
                                    "'{{.Config.Cmd}}' or '{{json .Config.Env}}'",
                                    kValue}};
constexpr OptionSpec kCachePrune[] = {
    {"keep-size", 0, "SIZE", "keep the most recently used, up to SIZE, such as 10g; default: none",
     kValue},
    kForce};

constexpr PositionalSpec kImportOperands[] = {
    {"ROOTFS", "a root file system as tar, tar.gz or tar.zst; - for standard input", 1, 1,
     Complete::kFile},
    {"NAME[:TAG]", "the image's name", 1, 1, Complete::kImage}};
constexpr PositionalSpec kListOperands[] = {
    {"REPOSITORY[:TAG]", "only these", 0, 1, Complete::kImage}};
constexpr PositionalSpec kImages[] = {{"IMAGE", "names or ids", 1, -1, Complete::kImage}};
constexpr PositionalSpec kTagOperands[] = {
    {"IMAGE", "name or id of an image that is here", 1, 1, Complete::kImage},
    {"NAME[:TAG]", "the new name", 1, 1, Complete::kImage}};
constexpr PositionalSpec kOneImage[] = {{"IMAGE", "name or id", 1, 1, Complete::kImage}};
constexpr PositionalSpec kSaveOperands[] = {
    {"IMAGE", "names, ids, or a repository without a tag: all of its tags", 1, -1,
     Complete::kImage}};

constexpr Example kImportExamples[] = {
    {"runner image import rootfs.tar.zst debian:12", "from a file"},
    {"mmdebstrap --variant=minbase bookworm - | runner image import - debian:12",
     "straight from mmdebstrap"},
    {"docker export web | runner import -c 'CMD [\"nginx\"]' - web", "from a docker container"}};
constexpr Example kImageListExamples[] = {
    {"runner images", "as docker"},
    {"runner images --format '{{.Repository}}:{{.Tag}} {{.Size}}'", "your own form"}};
constexpr Example kInspectExamples[] = {
    {"runner image inspect -f '{{json .Config.Env}}' debian:12", "one field"}};
constexpr Example kSaveExamples[] = {
    {"runner save -o app.tar app:1 app:2", "two images in one file"},
    {"runner save app | zstd | ssh host 'zstd -d | docker load'", "to another machine's docker"},
    {"runner save --format oci app | skopeo copy oci-archive:/dev/stdin dir:app",
     "for tools that read OCI layouts"}};
constexpr Example kLoadExamples[] = {{"runner load -i app.tar.gz", "from a file"},
                                     {"docker save app | runner load", "from docker"}};
constexpr Example kPruneExamples[] = {
    {"runner image prune -af --filter until=168h", "what was made a week ago and is not used"}};

constexpr std::string_view kImportDetails =
    "Makes an image of one layer out of a root file system archive and prints its id. The archive "
    "may be packed with gzip or "
    "zstd; it is told by content. Either all of it is there at the end or nothing.";
constexpr std::string_view kSaveDetails =
    "Writes images as one tar, the same bytes for the same images. docker, podman, skopeo and "
    "runner load read it; layers are stored as they came, compressed or not.";
constexpr std::string_view kLoadDetails =
    "Reads what runner, docker, podman, skopeo or buildah saved: docker archives and OCI layouts, "
    "also packed with gzip or zstd. Every digest is checked. Either all images are there at the "
    "end or none.";
constexpr std::string_view kRemoveDetails =
    "A name goes; with the last one the image itself, and parents that have no name and no other "
    "use. An image that a container uses, or that others were made from, stays.";
constexpr std::string_view kCachePruneDetails =
    "Removes what runs, pulls and removed images left: step snapshots, workspaces, caches, layers "
    "and files without an image. Images, and whatever a container or a run needs now, stay.";

constexpr CommandSpec kRows[] = {
    {"image import", "import", Group::kImages, "make an image from a root file system archive",
     kImportDetails, kImportExamples, kImport, kImportOperands, Grammar::kAnywhere, 2,
     image_import_command},
    {"image ls", "images", Group::kImages, "list images", "", kImageListExamples, kImageList,
     kListOperands, Grammar::kAnywhere, 2, image_list_command},
    {"image history",
     "history",
     Group::kImages,
     "show how an image was made",
     "",
     {},
     kHistory,
     kOneImage,
     Grammar::kAnywhere,
     2,
     image_history_command},
    {"image save", "save", Group::kImages, "write images to an archive", kSaveDetails,
     kSaveExamples, kSave, kSaveOperands, Grammar::kAnywhere, 2, image_save_command},
    {"image load",
     "load",
     Group::kImages,
     "read images from an archive",
     kLoadDetails,
     kLoadExamples,
     kLoad,
     {},
     Grammar::kAnywhere,
     2,
     image_load_command},
    {"image prune",
     "",
     Group::kImages,
     "remove images nobody uses",
     "",
     kPruneExamples,
     kImagePrune,
     {},
     Grammar::kAnywhere,
     2,
     image_prune_command},
    {"cache prune",
     "",
     Group::kMachine,
     "free space that only makes things quick",
     kCachePruneDetails,
     {},
     kCachePrune,
     {},
     Grammar::kAnywhere,
     2,
     cache_prune_command},
    {"image rm",
     "rmi",
     Group::kImages,
     "remove images",
     kRemoveDetails,
     {},
     kImageRemove,
     kImages,
     Grammar::kAnywhere,
     2,
     image_remove_command},
    {"image tag",
     "tag",
     Group::kImages,
     "give an image another name",
     "",
     {},
     {},
     kTagOperands,
     Grammar::kAnywhere,
     2,
     image_tag_command},
    {"image inspect", "", Group::kImages, "show everything about images", "", kInspectExamples,
     kInspect, kImages, Grammar::kAnywhere, 2, image_inspect_command},
};

}  // namespace

std::span<const CommandSpec> image_command_rows() { return kRows; }

}  // namespace slipway::runner
