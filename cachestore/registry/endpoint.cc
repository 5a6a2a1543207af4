// Where a registry's API is and how its connections are made: hub names, mirrors, certs.d, plain HTTP.
// Spec: docker's "Verify repository client with certificates" (certs.d) and "Test an insecure registry".
#include "cachestore/registry/endpoint.h"

#include <fcntl.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/registry/address.h"

namespace slipway::cachestore {
namespace {

constexpr ByteCount kMaxPem = 1_MiB;
constexpr std::string_view kHub = "docker.io";
constexpr std::string_view kHubNames[] = {"docker.io", "index.docker.io", "registry-1.docker.io"};
constexpr const char* kHubApi = "https://registry-1.docker.io";

/// What a certs.d directory says of a host.
struct CertsEntry {
  bool present = false;
  TlsSettings tls;
};

Result<CertsEntry> read_entry(const std::string& directory) {
  CertsEntry entry;
  Result<Fd> fd = open_file(directory, O_RDONLY | O_DIRECTORY);
  if (!fd) {
    const ErrorCode code = fd.error().code();
    if (code == ErrorCode::kNotFound) return entry;
    return fail(std::move(fd).error().within("read certificates"));
  }
  entry.present = true;
  for (const std::string& name : SLIP_TRY(list_dir(fd->get(), directory))) {
    const std::string path = directory + "/" + name;
    if (name.ends_with(".crt")) {
      entry.tls.extra_authorities += SLIP_TRY(read_file(path, kMaxPem)) + "\n";
    } else if (name.ends_with(".cert") && entry.tls.certificate_file.empty()) {
      const std::string key = path.substr(0, path.size() - 5) + ".key";
      if (!path_exists(key)) {
        return fail(ErrorCode::kInvalid,
                    "read certificates: no key " + key + " for client certificate " + path);
      }
      entry.tls.certificate_file = path;
      entry.tls.key_file = key;
    } else if (name.ends_with(".key")) {
      const std::string certificate = path.substr(0, path.size() - 4) + ".cert";
      if (!path_exists(certificate)) {
        return fail(ErrorCode::kInvalid,
                    "read certificates: no client certificate " + certificate + " for key " + path +
                        " (authorities end in .crt, client certificates in .cert)");
      }
    }
  }
  return entry;
}

Result<CertsEntry> find_entry(const std::string& authority, const RegistryOptions& options) {
  for (const std::string& directory : options.certificate_directories) {
    CertsEntry entry = SLIP_TRY(read_entry(directory + "/" + authority));
    if (entry.present) return entry;
  }
  return CertsEntry{};
}

bool is_insecure(const Url& url, const std::string& authority,
                 const std::set<std::string>& insecure) {
  if (insecure.contains(authority) || insecure.contains(url.host)) return true;
  const std::optional<Address> address = Address::parse(url.host);
  return address && std::any_of(insecure.begin(), insecure.end(),
                                [&](const std::string& range) { return address->within(range); });
}

Endpoint::Schemes schemes_of(bool certificates, bool insecure, bool loopback) {
  if (insecure) return Endpoint::Schemes::kHttpsThenHttp;
  if (certificates) return Endpoint::Schemes::kHttps;
  return loopback ? Endpoint::Schemes::kHttpThenHttps : Endpoint::Schemes::kHttps;
}

/// `text` is a base URL, or an authority alone ("localhost:5000").
Result<std::unique_ptr<Endpoint>> make_endpoint(const std::string& text,
                                                const RegistryOptions& options) {
  const bool scheme_given = text.find("://") != std::string::npos;
  auto endpoint = std::make_unique<Endpoint>();
  endpoint->base = SLIP_TRY(Url::parse(scheme_given ? text : "https://" + text));
  Url& base = endpoint->base;
  if (base.path == "/") base.path.clear();
  while (base.path.ends_with('/')) base.path.pop_back();
  // "host:443" and "host" are directories of different names for docker, so the text counts.
  const std::string authority = scheme_given ? base.authority() : to_lower(text);
  CertsEntry entry = SLIP_TRY(find_entry(authority, options));
  const bool insecure = is_insecure(base, authority, options.insecure);
  const bool loopback = is_loopback_host(base.host);
  entry.tls.verify = !insecure;
  endpoint->tls = std::make_shared<TlsSettings>(entry.tls);
  entry.tls.certificate_file.clear();
  entry.tls.key_file.clear();
  endpoint->foreign_tls = std::make_shared<TlsSettings>(std::move(entry.tls));
  endpoint->local_host = is_machine_local_host(base.host);
  endpoint->account = account_name(authority);
  endpoint->schemes = scheme_given
                          ? (base.https() ? Endpoint::Schemes::kHttps : Endpoint::Schemes::kHttp)
                          : schemes_of(entry.present, insecure, loopback);
  if (endpoint->schemes == Endpoint::Schemes::kHttp && !loopback && !insecure) {
    return fail(
        ErrorCode::kInvalid,
        "use mirror " + text + ": plain http needs the host in the list of insecure registries");
  }
  if (endpoint->schemes == Endpoint::Schemes::kHttpThenHttps) {
    base.scheme = "http";
    if (base.port == 443 && !authority.ends_with(":443")) base.port = 80;
  }
  return endpoint;
}

}  // namespace

std::string account_name(const std::string& registry) {
  const bool hub =
      std::find(std::begin(kHubNames), std::end(kHubNames), registry) != std::end(kHubNames);
  return hub ? std::string(kHub) : registry;
}

Url Endpoint::url(bool second_scheme) const {
  Url result = base;
  if (!second_scheme) return result;
  const bool port_is_default = result.port == (result.https() ? 443 : 80);
  result.scheme = result.https() ? "http" : "https";
  if (port_is_default) result.port = result.https() ? 443 : 80;
  return result;
}

Url Endpoint::at(const std::string& path, const std::string& query, bool second_scheme) const {
  Url result = url(second_scheme);
  result.path += "/v2/" + path;
  result.query = query;
  if (mirror) result.add_query("ns", mirrored);
  return result;
}

Result<std::vector<std::unique_ptr<Endpoint>>> find_endpoints(const std::string& registry,
                                                              const RegistryOptions& options) {
  std::vector<std::unique_ptr<Endpoint>> endpoints;
  const std::string account = account_name(registry);
  for (const std::string& name : {account, registry}) {
    const auto mirrors = options.mirrors.find(name);
    if (mirrors == options.mirrors.end()) continue;
    for (const std::string& mirror : mirrors->second) {
      endpoints.push_back(SLIP_TRY(make_endpoint(mirror, options)));
      endpoints.back()->mirror = true;
      endpoints.back()->mirrored = account;
    }
    break;
  }
  endpoints.push_back(SLIP_TRY(make_endpoint(account == kHub ? kHubApi : registry, options)));
  endpoints.back()->account = account;
  return endpoints;
}

}  // namespace slipway::cachestore
