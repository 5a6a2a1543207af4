// The parts below the client: URLs, header values, challenges, addresses, endpoints.
#include <cstdlib>

#include "cachestore/registry/address.h"
#include "cachestore/registry/auth_header.h"
#include "cachestore/registry/endpoint.h"
#include "cachestore/registry/header_values.h"
#include "cachestore/registry/retry.h"
#include "cachestore/registry/url.h"
#include "tests/cachestore/registry/registry_fixtures.h"

namespace slipway::testing {
namespace {

using namespace cachestore;

TEST(RegistryUrl, ReadsAndWrites) {
  struct Case {
    const char *text, *origin, *written;
  };
  constexpr Case kCases[] = {
      {"https://Example.COM", "https://example.com:443", "https://example.com/"},
      {"http://example.com:80/a/../b/./c//d?x=1&y=%2f#frag", "http://example.com:80",
       "http://example.com/b/c//d?x=1&y=%2f"},
      {"https://[::1]:5000/v2/", "https://::1:5000", "https://[::1]:5000/v2/"},
      {"http://127.0.0.1:5000?x", "http://127.0.0.1:5000", "http://127.0.0.1:5000/?x"},
      {"https://a/../../..", "https://a:443", "https://a/"},
      {"https://a/b/..", "https://a:443", "https://a/"},
  };
  for (const Case& row : kCases) {
    const Url url = must(Url::parse(row.text));
    EXPECT_EQ(url.origin(), row.origin);
    EXPECT_EQ(url.str(), row.written);
    EXPECT_EQ(must(Url::parse(url.str())), url);
  }
}

TEST(RegistryUrl, RefusesWhatParsersDisagreeAbout) {
  for (const std::string& text :
       {std::string("example.com"),        std::string("ftp://a/"),
        std::string("https://"),           std::string("https:///x"),
        std::string("https://a b/"),       std::string("https://a\\b/"),
        std::string("https://a\n/"),       std::string("https://user@a/"),
        std::string("https://a:0/"),       std::string("https://a:65536/"),
        std::string("https://a:+80/"),     std::string("https://a:/"),
        std::string("https://a:80:80/"),   std::string("https://[::1/"),
        std::string("https://[1.2.3.4]/"), std::string("https://::1/"),
        std::string("https://127.1/"),     std::string("https://0x7f000001/"),
        std::string("https://1.2.3.4.5/"), std::string("https://example.1/"),
        std::string("https://%31/"),       std::string("https://.a/"),
        std::string("https://a\xc3\xa4/"), "https://a/" + std::string(20'000, 'x'),
        "https://" + std::string(300, 'a')}) {
    EXPECT_FALSE(Url::parse(text)) << text.substr(0, 50);
  }
}

TEST(RegistryUrl, ResolvesReferences) {
  const Url base = must(Url::parse("https://r.example:5000/v2/app/blobs/uploads/?x=1"));
  struct Case {
    const char *reference, *result;
  };
  constexpr Case kCases[] = {{"/v2/b", "https://r.example:5000/v2/b"},
                             {"?y=2", "https://r.example:5000/v2/app/blobs/uploads/?y=2"},
                             {"abc?z", "https://r.example:5000/v2/app/blobs/uploads/abc?z"},
                             {"../c", "https://r.example:5000/v2/app/blobs/c"},
                             {"//other/x", "https://other/x"},
                             {"http://other:1/x", "http://other:1/x"},
                             {"", "https://r.example:5000/v2/app/blobs/uploads/?x=1"},
                             {"a:b", nullptr},
                             {"javascript:x", nullptr},
                             {"https:x", nullptr},
                             {"./a:b", "https://r.example:5000/v2/app/blobs/uploads/a:b"}};
  for (const Case& row : kCases) {
    const Result<Url> url = base.resolve(row.reference);
    EXPECT_EQ(url ? url->str() : "refused", row.result == nullptr ? "refused" : row.result)
        << row.reference;
  }
}

TEST(RegistryUrl, ShowsNoQueryInErrors) {
  EXPECT_EQ(error_text(Url::parse("https://127.1/x?signature=secret")).find("secret"),
            std::string::npos);
  EXPECT_EQ(error_text(Url::parse("https://me:secret@a/x")).find("secret"), std::string::npos);
}

std::string drawn(const std::vector<Challenge>& challenges) {
  std::string text;
  for (const Challenge& challenge : challenges) {
    text += challenge.scheme + "[";
    for (const auto& [name, value] : challenge.parameters) text += name + "=" + value + ";";
    text += "]";
  }
  return text;
}

TEST(RegistryChallenge, ReadsWhatRegistriesSend) {
  struct Case {
    const char *header, *read;
  };
  constexpr Case kCases[] = {
      {R"(Bearer realm="https://a/token",service="s",scope="repository:x:pull,push")",
       "bearer[realm=https://a/token;service=s;scope=repository:x:pull,push;]"},
      {R"(Basic realm="x")", "basic[realm=x;]"},
      {"Basic", "basic[]"},
      {R"(Basic realm="a, b", Bearer realm=c , error="d\"e\\")",
       "basic[realm=a, b;]bearer[realm=c;error=d\"e\\;]"},
      {R"(Negotiate, Basic realm="x")", "negotiate[]basic[realm=x;]"},
      {R"(Negotiate YIIabc==, Basic realm=x)", "negotiate[]basic[realm=x;]"},
      {R"(NTLM TlRM/+a , BEARER Realm = "x" ,, Service=y,)", "ntlm[]bearer[realm=x;service=y;]"},
      {R"(Digest qop="auth", Basic)", "digest[qop=auth;]basic[]"},
      {R"(Bearer realm="unclosed)", ""},
      {R"(Basic realm="ok", Bearer realm="unclosed)", "basic[realm=ok;]"},
      {"", ""},
      {",,,", ""},
      {"=x", ""},
      {"Bearer realm=", "bearer[]"},
      {R"(Bearer realm="x"garbage)", "bearer[realm=x;]garbage[]"},
  };
  for (const Case& row : kCases)
    EXPECT_EQ(drawn(parse_challenges(row.header)), row.read) << row.header;
}

TEST(RegistryChallenge, IsBounded) {
  std::string many, wide = "Bearer ";
  for (int i = 0; i < 1000; ++i) many += "Basic, ";
  for (int i = 0; i < 1000; ++i) wide += "a" + std::to_string(i) + "=b,";
  EXPECT_EQ(parse_challenges(many).size(), 16U);
  EXPECT_TRUE(parse_challenges(wide).empty());
}

TEST(RegistryHeader, RangesAreReadStrictly) {
  const auto good = parse_content_range("bytes 5-9/10");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->first, 5U);
  EXPECT_EQ(good->last, 9U);
  EXPECT_EQ(good->total, 10U);
  EXPECT_FALSE(parse_content_range("bytes 5-9/*")->total);
  for (const char* bad :
       {"", "bytes", "bytes 9-5/10", "bytes 5-9/9", "bytes */10", "bytes 5-/10", "bytes -5/10",
        "items 0-1/2", "bytes 5-9/10x", "bytes 99999999999999999999-9/10", "bytes 5 9/10"}) {
    EXPECT_FALSE(parse_content_range(bad)) << bad;
  }
  EXPECT_EQ(parse_upload_range("0-9"), 10U);
  EXPECT_EQ(parse_upload_range("bytes=0-9"), 10U);
  EXPECT_EQ(parse_upload_range("0-0"), 0U);
  for (const char* bad : {"", "-", "1-9", "0", "0-", "0--1", "a-b"})
    EXPECT_FALSE(parse_upload_range(bad)) << bad;
}

TEST(RegistryHeader, LinksToTheNextPageAreFound) {
  EXPECT_EQ(parse_next_link("</v2/a?n=1>; rel=\"next\""), "/v2/a?n=1");
  EXPECT_EQ(parse_next_link("<a>; rel=prev, <b,c>; title=x; REL=Next"), "b,c");
  EXPECT_EQ(parse_next_link("<a>; rel=\"last next\""), "a");
  for (const char* none :
       {"", "<a>", "<a>; rel=prev", "a; rel=next", "<a; rel=next", "<a>; rel=nextish"}) {
    EXPECT_FALSE(parse_next_link(none)) << none;
  }
}

TEST(RegistryHeader, RetryAfterIsSecondsOrADate) {
  const WallTime now =
      std::chrono::system_clock::from_time_t(784111777);  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(parse_retry_after("120", now), Millis(120'000));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), Millis(10'000));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:27 GMT", now), Millis(0)) << "in the past";
  for (const char* bad : {"", "-1", "soon", "1.5", "99999999999999999999"})
    EXPECT_FALSE(parse_retry_after(bad, now)) << bad;
}

TEST(RegistryHeader, OnlyWarnings299WithTextAreShown) {
  EXPECT_EQ(parse_warning("299 - \"old \\\"tag\\\"\""), "old \"tag\"");
  for (const char* none : {"", "199 - \"x\"", "299", "299 -", "299 - x", "299 - \"open"})
    EXPECT_FALSE(parse_warning(none)) << none;
}

Address must_parse(const char* text) {
  const auto address = Address::parse(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(Address());
}

TEST(RegistryAddress, RangesHoldEveryFormOfAnAddress) {
  EXPECT_TRUE(must_parse("10.1.2.3").within("10.0.0.0/8"));
  EXPECT_TRUE(must_parse("::ffff:10.1.2.3").within("10.0.0.0/8"));
  EXPECT_FALSE(must_parse("11.1.2.3").within("10.0.0.0/8"));
  EXPECT_TRUE(must_parse("10.1.2.3").within("10.1.2.3"));
  EXPECT_TRUE(must_parse("fe80::1").within("fe80::/10"));
  EXPECT_FALSE(must_parse("fec0::1").within("fe80::/10"));
  for (const char* bad : {"10.0.0.0/33", "x/8", "10.0.0.0/", "/8", "10.0.0.0/-1", ""})
    EXPECT_FALSE(must_parse("10.1.2.3").within(bad)) << bad;
}

using Schemes = Endpoint::Schemes;

TEST(RegistryEndpoint, TheHubIsAtItsOwnHost) {
  for (const char* name : {"docker.io", "index.docker.io", "registry-1.docker.io"}) {
    const auto places = must(find_endpoints(name, {}));
    ASSERT_EQ(places.size(), 1U);
    EXPECT_EQ(places[0]->at("library/alpine/tags/list", "", false).str(),
              "https://registry-1.docker.io/v2/library/alpine/tags/list");
    EXPECT_EQ(places[0]->account, "docker.io");
    EXPECT_TRUE(places[0]->public_host());
  }
}

TEST(RegistryEndpoint, PlainHttpIsForLoopbackAndTheListAlone) {
  RegistryOptions options;
  options.certificate_directories = {};
  options.insecure = {"listed.example", "port.example:5000", "10.0.0.0/8"};
  struct Case {
    const char* registry;
    Schemes schemes;
    bool verify;
  };
  constexpr Case kCases[] = {{"r.example", Schemes::kHttps, true},
                             {"r.example:5000", Schemes::kHttps, true},
                             {"127.0.0.1:5000", Schemes::kHttpThenHttps, true},
                             {"localhost", Schemes::kHttpThenHttps, true},
                             {"[::1]:5000", Schemes::kHttpThenHttps, true},
                             {"listed.example:1234", Schemes::kHttpsThenHttp, false},
                             {"port.example:5000", Schemes::kHttpsThenHttp, false},
                             {"port.example:5001", Schemes::kHttps, true},
                             {"10.9.8.7:5000", Schemes::kHttpsThenHttp, false},
                             {"11.9.8.7:5000", Schemes::kHttps, true},
                             {"127.evil.example", Schemes::kHttps, true},
                             {"localhost.evil.example", Schemes::kHttps, true}};
  for (const Case& row : kCases) {
    const auto places = must(find_endpoints(row.registry, options));
    EXPECT_EQ(places.back()->schemes, row.schemes) << row.registry;
    EXPECT_EQ(places.back()->tls->verify, row.verify) << row.registry;
  }
}

TEST(RegistryEndpoint, SecondSchemeHasItsOwnDefaultPort) {
  const auto local = must(find_endpoints("localhost", {}));
  EXPECT_EQ(local[0]->url(false).str(), "http://localhost");
  EXPECT_EQ(local[0]->url(true).port, 443);
  const auto port = must(find_endpoints("localhost:5000", {}));
  EXPECT_EQ(port[0]->url(true).origin(), "https://localhost:5000");
}

TEST(RegistryEndpoint, CertificatesAreDockersLayoutInTheFirstDirectoryThatHasTheHost) {
  const Scratch scratch;
  const auto write = [&](const std::string& name, const std::string& text) {
    must(make_dirs(scratch.path(name.substr(0, name.rfind('/'))), 0755));
    must(write_file_atomic(scratch.path(name), text, 0600));
  };
  write("two/r.example:5000/ca.crt", "AUTHORITY\n");
  write("two/r.example:5000/other.crt", "OTHER\n");
  write("two/r.example:5000/client.cert", "c");
  write("two/r.example:5000/client.key", "k");
  write("three/r.example:5000/ca.crt", "not this");
  RegistryOptions options;
  options.certificate_directories = {scratch.path("one"), scratch.path("two"),
                                     scratch.path("three")};
  const auto places = must(find_endpoints("r.example:5000", options));
  const TlsSettings& tls = *places[0]->tls;
  EXPECT_EQ(tls.extra_authorities, "AUTHORITY\n\nOTHER\n\n");
  EXPECT_EQ(tls.certificate_file, scratch.path("two/r.example:5000/client.cert"));
  EXPECT_EQ(tls.key_file, scratch.path("two/r.example:5000/client.key"));
  EXPECT_EQ(places[0]->foreign_tls->certificate_file, "") << "ours is for this host alone";
  EXPECT_EQ(places[0]->foreign_tls->extra_authorities, tls.extra_authorities);
  write("one/bad.example/client.cert", "c");
  EXPECT_NE(error_text(find_endpoints("bad.example", options)).find("no key"), std::string::npos);
  write("one/worse.example/client.key", "k");
  EXPECT_NE(error_text(find_endpoints("worse.example", options)).find("no client certificate"),
            std::string::npos);
  write("one/127.0.0.1:5000/ca.crt", "x");
  EXPECT_EQ(must(find_endpoints("127.0.0.1:5000", options))[0]->schemes, Schemes::kHttps);
}

TEST(RegistryEndpoint, MirrorsComeFirstAndAreHttpsUnlessLoopbackOrListed) {
  RegistryOptions options;
  options.mirrors["docker.io"] = {"https://mirror.example/hub/", "http://127.0.0.1:5000",
                                  "bare.example"};
  const auto places = must(find_endpoints("docker.io", options));
  ASSERT_EQ(places.size(), 4U);
  EXPECT_EQ(places[0]->at("a/tags/list", "n=1", false).str(),
            "https://mirror.example/hub/v2/a/tags/list?n=1&ns=docker.io");
  EXPECT_EQ(places[0]->account, "mirror.example");
  EXPECT_EQ(places[1]->schemes, Schemes::kHttp);
  EXPECT_EQ(places[2]->base.host, "bare.example");
  EXPECT_FALSE(places[3]->mirror);
  options.mirrors["docker.io"] = {"http://mirror.example"};
  EXPECT_NE(error_text(find_endpoints("docker.io", options)).find("plain http needs"),
            std::string::npos);
}

TEST(RegistryProxy, OfTheEnvironmentIsUsedButNotForLoopback) {
  FakeRegistry fake;  // as a proxy: it is sent the whole URL
  fake.put_manifest("app", "1", kOciManifest, "{}");
  ClientWorld world;
  world.options.insecure = {"r.example"};
  world.options.attempts = 1;
  ::setenv("http_proxy", fake.server().url().c_str(), 1);
  ::setenv("no_proxy", "direct.example", 1);
  const auto client = world.open();
  // https through this proxy fails (it knows no CONNECT), and the listed host falls back to http.
  const auto proxied = client->manifest(reference("r.example/app:1"), CancelToken());
  const std::size_t seen = fake.server().count();
  must(client->manifest(reference(fake.host() + "/app:1"), CancelToken()));
  ::unsetenv("http_proxy");
  ::unsetenv("no_proxy");
  ASSERT_TRUE(proxied) << proxied.error().text();
  ASSERT_GE(seen, 1U);
  EXPECT_EQ(fake.server().requests()[seen - 1].header("x-absolute-form"),
            "http://r.example/v2/app/manifests/1");
  EXPECT_EQ(fake.server().requests().back().header("x-absolute-form"), "");
}

}  // namespace
}  // namespace slipway::testing
