#pragma once

#include <cerrno>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "base/error.h"

namespace slipway {

/// Every fallible function returns one of these; exceptions of libraries stop in their adapter file.
template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

/// `return fail(ErrorCode::kInvalid, "parse size \"12q\": unknown unit");`
inline tl::unexpected<Error> fail(ErrorCode code, std::string text, int sys_errno = 0) {
  return tl::unexpected<Error>(Error(code, std::move(text), sys_errno));
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// `if (fd < 0) return fail_errno("open " + path);` — reads errno before anything else can change it.
inline tl::unexpected<Error> fail_errno(std::string_view doing) {
  const int saved = errno;
  return tl::unexpected<Error>(errno_error(saved, doing));
}

}  // namespace slipway

/// Value of a Result, or return its error from the enclosing function:
///   auto fd = SLIP_TRY(open_file(path));      SLIP_TRY(sync(fd));
#define SLIP_TRY(...)                                                           \
  __extension__({                                                               \
    auto slip_result_ = (__VA_ARGS__);                                          \
    if (!slip_result_) return ::slipway::fail(std::move(slip_result_).error()); \
    ::slipway::detail::unwrap(std::move(slip_result_));                         \
  })

/// The same, adding context: SLIP_TRY_WITHIN("pulling " + name, fetch(name)).
#define SLIP_TRY_WITHIN(context, ...)                                                           \
  __extension__({                                                                               \
    auto slip_result_ = (__VA_ARGS__);                                                          \
    if (!slip_result_) return ::slipway::fail(std::move(slip_result_).error().within(context)); \
    ::slipway::detail::unwrap(std::move(slip_result_));                                         \
  })

namespace slipway::detail {
template <typename T>
T unwrap(Result<T>&& result) {
  return *std::move(result);
}
inline void unwrap(Status&&) {}
}  // namespace slipway::detail
