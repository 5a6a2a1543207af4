// Files of networks, endpoints, addresses and sessions. Touches no interface and no rule.
#include "sandbox/net/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <thread>

#include "base/files.h"
#include "base/text.h"

namespace slipway::sandbox::net {
namespace {

constexpr ByteCount kRecordLimit = 1_MiB;
// A container that starts again waits for the links of its former life to go; and who asks whether a session lives
// holds it for a moment.
constexpr auto kSessionPatience = std::chrono::seconds(1);
// Hundreds of containers that start at once stand in a queue here, some milliseconds each.
constexpr auto kLockPatience = std::chrono::seconds(60);
// All who wait ask equally often, or whoever came last would mostly be first.
constexpr auto kLockPause = std::chrono::milliseconds(4);

bool is_id(std::string_view name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// A container's id becomes a file's name.
Status check_container_id(const std::string& id) {
  const bool fine = !id.empty() && id.size() <= 128 && id[0] != '.' &&
                    id.find_first_not_of(
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-_.") == std::string::npos;
  if (fine) return {};
  return fail(ErrorCode::kInvalid, "use container id \"" + printable(id) + "\": not a plain name");
}

// Readers see the old or the new text; no fsync, see the class's comment.
Status write_quickly(const std::string& path, std::string_view data) {
  const std::string temporary = path + ".new" + std::to_string(::gettid());
  {
    Fd file = SLIP_TRY(open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    SLIP_TRY(write_all(file.get(), data, temporary));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail_errno("rename " + temporary);
  return {};
}

// In place: a hint that is torn or lost costs a longer search, and renames wait for the disk's journal.
void write_hint(const std::string& path, const std::string& text) {
  const auto file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file) [[maybe_unused]]
    const auto written = write_all(file->get(), text, path);
}

Result<std::vector<std::string>> names_in(const std::string& path) {
  auto directory = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!directory && directory.error().code() == ErrorCode::kNotFound)
    return std::vector<std::string>();
  if (!directory) return fail(directory.error());
  return list_dir(directory->get(), path);
}

std::optional<Json> read_json(const std::string& path) {
  const auto text = read_file(path, kRecordLimit);
  if (!text) return std::nullopt;
  auto json = parse_json(*text);
  if (!json) return std::nullopt;
  return *std::move(json);
}

}  // namespace

Result<NetworkStore> NetworkStore::open(const std::string& state_dir) {
  NetworkStore store(state_dir + "/networks");
  SLIP_TRY(make_dirs(store.path_ + "/sessions", 0700));
  return store;
}

Result<Fd> NetworkStore::lock(LockKind kind) const {
  const std::string path = path_ + "/lock";
  Fd file = SLIP_TRY(open_file(path, O_RDWR | O_CREAT, 0600));
  const int how = (kind == LockKind::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
  auto pause = std::chrono::microseconds(200);
  while (::flock(file.get(), how) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno("lock " + path);
    if (std::chrono::steady_clock::now() > deadline)
      return fail(ErrorCode::kUnavailable, "lock " + path + ": held by others for 60s");
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::microseconds>(pause * 2, kLockPause);
  }
  return file;
}

Result<std::vector<NetworkInfo>> NetworkStore::list() const {
  std::vector<NetworkInfo> networks;
  for (const std::string& id : SLIP_TRY(names_in(path_))) {
    if (!is_id(id)) continue;
    const auto json = read_json(path_ + "/" + id + "/network.json");
    if (!json) continue;  // Being made or removed.
    auto network = network_from_json(*json);
    if (network && network->id == id) networks.push_back(*std::move(network));
  }
  std::sort(networks.begin(), networks.end(), [](const NetworkInfo& a, const NetworkInfo& b) {
    return std::tie(a.created, a.id) < std::tie(b.created, b.id);
  });
  return networks;
}

Result<NetworkInfo> NetworkStore::find(const std::string& name) const {
  std::vector<NetworkInfo> networks = SLIP_TRY(list());
  std::vector<NetworkInfo*> by_prefix;
  for (NetworkInfo& network : networks) {
    if (network.config.name == name || network.id == name) return std::move(network);
    if (!name.empty() && network.id.starts_with(name)) by_prefix.push_back(&network);
  }
  if (by_prefix.size() == 1) return std::move(*by_prefix.front());
  if (by_prefix.size() > 1)
    return fail(ErrorCode::kInvalid, "network id prefix " + printable(name) + ": ambiguous");
  return fail(ErrorCode::kNotFound, "no such network: " + printable(name));
}

Status NetworkStore::save(const NetworkInfo& network) const {
  const std::string directory = path_ + "/" + network.id;
  SLIP_TRY(make_dirs(directory + "/addresses", 0700));
  SLIP_TRY(make_dirs(directory + "/endpoints", 0700));
  return write_file_atomic(directory + "/network.json", network_to_json(network).pretty(), 0600);
}

Status NetworkStore::erase(const std::string& id) const {
  // The record first: without it the rest is no network.
  const std::string record = path_ + "/" + id + "/network.json";
  if (::unlink(record.c_str()) != 0 && errno != ENOENT) return fail_errno("remove " + record);
  return remove_tree(path_ + "/" + id);
}

std::string NetworkStore::endpoints_path(const std::string& network_id) const {
  return path_ + "/" + network_id + "/endpoints";
}

Result<std::vector<EndpointRecord>> NetworkStore::endpoints(const std::string& network_id) const {
  std::vector<EndpointRecord> endpoints;
  const std::string directory = endpoints_path(network_id);
  for (const std::string& name : SLIP_TRY(names_in(directory))) {
    const auto json = read_json(directory + "/" + name);
    if (!json) continue;
    EndpointRecord endpoint = endpoint_from_json(*json);
    if (endpoint.client.container_id == name) endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

Status NetworkStore::save_endpoint(const EndpointRecord& endpoint) const {
  return write_quickly(
      endpoints_path(endpoint.info.network_id) + "/" + endpoint.client.container_id,
      endpoint_to_json(endpoint).dump());
}

void NetworkStore::erase_endpoint(const std::string& network_id,
                                  const std::string& container_id) const {
  ::unlink((endpoints_path(network_id) + "/" + container_id).c_str());
}

std::int64_t NetworkStore::endpoints_changed(const std::string& network_id) const {
  struct stat status {};
  if (::stat(endpoints_path(network_id).c_str(), &status) != 0) return 0;
  return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

Result<std::map<std::string, std::string>> NetworkStore::addresses(
    const std::string& network_id) const {
  std::map<std::string, std::string> owners;
  const std::string directory = path_ + "/" + network_id + "/addresses";
  for (const std::string& name : SLIP_TRY(names_in(directory))) {
    char owner[256];
    const ssize_t size = ::readlink((directory + "/" + name).c_str(), owner, sizeof owner);
    if (size > 0) owners[name] = std::string(owner, static_cast<std::size_t>(size));
  }
  return owners;
}

Result<Address> NetworkStore::take_address(const std::string& network_id, const Subnet& subnet,
                                           const Subnet& range, const Address& gateway,
                                           const std::optional<Address>& wanted,
                                           const std::string& container_id) const {
  const std::string directory = path_ + "/" + network_id + "/addresses/";
  const auto take = [&](const Address& address) -> Result<bool> {
    if (::symlink(container_id.c_str(), (directory + address.str()).c_str()) == 0) return true;
    if (errno == EEXIST) return false;
    return fail_errno("reserve address " + address.str());
  };
  const auto special = [&](const Address& address) {
    return address == gateway || address == subnet.base ||
           (!address.v6 && subnet.prefix < 31 && address == subnet.last());
  };
  if (wanted) {
    if (!subnet.contains(*wanted) || special(*wanted))
      return fail(ErrorCode::kInvalid, "give a container the address " + wanted->str() +
                                           ": not a free address of subnet " + subnet.str());
    const auto deadline = std::chrono::steady_clock::now() + kSessionPatience;
    for (;;) {
      if (SLIP_TRY(take(*wanted))) return *wanted;
      // Whose record is gone has ended; the address follows when its link is removed.
      const auto owners = SLIP_TRY(addresses(network_id));
      const auto owner = owners.find(wanted->str());
      const bool ending =
          owner == owners.end() || !path_exists(endpoints_path(network_id) + "/" + owner->second);
      if (!ending || std::chrono::steady_clock::now() > deadline) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return fail(ErrorCode::kConflict,
                "give a container the address " + wanted->str() + ": in use by another container");
  }
  // In turn, so that an address rests before it is given again; where we were is a mere hint.
  const std::string hint = path_ + "/" + network_id + (range.base.v6 ? "/last6" : "/last4");
  const auto used = SLIP_TRY(names_in(directory));
  const std::set<std::string, std::less<>> taken(used.begin(), used.end());
  Address next = range.base;
  if (const auto text = read_file(hint, 4_KiB)) {
    const auto last = Address::parse(trim(*text));
    if (last && range.contains(*last)) next = *last;
  }
  const std::uint64_t host_bits = static_cast<std::uint64_t>(range.base.bits() - range.prefix);
  const std::uint64_t count = host_bits > 20 ? 1 << 20 : std::uint64_t{1} << host_bits;
  for (std::uint64_t tried = 0; tried < count; ++tried) {
    const auto further = next.plus(1);
    next = further && range.contains(*further) ? *further : range.base;
    if (special(next) || taken.contains(next.str())) continue;
    if (!SLIP_TRY(take(next))) continue;
    write_hint(hint, next.str());
    return next;
  }
  return fail(ErrorCode::kExhausted,
              "give a container an address of " + range.str() + ": all are in use");
}

void NetworkStore::give_address(const std::string& network_id, const std::string& address) const {
  if (address.empty()) return;
  ::unlink((path_ + "/" + network_id + "/addresses/" + address).c_str());
}

Result<Fd> NetworkStore::begin_session(const std::string& container_id) const {
  SLIP_TRY(check_container_id(container_id));
  const std::string path = path_ + "/sessions/" + container_id;
  const auto deadline = std::chrono::steady_clock::now() + kSessionPatience;
  for (;;) {
    Fd file = SLIP_TRY(open_file(path, O_RDWR | O_CREAT, 0600));
    struct stat status {};
    // The file may have been removed by its last holder while we waited: then it is nobody's, and not ours.
    const bool locked = ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
    if (locked && ::fstat(file.get(), &status) == 0 && status.st_nlink > 0) return file;
    if (!locked && errno != EWOULDBLOCK) return fail_errno("lock " + path);
    if (std::chrono::steady_clock::now() > deadline) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return fail(ErrorCode::kConflict,
              "connect container " + container_id + ": it is on its networks already");
}

Status NetworkStore::write_session(int session, const std::vector<FirewallPort>& ports) const {
  Json::Array items;
  for (const FirewallPort& port : ports) {
    items.push_back(
        Json::array({port.host.str(), int{port.host_port}, static_cast<int>(port.protocol),
                     port.target.str(), int{port.target_port}}));
  }
  const std::string text = Json(std::move(items)).dump();
  if (::ftruncate(session, 0) != 0) return fail_errno("write session");
  if (::pwrite(session, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return fail_errno("write session");
  return {};
}

void NetworkStore::end_session(const std::string& container_id) const {
  ::unlink((path_ + "/sessions/" + container_id).c_str());
}

bool NetworkStore::session_alive(const std::string& container_id) const {
  const auto file = open_file(path_ + "/sessions/" + container_id, O_RDONLY | O_NOFOLLOW);
  return file && ::flock(file->get(), LOCK_SH | LOCK_NB) != 0;
}

Result<std::vector<std::string>> NetworkStore::sessions() const {
  return names_in(path_ + "/sessions");
}

std::vector<FirewallPort> NetworkStore::session_ports(const std::string& container_id) const {
  std::vector<FirewallPort> ports;
  const auto json = read_json(path_ + "/sessions/" + container_id);
  if (!json) return ports;  // Killed while it wrote: nothing was published yet.
  for (const Json& item : json->items()) {
    const Json::Array& part = item.items();
    if (part.size() != 5) continue;
    const auto host = Address::parse(part[0].string_or(""));
    const auto target = Address::parse(part[3].string_or(""));
    const auto protocol = part[2].int_or(-1);
    if (!host || !target || protocol < 0 || protocol > static_cast<int>(Protocol::kSctp)) continue;
    ports.push_back({*host, static_cast<std::uint16_t>(part[1].int_or(0)),
                     static_cast<Protocol>(protocol), *target,
                     static_cast<std::uint16_t>(part[4].int_or(0))});
  }
  return ports;
}

}  // namespace slipway::sandbox::net
