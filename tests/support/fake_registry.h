#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "tests/support/fake_http_server.h"

namespace slipway::testing {

struct FakeAuth {
  enum class Kind { kNone, kBasic, kBearer };
  Kind kind = Kind::kNone;
  std::string username = "user";
  std::string password = "secret";
  bool anonymous_pull = false;  ///< kBearer: tokens for pulling are given to everybody.
  std::string realm;            ///< kBearer; empty: this server's own /token.
  std::string service = "fake";
  int expires_in = 300;       ///< Seconds, as the token server says; 0: says nothing.
  int uses = -1;              ///< A token is refused after so many requests; -1: never.
  bool oauth_post = true;     ///< POST of a form is understood; else 405.
  std::string refresh_token;  ///< Given when asked for offline_token, taken as an identity token.
  /// Makes the token's text for the granted scopes ("repository:a:pull"); null: an opaque one.
  std::function<std::string(const std::vector<std::string>& scopes)> make_token;
};

/// How this registry differs from a well-behaved one.
struct FakeBehaviour {
  FakeAuth auth;
  int head_status = 0;         ///< Not 0: HEAD is answered so (405, 403, 404).
  bool ignores_range = false;  ///< 200 with everything.
  bool digest_header = true;   ///< Docker-Content-Digest
  bool mounts = true;          ///< false: 202
  bool single_post = false;    ///< POST ?digest= with a body finishes; docker-registry answers 202.
  bool relative_location = false;     ///< Location without scheme and host.
  bool location_query = false;        ///< Location has a query already.
  bool range_advances = true;         ///< false: as ECR
  std::size_t largest_patch = 0;      ///< Not 0: larger bodies are refused ...
  int large_status = 416;             ///< ... so (GHCR 416, proxies 413).
  bool keeps_cut_uploads = true;      ///< What came of a broken PATCH counts.
  std::string blob_redirect;          ///< "http://127.0.0.1:1234": 307 to URL/storage/HEX.
  bool referrers_api = true;          ///< And OCI-Subject.
  std::size_t tags_page = 0;          ///< Not 0: so many a page at most.
  bool delete_by_tag = true;          ///< docker-registry: 400
  std::vector<std::string> warnings;  ///< Warning: 299
};

/// A registry in memory on 127.0.0.1 with a token server at /token. Thread-safe. Rules (server()) break it further.
class FakeRegistry {
 public:
  explicit FakeRegistry(FakeBehaviour behaviour = {});
  ~FakeRegistry();

  FakeHttpServer& server();
  std::string host();  ///< "127.0.0.1:PORT", as in a reference.
  void change(const std::function<void(FakeBehaviour&)>& change);

  Digest put_blob(const std::string& repository, std::string_view bytes);
  /// `tag` may be empty.
  Digest put_manifest(const std::string& repository, const std::string& tag,
                      const std::string& media_type, std::string_view bytes);
  std::optional<std::string> blob(const std::string& repository, const Digest& digest);
  std::optional<std::string> manifest(const std::string& repository, const std::string& reference);
  /// Served below /storage/HEX without questions; an Authorization header is refused with 400, as S3 does.
  void put_storage(std::string_view bytes);
  std::size_t open_uploads();
  std::size_t tokens_given();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::testing
