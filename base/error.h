#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace slipway {

/// What went wrong, coarse enough to decide on. One table (error.cc) maps each code to its name, its
/// HTTP status and its process exit code; no other place does.
enum class ErrorCode {
  kInvalid,          ///< The caller's input is wrong (a file, a flag, a name).
  kNotFound,         ///< The named thing does not exist.
  kExists,           ///< The named thing exists already.
  kPermission,       ///< The operating system or a policy refused.
  kUnauthenticated,  ///< Credentials are missing or wrong.
  kUnsupported,      ///< This machine or this version cannot do it.
  kUnavailable,      ///< A peer or resource does not answer now; trying again may help.
  kTimeout,          ///< A time limit passed.
  kCancelled,        ///< The caller's cancel token fired.
  kExhausted,        ///< A limit or the disk is full.
  kCorrupt,          ///< Stored or received bytes do not match their digest or format.
  kConflict,         ///< Somebody else holds or changed the thing.
  kInternal,         ///< Everything else; a bug or an unexpected system error.
};

/// Name as it appears in JSON ("not-found").
std::string_view error_code_name(ErrorCode code);
int http_status(ErrorCode code);
int exit_code(ErrorCode code);

/// A failure: code, errno (0 when none) and a text of the form `verb object: cause` (lower case, no
/// full stop, naming the path, digest, id or place). Small: one pointer. Never empty unless moved from.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string text, int sys_errno = 0);
  Error(Error&&) noexcept = default;
  Error& operator=(Error&&) noexcept = default;
  Error(const Error& other) : Error(other.clone()) {}
  Error& operator=(const Error& other) { return *this = other.clone(); }
  ~Error() = default;

  ErrorCode code() const { return payload_->code; }
  int sys_errno() const { return payload_->sys_errno; }
  const std::string& text() const { return payload_->text; }

  /// The same error with `outer: ` in front of its text: Error("open x: …").within("pulling alpine:3.19").
  Error within(std::string_view outer) &&;
  Error clone() const;

 private:
  struct Payload {
    ErrorCode code;
    int sys_errno;
    std::string text;
  };
  std::unique_ptr<Payload> payload_;
};

/// Error from an errno value: text becomes `doing: <strerror>`, the code follows the errno (ENOENT ->
/// kNotFound, EACCES/EPERM -> kPermission, ENOSPC/EDQUOT/EMFILE/ENOMEM -> kExhausted, …).
Error errno_error(int sys_errno, std::string_view doing);

}  // namespace slipway
