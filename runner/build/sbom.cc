// What packages an image holds, as an SPDX document. Databases are read within the image; a damaged one gives fewer
// packages, not an error.
// Spec: SPDX 2.3, JSON; purl-spec, PURL-TYPES (deb, apk).
#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "runner/build/image_bundle.h"
#include "runner/build/union_view.h"

namespace slipway::runner {
namespace {

constexpr ByteCount kMaxDatabase = 64_MiB;
constexpr std::size_t kMaxPackages = 100'000;

struct Package {
  std::string name, version, architecture, license, purl;
};

std::string read_in(const UnionView& view, const std::string& path) {
  const auto place = view.resolve(path, UnionView::Last::kFollow);
  if (!place || !place->entry || !S_ISREG(place->entry->info.st_mode)) return "";
  const std::string parent =
      place->path.substr(0, std::min(place->path.rfind('/'), place->path.size()));
  const auto holder = view.resolve(place->path.find('/') == std::string::npos ? "" : parent,
                                   UnionView::Last::kKeep);
  if (!holder || !holder->entry) return "";
  const auto dir = view.open_dir(holder->path, holder->entry->layers);
  if (!dir) return "";
  const auto fd = view.open_file(*dir, *place->entry);
  if (!fd) return "";
  return read_fd(fd->get(), kMaxDatabase, path).value_or("");
}

std::string value_after(std::string_view line, std::string_view key) {
  return line.starts_with(key) ? std::string(trim(line.substr(key.size()))) : "";
}

std::string os_release(const UnionView& view, std::string_view key) {
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
    const std::string text = read_in(view, path);
    for (const std::string_view line : split(text, '\n')) {
      std::string value = value_after(line, std::string(key) + "=");
      std::erase(value, '"');
      if (!value.empty()) return value;
    }
  }
  return "";
}

void add_package(Package package, const char* type, const std::string& vendor,
                 std::vector<Package>& all) {
  if (package.name.empty() || package.version.empty() || all.size() >= kMaxPackages) return;
  package.purl = std::string("pkg:") + type + "/" + percent_encode(vendor) + "/" +
                 percent_encode(package.name) + "@" + percent_encode(package.version);
  if (!package.architecture.empty())
    package.purl += "?arch=" + percent_encode(package.architecture);
  all.push_back(std::move(package));
}

// Spec: deb-control(5), dpkg's status file.
void read_dpkg(const UnionView& view, const std::string& vendor, std::vector<Package>& all) {
  const std::string text = read_in(view, "/var/lib/dpkg/status");
  Package package;
  bool installed = true;
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty()) {
      if (installed) add_package(std::move(package), "deb", vendor, all);
      package = Package();
      installed = true;
      continue;
    }
    if (line.starts_with("Package:")) package.name = value_after(line, "Package:");
    if (line.starts_with("Version:")) package.version = value_after(line, "Version:");
    if (line.starts_with("Architecture:"))
      package.architecture = value_after(line, "Architecture:");
    if (line.starts_with("Status:")) installed = line.ends_with(" installed");
  }
  if (installed) add_package(std::move(package), "deb", vendor, all);
}

// Spec: Alpine wiki, "Apk spec", installed database.
void read_apk(const UnionView& view, const std::string& vendor, std::vector<Package>& all) {
  const std::string text = read_in(view, "/lib/apk/db/installed");
  Package package;
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty()) {
      add_package(std::move(package), "apk", vendor, all);
      package = Package();
      continue;
    }
    if (line.starts_with("P:")) package.name = value_after(line, "P:");
    if (line.starts_with("V:")) package.version = value_after(line, "V:");
    if (line.starts_with("A:")) package.architecture = value_after(line, "A:");
    if (line.starts_with("L:")) package.license = value_after(line, "L:");
  }
  add_package(std::move(package), "apk", vendor, all);
}

Json package_json(const Package& package) {
  // An identifier of the document: letters, digits, '.' and '-' only; the digest makes it unique.
  const std::string id = "SPDXRef-Package-" + Digest::of(package.purl).hex().substr(0, 16);
  const Json reference = Json::object({{"referenceCategory", "PACKAGE-MANAGER"},
                                       {"referenceType", "purl"},
                                       {"referenceLocator", package.purl}});
  return Json::object(
      {{"name", package.name},
       {"SPDXID", id},
       {"versionInfo", package.version},
       {"downloadLocation", "NOASSERTION"},
       {"filesAnalyzed", false},
       {"licenseConcluded", "NOASSERTION"},
       {"licenseDeclared", package.license.empty() ? "NOASSERTION" : package.license},
       {"copyrightText", "NOASSERTION"},
       {"externalRefs", Json::array({reference})}});
}

}  // namespace

Result<Json> make_sbom(const cachestore::Image& image, const std::string& name, WallTime created) {
  std::vector<std::string> lowers;
  for (const cachestore::Snapshot& layer : image.layers) lowers.push_back(layer.path);
  const UnionView view = SLIP_TRY(UnionView::open(lowers));
  std::vector<Package> all;
  std::string vendor = os_release(view, "ID");
  if (vendor.empty()) vendor = "linux";
  read_dpkg(view, vendor, all);
  read_apk(view, vendor, all);
  std::sort(all.begin(), all.end(),
            [](const Package& a, const Package& b) { return a.purl < b.purl; });
  Json packages = Json::array();
  Json relations = Json::array();
  for (const Package& package : all) {
    Json json = package_json(package);
    relations.push(Json::object({{"spdxElementId", "SPDXRef-DOCUMENT"},
                                 {"relatedSpdxElement", json["SPDXID"]},
                                 {"relationshipType", "DESCRIBES"}}));
    packages.push(std::move(json));
  }
  // SPDX has whole seconds.
  std::string time = format_rfc3339(created);
  const std::size_t dot = time.find('.');
  if (dot != std::string::npos) time = time.substr(0, dot) + "Z";
  return Json::object(
      {{"spdxVersion", "SPDX-2.3"},
       {"dataLicense", "CC0-1.0"},
       {"SPDXID", "SPDXRef-DOCUMENT"},
       {"name", name},
       {"documentNamespace", "https://spdx.org/spdxdocs/slipway/" + image.id.hex()},
       {"creationInfo",
        Json::object({{"created", time}, {"creators", Json::array({"Tool: slipway"})}})},
       {"packages", std::move(packages)},
       {"relationships", std::move(relations)}});
}

}  // namespace slipway::runner
