// registries.json and the variables beside it, as options of the registry client.
#include "runner/registry/settings.h"

#include <algorithm>
#include <array>

#include "base/files.h"
#include "base/text.h"
#include "runner/registry/account_file.h"

namespace slipway::runner {
namespace {

using cachestore::RegistryOptions;

constexpr ByteCount kMaxFile = 256_KiB;
constexpr const char* kHub = "docker.io";

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (c != ',' && c != ' ' && c != '\n' && c != '\t') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, ""));
    }
  }
  if (!word.empty()) words.push_back(word);
  return words;
}

std::string without_end_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

Status add_mirror(RegistryOptions& options, const std::string& registry, const std::string& url) {
  if (!url.starts_with("https://") && !url.starts_with("http://")) {
    return fail(ErrorCode::kInvalid,
                "mirror \"" + printable(url) + "\": expected a URL such as https://mirror.example");
  }
  const std::string host = SLIP_TRY(registry_host(registry));
  std::vector<std::string>& urls = options.mirrors[host];
  const std::string plain = without_end_slash(url);
  if (std::find(urls.begin(), urls.end(), plain) == urls.end()) urls.push_back(plain);
  return {};
}

/// "https://mirror", or "ghcr.io=https://mirror".
Status add_mirror_word(RegistryOptions& options, const std::string& word) {
  const std::size_t equals = word.find('=');
  const std::size_t scheme = word.find("://");
  if (equals == std::string::npos || equals > scheme) return add_mirror(options, kHub, word);
  return add_mirror(options, word.substr(0, equals), word.substr(equals + 1));
}

Status add_insecure(RegistryOptions& options, const std::string& text) {
  // A range of addresses has a slash, which no host has.
  const std::size_t slash = text.find("://") == std::string::npos ? text.find('/') : text.npos;
  if (slash == std::string::npos) {
    options.insecure.insert(SLIP_TRY(registry_host(text)));
    return {};
  }
  const auto bits = parse_int(std::string_view(text).substr(slash + 1));
  if (!bits || *bits < 0 || *bits > 128 ||
      text.substr(0, slash).find_first_not_of("0123456789abcdefABCDEF.:") != std::string::npos) {
    return fail(ErrorCode::kInvalid, "insecure registry \"" + printable(text) +
                                         "\": expected HOST[:PORT] or ADDRESS/BITS");
  }
  options.insecure.insert(to_lower(text));
  return {};
}

Result<std::vector<std::string>> texts(const Json& list) {
  std::vector<std::string> out;
  for (const Json& item : list.items()) {
    if (!item.is_string()) return fail(ErrorCode::kInvalid, "expected a list of strings");
    out.emplace_back(item.string_or(""));
  }
  if (!list.is_array()) return fail(ErrorCode::kInvalid, "expected a list of strings");
  return out;
}

Status read_insecure(RegistryOptions& options, const Json& value) {
  for (const std::string& text : SLIP_TRY(texts(value))) SLIP_TRY(add_insecure(options, text));
  return {};
}
Status read_hub_mirrors(RegistryOptions& options, const Json& value) {
  for (const std::string& url : SLIP_TRY(texts(value))) SLIP_TRY(add_mirror(options, kHub, url));
  return {};
}
Status read_mirrors(RegistryOptions& options, const Json& value) {
  if (!value.is_object())
    return fail(ErrorCode::kInvalid, "expected an object of registries with lists of URLs");
  for (const auto& [registry, urls] : value.members()) {
    for (const std::string& url : SLIP_TRY_WITHIN(printable(registry), texts(urls)))
      SLIP_TRY(add_mirror(options, registry, url));
  }
  return {};
}
Status read_certificates(RegistryOptions& options, const Json& value) {
  std::vector<std::string> own = SLIP_TRY(texts(value));
  for (const std::string& directory : own) {
    if (!directory.starts_with('/'))
      return fail(ErrorCode::kInvalid,
                  "\"" + printable(directory) + "\": expected an absolute path");
  }
  options.certificate_directories.insert(options.certificate_directories.begin(), own.begin(),
                                         own.end());
  return {};
}

struct Setting {
  const char* name;
  Status (*read)(RegistryOptions&, const Json&);
};
constexpr std::array<Setting, 4> kSettings{{{"insecure-registries", read_insecure},
                                            {"registry-mirrors", read_hub_mirrors},
                                            {"mirrors", read_mirrors},
                                            {"certificate-directories", read_certificates}}};

Status read_member(RegistryOptions& options, const std::string& name, const Json& value) {
  std::vector<std::string> names;
  for (const Setting& setting : kSettings) {
    if (name == setting.name) {
      SLIP_TRY_WITHIN(name, setting.read(options, value));
      return {};
    }
    names.emplace_back(setting.name);
  }
  const auto near = did_you_mean(name, names);
  return fail(ErrorCode::kInvalid,
              "unknown setting \"" + printable(name) + "\"; " +
                  (near ? "did you mean \"" + *near + "\"?" : "one of: " + join(names, ", ")));
}

Status read_settings_file(RegistryOptions& options, const std::string& path) {
  const Result<std::string> text = read_file(path, kMaxFile);
  if (!text && text.error().code() == ErrorCode::kNotFound) return {};
  if (!text) return fail(text.error().clone());
  const Json document = SLIP_TRY_WITHIN("read " + path, parse_json(*text));
  if (!document.is_object())
    return fail(ErrorCode::kInvalid, "read " + path + ": expected a JSON object");
  for (const auto& [name, value] : document.members())
    SLIP_TRY_WITHIN("read " + path, read_member(options, name, value));
  return {};
}

std::string config_home(const Variables& variables) {
  if (const std::string dir = variables("XDG_CONFIG_HOME").value_or(""); !dir.empty()) return dir;
  const std::string home = variables("HOME").value_or("");
  return home.empty() ? "" : home + "/.config";
}

}  // namespace

RegistrySettings RegistrySettings::of(const Variables& variables) {
  RegistrySettings settings{{"/etc/slipway/registries.json"}};
  if (const std::string home = config_home(variables); !home.empty())
    settings.files.push_back(home + "/slipway/registries.json");
  return settings;
}

Result<RegistryOptions> registry_options(const RegistrySettings& settings,
                                         const Variables& variables,
                                         const std::vector<std::string>& insecure) {
  RegistryOptions options;
  if (const std::string home = config_home(variables); !home.empty()) {
    options.certificate_directories.insert(
        options.certificate_directories.begin(),
        {home + "/slipway/certs.d", home + "/containers/certs.d"});
  }
  for (const std::string& file : settings.files) SLIP_TRY(read_settings_file(options, file));
  for (const std::string& host : words_of(variables("RUNNER_INSECURE_REGISTRIES").value_or("")))
    SLIP_TRY_WITHIN("RUNNER_INSECURE_REGISTRIES", add_insecure(options, host));
  for (const std::string& word : words_of(variables("RUNNER_REGISTRY_MIRRORS").value_or("")))
    SLIP_TRY_WITHIN("RUNNER_REGISTRY_MIRRORS", add_mirror_word(options, word));
  for (const std::string& host : insecure)
    SLIP_TRY_WITHIN("option --insecure-registry", add_insecure(options, host));
  return options;
}

}  // namespace slipway::runner
