// The bytes of log records.
#include "sandbox/containers/log_format.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/files.h"
#include "base/text.h"

namespace slipway::sandbox {
namespace {

constexpr unsigned char kMagic[] = {0xA7, 0x4C};
constexpr unsigned kNoticeBit = 0x80;
constexpr std::size_t kNameDigits = 8;

template <typename T>
void put(char* at, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    at[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
}

template <typename T>
T get(const char* at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value |= std::uint64_t{static_cast<unsigned char>(at[i])} << (8 * i);
  return static_cast<T>(value);
}

// A file's bytes while they are looked at.
class Mapping {
 public:
  Mapping(int file, std::size_t size)
      : size_(size), at_(::mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0)) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (at_ != MAP_FAILED) ::munmap(at_, size_);
  }
  bool valid() const { return at_ != MAP_FAILED; }
  std::string_view bytes() const { return {static_cast<const char*>(at_), size_}; }

 private:
  std::size_t size_;
  void* at_;
};

}  // namespace

std::array<char, kLogHeadSize> encode_log_head(const LogHead& head) {
  std::array<char, kLogHeadSize> bytes{};
  bytes[0] = static_cast<char>(kMagic[0]);
  bytes[1] = static_cast<char>(kMagic[1]);
  bytes[2] = static_cast<char>(static_cast<unsigned>(head.stream) | (head.notice ? kNoticeBit : 0));
  put(bytes.data() + 4, head.length);
  put(bytes.data() + 8,
      std::chrono::duration_cast<std::chrono::nanoseconds>(head.time.time_since_epoch()).count());
  return bytes;
}

std::array<char, kLogTailSize> encode_log_tail(std::uint32_t length) {
  std::array<char, kLogTailSize> bytes{};
  put(bytes.data(), length);
  return bytes;
}

std::optional<LogHead> decode_log_head(std::string_view bytes) {
  if (bytes.size() < kLogHeadSize || std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0 ||
      bytes[3] != 0)
    return std::nullopt;
  const unsigned stream = static_cast<unsigned char>(bytes[2]);
  LogHead head;
  head.notice = (stream & kNoticeBit) != 0;
  if ((stream & ~kNoticeBit) != 1 && (stream & ~kNoticeBit) != 2) return std::nullopt;
  head.stream = static_cast<OutputStream>(stream & ~kNoticeBit);
  head.length = get<std::uint32_t>(bytes.data() + 4);
  if (head.length == 0 || head.length > kLongestLogData) return std::nullopt;
  head.time = WallTime(std::chrono::duration_cast<WallTime::duration>(
      std::chrono::nanoseconds(get<std::int64_t>(bytes.data() + 8))));
  return head;
}

std::uint32_t decode_log_tail(std::string_view bytes) {
  return bytes.size() < kLogTailSize ? 0 : get<std::uint32_t>(bytes.data());
}

std::string log_file_name(std::uint32_t number) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%08u", number);
  return text.data();
}

std::optional<std::uint32_t> log_file_number(std::string_view name) {
  if (name.size() < kNameDigits || name.size() > kNameDigits + 2) return std::nullopt;
  const auto number = parse_int(name);
  if (!number || *number < 1 || *number > std::int64_t{0xffffffff}) return std::nullopt;
  if (log_file_name(static_cast<std::uint32_t>(*number)) != name) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

Result<std::uint64_t> whole_records(int file) {
  struct stat found {};
  if (::fstat(file, &found) != 0) return fail_errno("look at log file");
  const auto size = static_cast<std::size_t>(found.st_size);
  if (size == 0) return std::uint64_t{0};
  const Mapping mapping(file, size);
  if (!mapping.valid()) return fail_errno("read log file");
  const std::string_view bytes = mapping.bytes();
  std::size_t at = 0;
  for (;;) {
    const auto head = decode_log_head(bytes.substr(at));
    if (!head || bytes.size() - at < kLogFrame + head->length) return std::uint64_t{at};
    const std::size_t tail = at + kLogHeadSize + head->length;
    if (decode_log_tail(bytes.substr(tail)) != head->length) return std::uint64_t{at};
    at = tail + kLogTailSize;
  }
}

Result<std::vector<std::uint32_t>> log_files(int directory) {
  std::vector<std::uint32_t> numbers;
  for (const std::string& name : SLIP_TRY(list_dir(directory, "log directory"))) {
    if (const auto number = log_file_number(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace slipway::sandbox
