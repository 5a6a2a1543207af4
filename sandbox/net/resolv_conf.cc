// resolv.conf: reading the machine's, writing a container's.
#include "sandbox/net/resolv_conf.h"

#include <algorithm>

#include "base/files.h"
#include "base/text.h"

namespace slipway::sandbox::net {
namespace {

constexpr const char* kHostFile = "/etc/resolv.conf";
// Spec: systemd-resolved.service(8): the resolvers behind the stub at 127.0.0.53.
constexpr const char* kBehindStub = "/run/systemd/resolve/resolv.conf";
constexpr std::size_t kServerLimit = 8;
constexpr std::size_t kWordLimit = 64;

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : line) {
    if (c != ' ' && c != '\t') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, ""));
    }
  }
  if (!word.empty()) words.push_back(word);
  if (words.size() > kWordLimit) words.resize(kWordLimit);
  return words;
}

std::vector<std::string> without_loopback(const std::vector<std::string>& servers) {
  std::vector<std::string> kept;
  for (const std::string& server : servers) {
    const auto address = Address::parse(server);
    if (address && !address->loopback()) kept.push_back(server);
  }
  return kept;
}

}  // namespace

ResolvConf parse_resolv_conf(std::string_view text) {
  ResolvConf conf;
  for (std::string_view line : split(text, '\n')) {
    line = line.substr(0, line.find_first_of("#;"));
    std::vector<std::string> words = words_of(trim(line));
    if (words.size() < 2) continue;
    const std::string key = words.front();
    words.erase(words.begin());
    if (key == "nameserver") {
      if (Address::parse(words.front()) && conf.servers.size() < kServerLimit)
        conf.servers.push_back(words.front());
    } else if (key == "search" || key == "domain") {
      conf.search = words;
    } else if (key == "options") {
      conf.options.insert(conf.options.end(), words.begin(), words.end());
    }
  }
  return conf;
}

ResolvConf read_host_resolv_conf() {
  ResolvConf conf = parse_resolv_conf(read_file(kHostFile, 64_KiB).value_or(""));
  if (conf.servers == std::vector<std::string>{"127.0.0.53"}) {
    const ResolvConf behind = parse_resolv_conf(read_file(kBehindStub, 64_KiB).value_or(""));
    if (!behind.servers.empty()) conf.servers = behind.servers;
  }
  return conf;
}

bool needs_own_server(const ResolvConf& host, const SessionRequest& request, Names names) {
  if (names == Names::kServed) return true;
  return request.dns.empty() && !host.servers.empty() && without_loopback(host.servers).empty();
}

std::vector<Address> upstream_servers(const ResolvConf& host, const SessionRequest& request) {
  std::vector<Address> servers;
  for (const std::string& server : request.dns.empty() ? host.servers : request.dns) {
    if (const auto address = Address::parse(server)) servers.push_back(*address);
  }
  return servers;
}

std::string container_resolv_conf(const ResolvConf& host, const SessionRequest& request,
                                  Names names) {
  std::string text;
  const bool own = needs_own_server(host, request, names);
  std::vector<std::string> servers = {std::string(kOwnServer)};
  if (!own) servers = request.dns.empty() ? without_loopback(host.servers) : request.dns;
  for (const std::string& server : servers) text += "nameserver " + server + "\n";
  // Docker: "--dns-search ." means none.
  std::vector<std::string> search = request.dns_search.empty() ? host.search : request.dns_search;
  if (search == std::vector<std::string>{"."}) search.clear();
  if (!search.empty()) text += "search " + join(search, " ") + "\n";
  std::vector<std::string> options =
      request.dns_options.empty() ? host.options : request.dns_options;
  // Names without a dot are our business first.
  const bool has_ndots = std::any_of(options.begin(), options.end(), [](const std::string& option) {
    return option.starts_with("ndots:");
  });
  if (names == Names::kServed && !has_ndots) options.emplace_back("ndots:0");
  if (!options.empty()) text += "options " + join(options, " ") + "\n";
  return text;
}

}  // namespace slipway::sandbox::net
