// A small tar writer for hostile archives. Shares no code with the product's own writer.
#include "tests/support/tar_writer.h"

#include <cstdio>

namespace slipway::testing {
namespace {

constexpr std::size_t kBlock = 512;

void put(std::string& block, std::size_t at, std::size_t size, std::string_view text) {
  block.replace(at, std::min(size, text.size()), text.substr(0, size));
}

// Octal where it fits, GNU base-256 where not.
void put_number(std::string& block, std::size_t at, std::size_t size, long long value) {
  if (value >= 0 && value < (1LL << (3 * (size - 1)))) {
    for (std::size_t i = size - 1; i-- > 0; value >>= 3) {
      block[at + i] = static_cast<char>('0' + (value & 7));
    }
    return;
  }
  for (std::size_t i = size; i-- > 0; value >>= 8) block[at + i] = static_cast<char>(value & 0xff);
  block[at] = static_cast<char>(block[at] | '\x80');
}

}  // namespace

void TarWriter::fix_checksum(std::string& archive, std::size_t header_at) {
  put(archive, header_at + 148, 8, "        ");
  unsigned sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i)
    sum += static_cast<unsigned char>(archive[header_at + i]);
  put_number(archive, header_at + 148, 7, sum);
  archive[header_at + 154] = '\0';
}

TarWriter& TarWriter::add(const Entry& entry) {
  std::string block(kBlock, '\0');
  put(block, 0, 100, entry.name);
  put_number(block, 100, 8, entry.mode);
  put_number(block, 108, 8, entry.uid);
  put_number(block, 116, 8, entry.gid);
  put_number(block, 124, 12, static_cast<long long>(entry.content.size()));
  if (!entry.raw_size.empty()) put(block, 124, 12, entry.raw_size);
  put_number(block, 136, 12, entry.mtime);
  block[156] = entry.type;
  put(block, 157, 100, entry.link);
  put(block, 257, 8, entry.magic);
  put(block, 345, 155, entry.prefix);
  fix_checksum(block, 0);
  bytes_ += block + entry.content;
  bytes_.resize((bytes_.size() + kBlock - 1) / kBlock * kBlock);
  return *this;
}

TarWriter& TarWriter::file(const std::string& name, const std::string& content, unsigned mode) {
  Entry entry;
  entry.name = name;
  entry.content = content;
  entry.mode = mode;
  return add(entry);
}

TarWriter& TarWriter::dir(const std::string& name, unsigned mode) {
  Entry entry;
  entry.name = name;
  entry.type = '5';
  entry.mode = mode;
  return add(entry);
}

TarWriter& TarWriter::symlink(const std::string& name, const std::string& target) {
  Entry entry;
  entry.name = name;
  entry.type = '2';
  entry.link = target;
  return add(entry);
}

TarWriter& TarWriter::hardlink(const std::string& name, const std::string& target) {
  Entry entry;
  entry.name = name;
  entry.type = '1';
  entry.link = target;
  return add(entry);
}

TarWriter& TarWriter::device(const std::string& name, char type) {
  Entry entry;
  entry.name = name;
  entry.type = type;
  return add(entry);
}

std::string TarWriter::record(const std::string& key, const std::string& value) {
  const std::string body = " " + key + "=" + value + "\n";
  std::size_t length = body.size() + 1;
  while (std::to_string(length).size() + body.size() != length) ++length;
  return std::to_string(length) + body;
}

TarWriter& TarWriter::pax(const std::vector<std::pair<std::string, std::string>>& records,
                          char type) {
  Entry entry;
  entry.name = "PaxHeaders/x";
  entry.type = type;
  for (const auto& [key, value] : records) entry.content += record(key, value);
  return add(entry);
}

TarWriter& TarWriter::pax_raw(const std::string& records) {
  Entry entry;
  entry.name = "PaxHeaders/x";
  entry.type = 'x';
  entry.content = records;
  return add(entry);
}

TarWriter& TarWriter::gnu_long(char type, const std::string& text) {
  Entry entry;
  entry.name = "././@LongLink";
  entry.type = type;
  entry.magic = "ustar  ";
  entry.content = text + std::string(1, '\0');
  return add(entry);
}

TarWriter& TarWriter::raw(std::string_view bytes) {
  bytes_ += bytes;
  return *this;
}

std::string TarWriter::finish() const { return bytes_ + std::string(2 * kBlock, '\0'); }

}  // namespace slipway::testing
