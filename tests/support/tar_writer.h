#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::testing {

/// Builds archives byte by byte, also ones no tar program would write. Every header gets a right checksum.
class TarWriter {
 public:
  struct Entry {
    std::string name;
    char type = '0';
    std::string content;
    std::string link;
    unsigned mode = 0644;
    long long uid = 0;
    long long gid = 0;
    long long mtime = 1'700'000'000;
    std::string magic = std::string("ustar\0", 6) + "00";
    std::string prefix;
    std::string raw_size;  ///< The size field itself, when not empty.
  };

  TarWriter& add(const Entry& entry);
  TarWriter& file(const std::string& name, const std::string& content, unsigned mode = 0644);
  TarWriter& dir(const std::string& name, unsigned mode = 0755);
  TarWriter& symlink(const std::string& name, const std::string& target);
  TarWriter& hardlink(const std::string& name, const std::string& target);
  TarWriter& device(const std::string& name, char type);  ///< '3', '4' or '6'
  /// An extension header for the next entry; `type` 'x' or 'g'.
  TarWriter& pax(const std::vector<std::pair<std::string, std::string>>& records, char type = 'x');
  TarWriter& pax_raw(const std::string& records);
  TarWriter& gnu_long(char type, const std::string& text);  ///< 'L' name, 'K' link
  TarWriter& raw(std::string_view bytes);

  std::string bytes() const { return bytes_; }  ///< Without an end.
  std::string finish() const;                   ///< With two zero blocks.
  std::string& mutable_bytes() { return bytes_; }

  static std::string record(const std::string& key, const std::string& value);
  static void fix_checksum(std::string& archive, std::size_t header_at);

 private:
  std::string bytes_;
};

}  // namespace slipway::testing
