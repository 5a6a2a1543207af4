// Records of pax extended headers: "LENGTH KEY=VALUE\n", LENGTH counting the whole record.
#include "cachestore/layer/pax.h"

#include <array>

#include "base/text.h"

namespace slipway::cachestore {
namespace {

constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";
constexpr long kNanos = 1'000'000'000;

Error bad_record(std::string_view cause) {
  return Error(ErrorCode::kInvalid, "bad pax header: " + std::string(cause));
}

Result<std::uint64_t> natural(std::string_view value, std::string_view key) {
  const auto number = parse_int(value);
  if (!number || *number < 0) return fail(bad_record(std::string(key) + " is not a number"));
  return static_cast<std::uint64_t>(*number);
}

Result<std::string> name_of(std::string_view value, std::string_view key) {
  if (value.find('\0') != std::string_view::npos) {
    return fail(bad_record(std::string(key) + " contains a NUL byte"));
  }
  return std::string(value);
}

// "1700000000.123456789", also negative.
Result<timespec> time_of(std::string_view value) {
  const std::size_t dot = value.find('.');
  const auto seconds = parse_int(value.substr(0, dot));
  if (!seconds) return fail(bad_record("mtime is not a number"));
  timespec time{};
  time.tv_sec = static_cast<time_t>(*seconds);
  if (dot == std::string_view::npos) return time;
  long scale = kNanos / 10;
  for (const char c : value.substr(dot + 1)) {
    if (c < '0' || c > '9') return fail(bad_record("mtime is not a number"));
    time.tv_nsec += (c - '0') * scale;
    scale /= 10;
  }
  if (value.front() == '-' && time.tv_nsec > 0) {
    time.tv_sec -= 1;
    time.tv_nsec = kNanos - time.tv_nsec;
  }
  return time;
}

using Setter = Status (*)(PaxRecords&, std::string_view);
struct Key {
  std::string_view name;
  Setter set;
};

// Pairs of records, the offset first. Spec: GNU tar manual, "PAX Format, Version 0.0".
Status sparse_offset(PaxRecords& pax, std::string_view value) {
  if (pax.sparse_extents.size() == kMaxExtents) return fail(bad_record("too many sparse runs"));
  pax.sparse_extents.push_back({SLIP_TRY(natural(value, "GNU.sparse.offset")), 0});
  return {};
}
Status sparse_bytes(PaxRecords& pax, std::string_view value) {
  if (pax.sparse_extents.empty()) return fail(bad_record("GNU.sparse.numbytes without an offset"));
  pax.sparse_extents.back().size = SLIP_TRY(natural(value, "GNU.sparse.numbytes"));
  return {};
}
Status sparse_map(PaxRecords& pax, std::string_view value) {
  pax.sparse_extents = SLIP_TRY(parse_sparse_list(value));
  pax.sparse_listed = true;
  return {};
}
Status sparse_major(PaxRecords& pax, std::string_view value) {
  const auto major = SLIP_TRY(natural(value, "GNU.sparse.major"));
  if (major > 1) return fail(ErrorCode::kUnsupported, "sparse format " + std::string(value));
  pax.sparse_in_data = major == 1;
  pax.sparse_listed = major == 0;
  return {};
}

constexpr std::array<Key, 13> kKeys = {{
    {"path",
     [](PaxRecords& p, std::string_view v) -> Status {
       p.path = SLIP_TRY(name_of(v, "path"));
       return {};
     }},
    {"linkpath",
     [](PaxRecords& p, std::string_view v) -> Status {
       p.link = SLIP_TRY(name_of(v, "linkpath"));
       return {};
     }},
    {"size",
     [](PaxRecords& p, std::string_view v) -> Status {
       p.size = SLIP_TRY(natural(v, "size"));
       return {};
     }},
    {"uid",
     [](PaxRecords& p, std::string_view v) -> Status {
       p.uid = static_cast<std::int64_t>(SLIP_TRY(natural(v, "uid")));
       return {};
     }},
    {"gid",
     [](PaxRecords& p, std::string_view v) -> Status {
       p.gid = static_cast<std::int64_t>(SLIP_TRY(natural(v, "gid")));
       return {};
     }},
    {"mtime",
     [](PaxRecords& p, std::string_view v) -> Status {
       p.mtime = SLIP_TRY(time_of(v));
       return {};
     }},
    {"GNU.sparse.name",
     [](PaxRecords& p, std::string_view v) -> Status {
       p.sparse_name = SLIP_TRY(name_of(v, "GNU.sparse.name"));
       return {};
     }},
    {"GNU.sparse.size",
     [](PaxRecords& p, std::string_view v) -> Status {
       p.sparse_real_size = SLIP_TRY(natural(v, "GNU.sparse.size"));
       p.sparse_listed = true;
       return {};
     }},
    {"GNU.sparse.realsize",
     [](PaxRecords& p, std::string_view v) -> Status {
       p.sparse_real_size = SLIP_TRY(natural(v, "GNU.sparse.realsize"));
       return {};
     }},
    {"GNU.sparse.offset", sparse_offset},
    {"GNU.sparse.numbytes", sparse_bytes},
    {"GNU.sparse.map", sparse_map},
    {"GNU.sparse.major", sparse_major},
}};

Status set_record(PaxRecords& pax, std::string_view key, std::string_view value) {
  if (key.starts_with(kXattrPrefix)) {
    pax.xattrs.emplace_back(SLIP_TRY(name_of(key.substr(kXattrPrefix.size()), "xattr name")),
                            value);
    return {};
  }
  for (const Key& known : kKeys) {
    // An empty value takes an earlier one back; no global header's values are kept here, so it means: none.
    if (known.name == key) return value.empty() ? Status() : known.set(pax, value);
  }
  return {};
}

}  // namespace

Result<PaxRecords> parse_pax(std::string_view records) {
  PaxRecords pax;
  while (!records.empty()) {
    const std::size_t blank = records.find(' ');
    const auto length = parse_int(records.substr(0, blank));
    if (blank == std::string_view::npos || !length || *length < 0) {
      return fail(bad_record("a record has no length"));
    }
    const auto size = static_cast<std::size_t>(*length);
    if (size > records.size() || size < blank + 3 || records[size - 1] != '\n') {
      return fail(bad_record("a record has a wrong length"));
    }
    const std::string_view body = records.substr(blank + 1, size - blank - 2);
    const std::size_t equals = body.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return fail(bad_record("a record has no key"));
    }
    SLIP_TRY(set_record(pax, body.substr(0, equals), body.substr(equals + 1)));
    records.remove_prefix(size);
  }
  return pax;
}

}  // namespace slipway::cachestore
