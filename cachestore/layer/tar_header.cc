// Reads one tar header block. What headers mean together (long names, pax) is the reader's business.
#include "cachestore/layer/tar_header.h"

#include <algorithm>

namespace slipway::cachestore {
namespace {

// Field positions, the same in v7, ustar and GNU headers.
struct Field {
  std::size_t at;
  std::size_t size;
};
constexpr Field kName = {0, 100};
constexpr Field kMode = {100, 8};
constexpr Field kUid = {108, 8};
constexpr Field kGid = {116, 8};
constexpr Field kFileSize = {124, 12};
constexpr Field kMtime = {136, 12};
constexpr Field kChecksum = {148, 8};
constexpr std::size_t kType = 156;
constexpr Field kLink = {157, 100};
constexpr Field kMagic = {257, 6};
constexpr Field kPrefix = {345, 155};  // ustar only: GNU keeps times here

std::string_view take(std::string_view block, Field field) {
  return block.substr(field.at, field.size);
}

std::string_view text(std::string_view block, Field field) {
  const std::string_view raw = take(block, field);
  return raw.substr(0, raw.find('\0'));
}

// Big-endian two's complement of all bits but the first one.
Result<std::int64_t> parse_base256(std::string_view field) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(field[i]); };
  const bool negative = (byte(0) & 0x40U) != 0;
  std::int64_t value = negative ? -1 : 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    std::uint8_t bits = byte(i);
    if (i == 0) {
      bits = negative ? static_cast<std::uint8_t>(bits | 0x80U)
                      : static_cast<std::uint8_t>(bits & 0x7fU);
    }
    if (value > (INT64_MAX >> 8) || value < (INT64_MIN >> 8)) {
      return fail(ErrorCode::kInvalid, "number too large");
    }
    value = value * 256 + bits;
  }
  return value;
}

// The sum of all bytes with the checksum's own as blanks. Some old writers summed signed characters.
bool checksum_matches(std::string_view block, std::int64_t expected) {
  std::int64_t plain = 0;
  std::int64_t with_sign = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool own = i >= kChecksum.at && i < kChecksum.at + kChecksum.size;
    const char c = own ? ' ' : block[i];
    plain += static_cast<unsigned char>(c);
    with_sign += static_cast<signed char>(c);
  }
  return expected == plain || expected == with_sign;
}

Result<std::int64_t> number(std::string_view block, Field field, std::int64_t low,
                            std::int64_t high, std::string_view what) {
  const auto value = parse_tar_number(take(block, field));
  if (!value || *value < low || *value > high) {
    return fail(ErrorCode::kInvalid, "bad " + std::string(what) + " field");
  }
  return *value;
}

}  // namespace

Result<std::int64_t> parse_tar_number(std::string_view field) {
  if (!field.empty() && (static_cast<unsigned char>(field.front()) & 0x80U) != 0) {
    return parse_base256(field);
  }
  const auto blank = [](char c) { return c == ' ' || c == '\0'; };
  std::size_t at = 0;
  while (at < field.size() && blank(field[at])) ++at;
  std::int64_t value = 0;
  for (; at < field.size() && field[at] >= '0' && field[at] <= '7'; ++at) {
    value = value * 8 + (field[at] - '0');  // at most 12 digits: no overflow
  }
  if (!std::all_of(field.begin() + static_cast<std::ptrdiff_t>(at), field.end(), blank)) {
    return fail(ErrorCode::kInvalid, "not an octal number");
  }
  return value;
}

bool is_zero_block(std::string_view block) {
  return block.find_first_not_of('\0') == std::string_view::npos;
}

Result<TarHeader> parse_tar_header(std::string_view block) {
  const auto checksum = parse_tar_number(take(block, kChecksum));
  if (!checksum || !checksum_matches(block, *checksum)) {
    return fail(ErrorCode::kCorrupt, "wrong header checksum");
  }
  TarHeader header;
  header.type = block[kType];
  header.name = text(block, kName);
  header.link = text(block, kLink);
  // "ustar\0" has a prefix; GNU's "ustar " and the older formats without magic do not.
  if (take(block, kMagic) == std::string_view("ustar\0", 6)) {
    const std::string_view prefix = text(block, kPrefix);
    if (!prefix.empty()) header.name = std::string(prefix) + "/" + header.name;
  }
  header.mode =
      static_cast<std::uint32_t>(SLIP_TRY(number(block, kMode, 0, INT64_MAX, "mode")) & 07777);
  header.uid = SLIP_TRY(number(block, kUid, 0, INT64_MAX, "uid"));
  header.gid = SLIP_TRY(number(block, kGid, 0, INT64_MAX, "gid"));
  header.size =
      static_cast<std::uint64_t>(SLIP_TRY(number(block, kFileSize, 0, INT64_MAX, "size")));
  header.mtime = SLIP_TRY(number(block, kMtime, INT64_MIN, INT64_MAX, "mtime"));
  return header;
}

}  // namespace slipway::cachestore
