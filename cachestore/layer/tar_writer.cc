// Writes tar headers. Spec: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Extended Header".
#include "cachestore/layer/tar_writer.h"

#include <array>
#include <cstring>

namespace slipway::cachestore {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kNameField = 100;
constexpr std::uint64_t kMaxOctalSize = (std::uint64_t{1} << 33) - 1;  // 11 octal digits
constexpr std::uint64_t kMaxOctalId = (std::uint64_t{1} << 21) - 1;    // 7 octal digits

void put_text(std::string& block, std::size_t at, std::size_t size, std::string_view text) {
  block.replace(at, std::min(size, text.size()), text.substr(0, size));
}

void put_octal(std::string& block, std::size_t at, std::size_t size, std::uint64_t value) {
  for (std::size_t i = size - 1; i-- > 0; value >>= 3) {
    block[at + i] = static_cast<char>('0' + static_cast<int>(value & 7U));
  }
}

std::string raw_header(const TarItem& item) {
  std::string block(kBlock, '\0');
  put_text(block, 0, kNameField, item.name);
  put_octal(block, 100, 8, item.mode);
  put_octal(block, 108, 8, std::min(item.uid, kMaxOctalId));
  put_octal(block, 116, 8, std::min(item.gid, kMaxOctalId));
  put_octal(block, 124, 12, std::min(item.size, kMaxOctalSize));
  put_octal(block, 136, 12,
            item.mtime.tv_sec < 0 ? 0 : static_cast<std::uint64_t>(item.mtime.tv_sec));
  block[156] = item.type;
  put_text(block, 157, kNameField, item.link);
  put_text(block, 257, 8, std::string_view("ustar\00000", 8));
  if (item.type == '3' || item.type == '4') {
    put_octal(block, 329, 8, item.device_major);
    put_octal(block, 337, 8, item.device_minor);
  }
  put_text(block, 148, 8, "        ");
  std::uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put_octal(block, 148, 7, sum);
  return block;
}

// The length counts its own digits.
std::string record(std::string_view key, std::string_view value) {
  const std::size_t body = key.size() + value.size() + 3;
  std::size_t length = body + 1;
  while (std::to_string(length).size() + body != length) ++length;
  return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

std::string pax_time(timespec time) {
  std::string nanos = std::to_string(time.tv_nsec);
  nanos.insert(0, 9 - nanos.size(), '0');
  return std::to_string(time.tv_sec) + "." + nanos;
}

}  // namespace

std::string_view tar_padding(std::uint64_t size) {
  static const std::array<char, kBlock> kZeros{};
  return {kZeros.data(), static_cast<std::size_t>((kBlock - size % kBlock) % kBlock)};
}

std::string tar_header(const TarItem& item) {
  std::string records;
  if (item.name.size() > kNameField) records += record("path", item.name);
  if (item.link.size() > kNameField) records += record("linkpath", item.link);
  if (item.size > kMaxOctalSize) records += record("size", std::to_string(item.size));
  if (item.uid > kMaxOctalId) records += record("uid", std::to_string(item.uid));
  if (item.gid > kMaxOctalId) records += record("gid", std::to_string(item.gid));
  for (const auto& [name, value] : item.xattrs) records += record("SCHILY.xattr." + name, value);
  // Before 1970 there is no octal form; fractions have none either and are dropped.
  if (item.mtime.tv_sec < 0) records += record("mtime", pax_time({item.mtime.tv_sec, 0}));
  std::string out;
  if (!records.empty()) {
    TarItem extension;
    extension.type = 'x';
    extension.name = "pax";
    extension.mode = 0644;
    extension.size = records.size();
    out = raw_header(extension) + records + std::string(tar_padding(records.size()));
  }
  return out + raw_header(item);
}

std::string tar_trailer() { return std::string(2 * kBlock, '\0'); }

}  // namespace slipway::cachestore
