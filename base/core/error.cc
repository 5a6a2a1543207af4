// Errors: the one table from code to name, HTTP status and exit code, and the mapping from errno.
#include "base/error.h"

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

struct CodeRow {
  ErrorCode code;
  std::string_view name;
  int http;
  int exit;  // 2 invalid, 3 infrastructure, 4 authentication, 5 not found, 6 time-out, 130
             // interrupted
};

constexpr CodeRow kCodes[] = {
    {ErrorCode::kInvalid, "invalid", 400, 2},
    {ErrorCode::kNotFound, "not-found", 404, 5},
    {ErrorCode::kExists, "exists", 409, 2},
    {ErrorCode::kPermission, "permission", 403, 3},
    {ErrorCode::kUnauthenticated, "unauthenticated", 401, 4},
    {ErrorCode::kUnsupported, "unsupported", 501, 3},
    {ErrorCode::kUnavailable, "unavailable", 503, 3},
    {ErrorCode::kTimeout, "timeout", 504, 6},
    {ErrorCode::kCancelled, "cancelled", 499, 130},  // 499: nginx's "client closed request"
    {ErrorCode::kExhausted, "exhausted", 507, 3},
    {ErrorCode::kCorrupt, "corrupt", 502, 3},
    {ErrorCode::kConflict, "conflict", 409, 3},
    {ErrorCode::kInternal, "internal", 500, 3},
};

constexpr bool rows_follow_the_enum() {
  for (std::size_t i = 0; i < std::size(kCodes); ++i) {
    if (static_cast<std::size_t>(kCodes[i].code) != i) return false;
  }
  return std::size(kCodes) == static_cast<std::size_t>(ErrorCode::kInternal) + 1;
}
static_assert(rows_follow_the_enum());

const CodeRow& row(ErrorCode code) { return kCodes[static_cast<std::size_t>(code)]; }

struct ErrnoRow {
  int sys_errno;
  ErrorCode code;
};

constexpr ErrnoRow kErrnos[] = {
    {ENOENT, ErrorCode::kNotFound},
    {ENOTDIR, ErrorCode::kNotFound},
    {ESRCH, ErrorCode::kNotFound},
    {ENXIO, ErrorCode::kNotFound},
    {ENODEV, ErrorCode::kNotFound},
    {EEXIST, ErrorCode::kExists},
    {ENOTEMPTY, ErrorCode::kExists},
    {EACCES, ErrorCode::kPermission},
    {EPERM, ErrorCode::kPermission},
    {EROFS, ErrorCode::kPermission},
    {ENOSPC, ErrorCode::kExhausted},
    {EDQUOT, ErrorCode::kExhausted},
    {EMFILE, ErrorCode::kExhausted},
    {ENFILE, ErrorCode::kExhausted},
    {ENOMEM, ErrorCode::kExhausted},
    {EFBIG, ErrorCode::kExhausted},
    {EINVAL, ErrorCode::kInvalid},
    {ELOOP, ErrorCode::kInvalid},
    {ENAMETOOLONG, ErrorCode::kInvalid},
    {EISDIR, ErrorCode::kInvalid},
    {EXDEV, ErrorCode::kInvalid},
    {ENOSYS, ErrorCode::kUnsupported},
    {EOPNOTSUPP, ErrorCode::kUnsupported},
    {EAFNOSUPPORT, ErrorCode::kUnsupported},
    {ETIMEDOUT, ErrorCode::kTimeout},
    {EAGAIN, ErrorCode::kUnavailable},
    {ECONNREFUSED, ErrorCode::kUnavailable},
    {ECONNRESET, ErrorCode::kUnavailable},
    {EHOSTUNREACH, ErrorCode::kUnavailable},
    {ENETUNREACH, ErrorCode::kUnavailable},
    {EBUSY, ErrorCode::kConflict},
    {ETXTBSY, ErrorCode::kConflict},
    {ECANCELED, ErrorCode::kCancelled},
    {EBADMSG, ErrorCode::kCorrupt},
    {EILSEQ, ErrorCode::kCorrupt},
};

ErrorCode code_of_errno(int sys_errno) {
  for (const ErrnoRow& entry : kErrnos) {
    if (entry.sys_errno == sys_errno) return entry.code;
  }
  return ErrorCode::kInternal;
}

// "No such file or directory" -> "no such file or directory"; acronyms ("RPC ...") stay as they
// are.
std::string lower_first(std::string text) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (text.size() > 1 && is_upper(text[0]) && !is_upper(text[1])) {
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  }
  return text;
}

}  // namespace

std::string_view error_code_name(ErrorCode code) { return row(code).name; }
int http_status(ErrorCode code) { return row(code).http; }
int exit_code(ErrorCode code) { return row(code).exit; }

Error::Error(ErrorCode code, std::string text, int sys_errno)
    : payload_(std::make_unique<Payload>(Payload{code, sys_errno, std::move(text)})) {}

Error Error::within(std::string_view outer) && {
  payload_->text.insert(0, ": ");
  payload_->text.insert(0, outer);
  return std::move(*this);
}

Error Error::clone() const { return Error(code(), text(), sys_errno()); }

Error errno_error(int sys_errno, std::string_view doing) {
  std::string text(doing);
  text += ": ";
  text += lower_first(std::generic_category().message(sys_errno));
  return Error(code_of_errno(sys_errno), std::move(text), sys_errno);
}

}  // namespace slipway
