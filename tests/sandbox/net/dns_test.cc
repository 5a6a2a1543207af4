// The name server inside containers: what it answers itself, what it asks others, and what it never lets out.
#include "tests/sandbox/net/dns_client.h"

namespace slipway::sandbox::net {
namespace {

using Answers = std::vector<std::string>;

class NetDns : public NetworkTest {
 protected:
  /// Answers the next question at a fake resolver of the host with one address; the question, or "".
  static std::string answer_next(const Fd& resolver, const std::string& address) {
    pollfd wait{resolver.get(), POLLIN, 0};
    if (::poll(&wait, 1, 5000) != 1) return "";
    std::string question(4096, '\0');
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const ssize_t length = ::recvfrom(resolver.get(), question.data(), question.size(), 0,
                                      reinterpret_cast<sockaddr*>(&peer), &size);
    question.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    const auto query = parse_query(question);
    if (!query) return "";
    const std::string answer = answer_addresses(*query, {*Address::parse(address)}, 4096);
    ::sendto(resolver.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&peer),
             size);
    return question;
  }
  Box start_with_dns(const std::string& network, const std::string& server) {
    SessionRequest wanted = request(network, "asker");
    wanted.dns = {server};
    return start(wanted);
  }
};

TEST_F(NetDns, FindsContainersByNameAliasHostnameAndId) {
  create("front");
  SessionRequest wanted = request("front", "web");
  wanted.endpoints[0].aliases = {"service", "Www"};
  const Box web = start(wanted), asker = start("front", "asker");
  for (const std::string& name :
       {std::string("web"), std::string("WEB"), std::string("service"), std::string("www"),
        std::string("web-host"), web.id.substr(0, 12), std::string("web.front")}) {
    const DnsReply reply = ask(asker.space, name);
    EXPECT_EQ(reply.code, 0) << name;
    EXPECT_EQ(reply.answers, Answers{web.on().ipv4}) << name;
  }
}

TEST_F(NetDns, KnownNameWithoutSuchRecordIsNoDataAndUnknownNameDoesNotExist) {
  NetworkConfig config;
  config.name = "inner";
  config.internal = true;
  create(config);
  const Box web = start("inner", "web"), asker = start("inner", "asker");
  const DnsReply no_data = ask(asker.space, "web", kTypeAaaa);
  EXPECT_EQ(no_data.code, 0);
  EXPECT_TRUE(no_data.answers.empty());
  EXPECT_EQ(ask(asker.space, "web", 16).code, 0);
  EXPECT_EQ(ask(asker.space, "nobody").code, 3);
}

TEST_F(NetDns, IPv6AddressesAndReverseNamesAreAnswered) {
  NetworkConfig config;
  config.name = "six";
  config.ipv6 = true;
  create(config);
  const Box web = start("six", "web"), asker = start("six", "asker");
  EXPECT_EQ(ask(asker.space, "web", kTypeAaaa).answers, Answers{web.on().ipv6});
  std::string reverse;
  for (const std::string_view part : split(web.on().ipv4, '.'))
    reverse = std::string(part) + "." + reverse;
  EXPECT_EQ(ask(asker.space, reverse + "in-addr.arpa", kTypePtr).answers, Answers{"web.six"});
  EXPECT_EQ(
      ask(asker.space, "99.0" + reverse.substr(reverse.find('.') + 2) + "in-addr.arpa", kTypePtr)
          .code,
      3);
}

TEST_F(NetDns, ContainersOfOneAliasAreAllToldInTurn) {
  create("front");
  SessionRequest one = request("front", "one"), two = request("front", "two");
  one.endpoints[0].aliases = two.endpoints[0].aliases = {"pool"};
  const Box a = start(one), b = start(two), asker = start("front", "asker");
  const DnsReply first = ask(asker.space, "pool"), second = ask(asker.space, "pool");
  EXPECT_EQ(first.answers.size(), 2u);
  EXPECT_EQ(second.answers, (Answers{first.answers.at(1), first.answers.at(0)}));
}

TEST_F(NetDns, NamesFollowContainersThatComeAndGo) {
  create("front");
  create("back");
  const Box asker = start_with_dns("front", "127.0.0.1");
  const Fd resolver = serve(host_, "127.0.0.1", 53, SOCK_DGRAM);
  {
    const Box web = start("front", "web");
    EXPECT_EQ(ask(asker.space, "web").answers, Answers{web.on().ipv4});
  }
  const Box other = start("back", "other");
  ASSERT_TRUE(asker.session->connect({"back", {}, "", "", ""}));
  EXPECT_EQ(ask(asker.space, "other").answers, Answers{other.on().ipv4});
  ASSERT_TRUE(asker.session->disconnect("back"));
  std::thread answering([&] {
    for (const char* address : {"192.0.2.61", "192.0.2.62"}) answer_next(resolver, address);
  });
  EXPECT_EQ(ask(asker.space, "other").answers, Answers{"192.0.2.61"});
  EXPECT_EQ(ask(asker.space, "web").answers, Answers{"192.0.2.62"});
  answering.join();
}

TEST_F(NetDns, OtherNamesAreAskedOfResolversOnTheHostsLoopback) {
  create("front");
  const Box asker = start_with_dns("front", "127.0.0.1");
  const Fd resolver = serve(host_, "127.0.0.1", 53, SOCK_DGRAM);
  std::string question;
  std::thread answering([&] { question = answer_next(resolver, "198.51.100.5"); });
  const DnsReply reply = ask_udp(asker.space, dns_question("Example.COM", kTypeA, 4711, true));
  answering.join();
  EXPECT_EQ(reply.answers, Answers{"198.51.100.5"});
  EXPECT_EQ(reply.raw.substr(0, 2),
            std::string("\x12\x67"));  // 4711 again, whatever went upstream.
  const auto upstream = parse_query(question);
  ASSERT_TRUE(upstream);
  EXPECT_EQ(upstream->name, "example.com");
  EXPECT_TRUE(upstream->edns);
}

TEST_F(NetDns, ForgedAnswersAreIgnored) {
  create("front");
  const Box asker = start_with_dns("front", "127.0.0.1");
  const Fd resolver = serve(host_, "127.0.0.1", 53, SOCK_DGRAM);
  std::thread answering([&] {
    std::string question(4096, '\0');
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    auto* to = reinterpret_cast<sockaddr*>(&peer);
    const ssize_t length =
        ::recvfrom(resolver.get(), question.data(), question.size(), 0, to, &size);
    question.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    auto query = parse_query(question);
    const auto send = [&](const DnsQuery& about, const char* address, int from) {
      const std::string answer = answer_addresses(about, {*Address::parse(address)}, 4096);
      ::sendto(from, answer.data(), answer.size(), 0, to, size);
    };
    DnsQuery wrong_id = *query;
    wrong_id.id ^= 1;
    send(wrong_id, "192.0.2.66", resolver.get());
    DnsQuery wrong_name = *query;
    wrong_name.question[1] ^= 1;
    send(wrong_name, "192.0.2.67", resolver.get());
    const Fd stranger = serve(host_, "127.0.0.2", 53, SOCK_DGRAM);
    send(*query, "192.0.2.68", stranger.get());
    send(*query, "192.0.2.99", resolver.get());
  });
  EXPECT_EQ(ask(asker.space, "example.com").answers, Answers{"192.0.2.99"});
  answering.join();
}

TEST_F(NetDns, RefusingServerIsFollowedByTheNext) {
  create("front");
  SessionRequest wanted = request("front", "asker");
  wanted.dns = {"127.0.0.9", "127.0.0.1"};  // Nobody is at the first.
  const Box asker = start(wanted);
  const Fd resolver = serve(host_, "127.0.0.1", 53, SOCK_DGRAM);
  std::thread answering([&] { answer_next(resolver, "198.51.100.5"); });
  EXPECT_EQ(ask(asker.space, "example.com").answers, Answers{"198.51.100.5"});
  answering.join();
  SessionRequest alone = request("front", "alone");
  alone.dns = {"127.0.0.9"};
  EXPECT_EQ(ask(start(alone).space, "example.com").code, 2) << "server failure";
}

TEST_F(NetDns, InternalNetworkForwardsNothing) {
  NetworkConfig config;
  config.name = "inner";
  config.internal = true;
  create(config);
  const Box asker = start_with_dns("inner", "127.0.0.1");
  const Fd resolver = serve(host_, "127.0.0.1", 53, SOCK_DGRAM);
  EXPECT_EQ(ask(asker.space, "secret.example.com").code, 3);
  char byte;
  EXPECT_LT(::recv(resolver.get(), &byte, 1, MSG_DONTWAIT), 0);
}

TEST_F(NetDns, TcpAnswersSeveralQuestionsAndForwardsByTcp) {
  create("front");
  const Box web = start("front", "web");
  const Box asker = start_with_dns("front", "127.0.0.1");
  const Fd resolver = serve(host_, "127.0.0.1", 53);
  std::thread answering([&] {
    const Fd stream(::accept4(resolver.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const auto query = parse_query(read_framed(stream));
    ASSERT_TRUE(query);
    // More than any datagram takes.
    const std::vector<Address> many(2000, *Address::parse("198.51.100.5"));
    const std::string answer = framed(answer_addresses(*query, many, 65'535));
    EXPECT_EQ(::send(stream.get(), answer.data(), answer.size(), 0),
              static_cast<ssize_t>(answer.size()));
  });
  const Fd stream = reach(asker.space, "127.0.0.11", 53);
  ASSERT_TRUE(stream);
  const std::string questions = framed(dns_question("web", kTypeA)) +
                                framed(dns_question("example.com", kTypeA)) +
                                framed(dns_question("web", kTypeA));
  ASSERT_EQ(::send(stream.get(), questions.data(), questions.size(), 0),
            static_cast<ssize_t>(questions.size()));
  EXPECT_EQ(parse_reply(read_framed(stream)).answers, Answers{web.on().ipv4});
  EXPECT_EQ(parse_reply(read_framed(stream)).answers.size(), 2000u);
  EXPECT_EQ(parse_reply(read_framed(stream)).answers, Answers{web.on().ipv4});
  answering.join();
}

TEST_F(NetDns, MalformedQuestionsAreAnsweredOrDroppedAndTheServerLivesOn) {
  create("front");
  const Box web = start("front", "web");
  EXPECT_EQ(ask_udp(web.space, std::string("\0\1\1\0\0\2\0\0\0\0\0\0", 12)).code, 1);
  EXPECT_EQ(ask_udp(web.space, std::string("\0\1\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", 18)).code, 1)
      << "a name that points to itself";
  EXPECT_EQ(ask_udp(web.space, std::string("\0\1\x28\0\0\1\0\0\0\0\0\0", 12)).code, 4) << "update";
  EXPECT_FALSE(ask_udp(web.space, std::string("\0\1\x81\0", 4), kBlocked).came);
  EXPECT_EQ(ask(web.space, "web").answers, Answers{web.on().ipv4});
}

TEST_F(NetDns, ContainerMayRunItsOwnServerOnPort53) {
  create("front");
  const Box web = start("front", "web");
  const Fd udp = serve(web.space, "0.0.0.0", 53, SOCK_DGRAM), tcp = serve(web.space, "0.0.0.0", 53);
  EXPECT_EQ(ask(web.space, "web").answers, Answers{web.on().ipv4});
}

TEST_F(NetDns, DefaultNetworkHasNoNames) {
  const Box box = start("bridge");
  EXPECT_EQ(box.session->resolv_conf().find("ndots:0"), std::string::npos);
  EXPECT_FALSE(ask_udp(box.space, dns_question("box", kTypeA), kBlocked).came);
}

}  // namespace
}  // namespace slipway::sandbox::net
