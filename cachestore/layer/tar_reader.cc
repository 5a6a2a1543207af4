// The tar stream: blocks, extension headers, entries, content. Knows nothing of file systems.
#include "cachestore/layer/tar_reader.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace slipway::cachestore {
namespace {

constexpr std::size_t kBlock = TarHeader::kSize;
// Go's archive/tar, and so docker, reads no larger extension header either.
constexpr std::uint64_t kMaxExtension = std::uint64_t{1} << 20;
// tar pads to records of 10 KiB by default; some writers to 1 MiB. More zeros serve only to keep us busy.
constexpr std::uint64_t kMaxTrailer = std::uint64_t{64} << 20;
// Extension headers count against the entries: a name, a link and a pax header each, and the entry.
constexpr std::uint64_t kHeadersPerEntry = 4;

std::uint64_t padding_of(std::uint64_t size) { return (kBlock - size % kBlock) % kBlock; }

struct TypeName {
  char flag;
  EntryType type;
};
// '\0' is v7's file, '7' a file that wants contiguous blocks, 'S' GNU's old sparse file.
constexpr std::array<TypeName, 10> kTypes = {{{'0', EntryType::kFile},
                                              {'\0', EntryType::kFile},
                                              {'7', EntryType::kFile},
                                              {'S', EntryType::kFile},
                                              {'1', EntryType::kHardLink},
                                              {'2', EntryType::kSymlink},
                                              {'3', EntryType::kCharDevice},
                                              {'4', EntryType::kBlockDevice},
                                              {'5', EntryType::kDirectory},
                                              {'6', EntryType::kFifo}}};

const TypeName* find_type(char flag) {
  for (const TypeName& known : kTypes) {
    if (known.flag == flag) return &known;
  }
  return nullptr;
}

}  // namespace

TarReader::TarReader(ChunkStream& chunks, std::string source, const LayerLimits& limits)
    : chunks_(chunks), source_(std::move(source)), limits_(limits) {}

Error TarReader::error(ErrorCode code, std::string_view cause) const {
  std::string text = "unpack " + source_ + ": ";
  if (!current_.empty()) text += "entry \"" + printable(ellipsize(current_, 200)) + "\": ";
  text += cause;
  if (current_.empty()) text += " at byte " + std::to_string(offset_);
  return Error(code, std::move(text));
}

Error TarReader::wrap(Error inner) const { return error(inner.code(), inner.text()); }

Result<std::string_view> TarReader::take(std::size_t most) {
  if (chunk_.empty()) chunk_ = SLIP_TRY(chunks_.next());
  const std::string_view piece = chunk_.substr(0, most);
  chunk_.remove_prefix(piece.size());
  offset_ += piece.size();
  return piece;
}

Result<std::size_t> TarReader::take_full(char* out, std::size_t size) {
  std::size_t got = 0;
  while (got < size) {
    const std::string_view piece = SLIP_TRY(take(size - got));
    if (piece.empty()) break;
    piece.copy(out + got, piece.size());
    got += piece.size();
  }
  return got;
}

Result<std::string> TarReader::take_text(std::uint64_t size, std::uint64_t limit) {
  if (size > limit) return fail(error(ErrorCode::kInvalid, "an extension header is too large"));
  const std::uint64_t padded = size + padding_of(size);
  std::string text(static_cast<std::size_t>(padded), '\0');
  if (SLIP_TRY(take_full(text.data(), text.size())) != text.size()) {
    return fail(error(ErrorCode::kCorrupt, "truncated archive"));
  }
  text.resize(static_cast<std::size_t>(size));
  return text;
}

Result<std::string_view> TarReader::data() {
  if (left_ == 0) return std::string_view();
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left_, SIZE_MAX));
  const std::string_view piece = SLIP_TRY(take(most));
  if (piece.empty()) return fail(error(ErrorCode::kCorrupt, "truncated archive"));
  left_ -= piece.size();
  return piece;
}

Status TarReader::skip_rest() {
  left_ += std::exchange(padding_, 0);
  while (!SLIP_TRY(data()).empty()) {
  }
  return {};
}

// False when the archive ends cleanly before a block; current_ is empty here.
Result<bool> TarReader::read_block(std::array<char, kBlock>& block) {
  const std::size_t got = SLIP_TRY(take_full(block.data(), block.size()));
  if (got != 0 && got != block.size()) return fail(error(ErrorCode::kCorrupt, "truncated archive"));
  return got != 0;
}

// Only zeros may follow: anything else is an archive that was glued on, or hidden content.
Status TarReader::finish() {
  const std::uint64_t start = offset_;
  for (;;) {
    const std::string_view piece = SLIP_TRY(take(SIZE_MAX));
    if (piece.empty()) break;
    if (!is_zero_block(piece)) {
      return fail(error(ErrorCode::kInvalid, "data after the end-of-archive marker"));
    }
    if (offset_ - start > kMaxTrailer) {
      return fail(error(ErrorCode::kInvalid, "too many zeros after the end-of-archive marker"));
    }
  }
  done_ = true;
  return {};
}

Result<bool> TarReader::read_extension(const TarHeader& header, Pending& pending) {
  switch (header.type) {
    case 'L':
    case 'K': {
      std::string text = SLIP_TRY(take_text(header.size, kMaxExtension));
      text.resize(std::min(text.size(), text.find('\0')));
      (header.type == 'L' ? pending.name : pending.link) = std::move(text);
      break;
    }
    case 'x':
    case 'X': {
      const std::string text = SLIP_TRY(take_text(header.size, kMaxExtension));
      auto pax = parse_pax(text);
      if (!pax) return fail(wrap(std::move(pax).error()));
      pending.pax = *std::move(pax);
      break;
    }
    case 'g':  // defaults for the rest: used for comments only, ignored as docker does
    case 'V':  // volume label
      SLIP_TRY(take_text(header.size, kMaxExtension));
      return true;
    default:
      return false;
  }
  pending.any = true;
  return true;
}

Result<bool> TarReader::next(TarEntry& entry) {
  if (done_) return false;
  SLIP_TRY(skip_rest());
  Pending pending;
  for (;;) {
    current_.clear();
    std::array<char, kBlock> block;
    if (!SLIP_TRY(read_block(block))) {
      return fail(error(ErrorCode::kCorrupt, "truncated archive (no end marker)"));
    }
    const std::string_view text(block.data(), block.size());
    if (is_zero_block(text)) {
      if (pending.any) return fail(error(ErrorCode::kCorrupt, "truncated archive"));
      SLIP_TRY(finish());
      return false;
    }
    if (++headers_ > limits_.max_entries * kHeadersPerEntry) {
      return fail(error(ErrorCode::kExhausted, "too many headers"));
    }
    auto header = parse_tar_header(text);
    if (!header && offset_ == kBlock) {
      return fail(ErrorCode::kInvalid, "unpack " + source_ + ": not a tar archive");
    }
    if (!header) return fail(wrap(std::move(header).error()));
    current_ = header->name;
    if (SLIP_TRY(read_extension(*header, pending))) continue;
    SLIP_TRY(build(*header, pending, text, entry));
    return true;
  }
}

Status TarReader::build(TarHeader& header, Pending& pending, std::string_view block,
                        TarEntry& entry) {
  const PaxRecords& pax = pending.pax;
  entry = TarEntry();
  entry.name = pax.path.value_or(pending.name.value_or(std::move(header.name)));
  entry.link = pax.link.value_or(pending.link.value_or(std::move(header.link)));
  if (pax.sparse() && pax.sparse_name) entry.name = *pax.sparse_name;
  current_ = entry.name;
  const TypeName* known = find_type(header.type);
  if (known == nullptr) {
    const std::string flag = printable(std::string_view(&header.type, 1));
    return fail(error(ErrorCode::kUnsupported, "entry type '" + flag + "' is not supported"));
  }
  entry.type = known->type;
  // Before POSIX a directory was a file whose name ends in a slash.
  if (header.type == '\0' && entry.name.ends_with('/')) entry.type = EntryType::kDirectory;
  entry.mode = header.mode;
  entry.uid = pax.uid.value_or(header.uid);
  entry.gid = pax.gid.value_or(header.gid);
  entry.mtime = pax.mtime.value_or(timespec{static_cast<time_t>(header.mtime), 0});
  entry.xattrs = std::move(pending.pax.xattrs);
  // Only files have content; the size field of anything else means nothing (docker, Go archive/tar).
  const std::uint64_t size = pax.size.value_or(header.size);
  entry.stored = entry.type == EntryType::kFile ? size : 0;
  if (entry.stored > INT64_MAX - kBlock) return fail(error(ErrorCode::kInvalid, "size too large"));
  left_ = entry.stored;
  padding_ = padding_of(entry.stored);
  if (entry.type == EntryType::kFile && (header.type == 'S' || pax.sparse())) {
    SLIP_TRY(build_sparse(header, pending, block, entry));
  }
  return check_limits(entry);
}

Status TarReader::build_sparse(const TarHeader& header, const Pending& pending,
                               std::string_view block, TarEntry& entry) {
  SparseMap map;
  if (header.type == 'S') {
    SLIP_TRY(read_old_sparse(block, map));
  } else {
    if (!pending.pax.sparse_real_size) {
      return fail(error(ErrorCode::kInvalid, "bad sparse map: no real size"));
    }
    map.real_size = *pending.pax.sparse_real_size;
    map.extents = pending.pax.sparse_extents;
    if (pending.pax.sparse_in_data) SLIP_TRY(read_sparse_from_data(map));
  }
  entry.stored = left_;
  if (auto checked = check_sparse(map, left_); !checked) {
    return fail(wrap(std::move(checked).error()));
  }
  entry.sparse = std::move(map);
  return {};
}

// Spec: GNU tar manual, "Old GNU Format": 4 pairs and the real size in the header, 21 pairs in each further block.
Status TarReader::read_old_sparse(std::string_view block, SparseMap& map) {
  constexpr std::size_t kPairs = 386;
  constexpr std::size_t kExtended = 482;
  constexpr std::size_t kRealSize = 483;
  constexpr std::size_t kBlockExtended = 504;
  const auto checked = [&](Status status) -> Status {
    return status ? Status() : Status(fail(wrap(std::move(status).error())));
  };
  SLIP_TRY(checked(parse_old_sparse(block.substr(kPairs, 96), map.extents)));
  const auto real = parse_tar_number(block.substr(kRealSize, 12));
  if (!real || *real < 0) return fail(error(ErrorCode::kInvalid, "bad sparse map: real size"));
  map.real_size = static_cast<std::uint64_t>(*real);
  bool more = block[kExtended] != '\0';
  while (more) {
    std::array<char, kBlock> next;
    if (SLIP_TRY(take_full(next.data(), next.size())) != next.size()) {
      return fail(error(ErrorCode::kCorrupt, "truncated archive"));
    }
    const std::string_view text(next.data(), next.size());
    SLIP_TRY(checked(parse_old_sparse(text.substr(0, kBlockExtended), map.extents)));
    more = text[kBlockExtended] != '\0';
    if (++headers_ > limits_.max_entries * kHeadersPerEntry) {
      return fail(error(ErrorCode::kExhausted, "too many headers"));
    }
  }
  return {};
}

// Spec: GNU tar manual, "PAX Format, Version 1.0": decimal numbers, one a line, padded to a block, then the data.
Status TarReader::read_sparse_from_data(SparseMap& map) {
  std::uint64_t used = 0;
  const auto number = [&]() -> Result<std::uint64_t> {
    std::string digits;
    for (;;) {
      if (used == left_) return fail(error(ErrorCode::kInvalid, "bad sparse map: cut off"));
      const std::string_view piece = SLIP_TRY(take(1));
      if (piece.empty()) return fail(error(ErrorCode::kCorrupt, "truncated archive"));
      ++used;
      if (piece.front() == '\n') break;
      digits += piece.front();
      if (digits.size() > 20) return fail(error(ErrorCode::kInvalid, "bad sparse map: number"));
    }
    const auto value = parse_int(digits);
    if (!value || *value < 0) return fail(error(ErrorCode::kInvalid, "bad sparse map: number"));
    return static_cast<std::uint64_t>(*value);
  };
  const std::uint64_t count = SLIP_TRY(number());
  if (count > kMaxExtents) return fail(error(ErrorCode::kInvalid, "bad sparse map: too many runs"));
  map.extents.clear();
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t offset = SLIP_TRY(number());
    map.extents.push_back({offset, SLIP_TRY(number())});
  }
  const std::uint64_t pad = padding_of(used);
  std::array<char, kBlock> ignored;
  if (used + pad > left_ || SLIP_TRY(take_full(ignored.data(), pad)) != pad) {
    return fail(error(ErrorCode::kInvalid, "bad sparse map: cut off"));
  }
  left_ -= used + pad;
  return {};
}

Status TarReader::check_limits(const TarEntry& entry) {
  if (entry.name.size() > limits_.max_name || entry.link.size() > limits_.max_name) {
    return fail(error(ErrorCode::kInvalid,
                      "name longer than " + std::to_string(limits_.max_name) + " bytes"));
  }
  const std::uint64_t size = entry.sparse ? entry.sparse->real_size : entry.stored;
  if (size > limits_.max_bytes.value || total_ + size > limits_.max_bytes.value) {
    return fail(error(ErrorCode::kExhausted,
                      "the archive unpacks to more than " + format_size(limits_.max_bytes)));
  }
  total_ += size;
  return {};
}

}  // namespace slipway::cachestore
