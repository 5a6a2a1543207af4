#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/json.h"
#include "base/result.h"
#include "base/units.h"
#include "web/http/request.h"

namespace slipway::web {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// A connection that has left HTTP.
struct Hijacked {
  int fd = -1;        ///< The socket, non-blocking; closed when the handler returns.
  std::string early;  ///< What the client had sent already.
};

/// One request and its answer. Used by one worker thread at a time; reads and writes block until the client does its
/// part, went away (kCancelled) or stalled for too long (kTimeout). Answer exactly once: answer(), or begin() and
/// writes, or hijack(). A handler that does none gives a 500.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const Request& request() const = 0;
  /// Fires when the client has closed its connection or the server stops.
  virtual const CancelToken& gone() const = 0;

  /// The next bytes of the body, at most `size`; 0 at its end.
  virtual Result<std::size_t> read_body(char* into, std::size_t size) = 0;
  /// All of it; kExhausted beyond `limit`.
  Result<std::string> body(ByteCount limit);
  /// Of a JSON body; an empty one is an empty object. kInvalid names the place.
  Result<Json> json_body(ByteCount limit);

  virtual Status answer(int status, std::string_view type, std::string_view body,
                        const Headers& headers = {}) = 0;
  Status answer_json(int status, const Json& body, const Headers& headers = {});
  Status answer_empty(int status, const Headers& headers = {});  ///< 204, 304, …

  /// The head of an answer whose length is not known; it is sent at once.
  virtual Status begin(int status, std::string_view type, const Headers& headers = {}) = 0;
  virtual Status write(std::string_view bytes) = 0;
  /// 101 for a client that asks for an upgrade, else 200, as docker does.
  virtual Result<Hijacked> hijack(std::string_view type) = 0;
  virtual bool answered() const = 0;
};

}  // namespace slipway::web
