// What every exchange can do on top of reading and writing.
#include "web/http/exchange.h"

namespace slipway::web {

Result<std::string> Exchange::body(ByteCount limit) {
  std::string text;
  std::string piece(std::size_t{64} << 10, '\0');
  for (;;) {
    const std::size_t got = SLIP_TRY(read_body(piece.data(), piece.size()));
    if (got == 0) return text;
    if (text.size() + got > limit.value)
      return fail(ErrorCode::kExhausted,
                  "read request body: larger than " + std::to_string(limit.value) + " bytes");
    text.append(piece, 0, got);
  }
}

Result<Json> Exchange::json_body(ByteCount limit) {
  const std::string text = SLIP_TRY(body(limit));
  if (text.empty()) return Json::object();
  Json json = SLIP_TRY_WITHIN("read request body", parse_json(text));
  if (json.is_null()) return Json::object();
  if (!json.is_object()) return fail(ErrorCode::kInvalid, "read request body: expected an object");
  return json;
}

Status Exchange::answer_json(int status, const Json& body, const Headers& headers) {
  return answer(status, "application/json", body.dump() + "\n", headers);
}

Status Exchange::answer_empty(int status, const Headers& headers) {
  return answer(status, "", "", headers);
}

}  // namespace slipway::web
