// The proxy over real sockets, on a machine whose only way out is its loopback: what is refused, what a refusal says,
// and the door to a fixed place. Connections that succeed through the proxy's door: tests/isolation/test_egress.py,
// which makes a network for it.
#include "services/provisioning/egress/proxy.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "services/provisioning/egress/http_request.h"

namespace stratus::provisioning::egress {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr int kWaitMs = 60'000;  // only bounds a failure

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }

  int fd() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }
  void Send(const std::string& bytes) const {
    EXPECT_EQ(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void EndSending() const { shutdown(fd_, SHUT_WR); }
  // Up to the end, or to `bytes_max`.
  std::string Receive(size_t bytes_max = SIZE_MAX) const {
    std::string text;
    char block[65536];
    for (pollfd wait = {fd_, POLLIN, 0}; text.size() < bytes_max && poll(&wait, 1, kWaitMs) == 1;) {
      const ssize_t got = recv(fd_, block, std::min(sizeof(block), bytes_max - text.size()), 0);
      if (got <= 0) return text;
      text.append(block, static_cast<size_t>(got));
    }
    EXPECT_GE(text.size(), bytes_max) << "nothing more came";
    return text;
  }
  Socket Accept() const { return Socket(accept(fd_, nullptr, nullptr)); }

 private:
  int fd_;
};

Socket ListenTcp(uint16_t* port) {
  Socket listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(listener.fd(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(listener.fd(), 16), 0);
  EXPECT_EQ(getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  *port = ntohs(address.sin_port);
  return listener;
}

class ProxyTest : public testing::Test {
 protected:
  ProxyTest() {
    char folder[] = "/tmp/stratus-egress-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~ProxyTest() override {
    context_.stop();
    if (thread_.joinable()) thread_.join();
    proxy_.reset();
    close(journal_fd_);
    for (const std::string& path : paths_) unlink(path.c_str());
    rmdir(folder_.c_str());
  }

  // `names` is what the resolver knows.
  void Start(const std::string& policy, std::map<std::string, std::vector<const char*>> names = {},
             Limits limits = {}) {
    const auto read = ParsePolicy(policy);
    ASSERT_TRUE(read) << policy;
    const Resolve resolve = [this, names](const std::string& host, const Resolved& done) {
      std::vector<Address> addresses;
      if (const auto at = names.find(host); at != names.end()) {
        for (const char* address : at->second) addresses.push_back(*ParseAddress(address));
      }
      boost::asio::post(context_, [done, addresses] { done(addresses); });
    };
    proxy_ = std::make_unique<Proxy>(&context_, *read, resolve, &journal_, limits);
    for (const Door& door : read->doors) proxy_->Serve(ListenAt(paths_.size()), door);
    thread_ = std::thread([this] { context_.run(); });
  }

  Socket Connect(size_t door = 0) const {
    Socket client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    paths_[door].copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(connect(client.fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return client;
  }

  std::string Ask(const std::string& request) const {
    const Socket client = Connect();
    client.Send(request);
    return client.Receive();
  }
  std::string AskFor(const std::string& authority) const {
    return Ask("CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n");
  }

  std::string JournalText() const {
    std::string text(1 << 16, '\0');
    text.resize(static_cast<size_t>(pread(journal_fd_, text.data(), text.size(), 0)));
    return text;
  }

 private:
  int ListenAt(size_t number) {
    paths_.push_back(folder_ + "/" + std::to_string(number));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    paths_.back().copy(address.sun_path, sizeof(address.sun_path) - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd, 128), 0);
    return fd;
  }

  std::string folder_;
  std::vector<std::string> paths_;
  const int journal_fd_ = memfd_create("journal", MFD_CLOEXEC);
  Journal journal_{journal_fd_};
  boost::asio::io_context context_;
  std::unique_ptr<Proxy> proxy_;
  std::thread thread_;
};

TEST_F(ProxyTest, RefusesHostsThatAreNotListed) {
  Start("door proxy\nallow api.example.com\n");
  EXPECT_THAT(AskFor("other.example.com:443"),
              StartsWith("HTTP/1.1 403 Stratus refused other.example.com:443: not on this run's list of hosts "
                         "(--egress-allow)\r\n"));
  EXPECT_THAT(AskFor("api.example.com:22"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(Ask("GET http://other.example.com/ HTTP/1.1\r\nHost: api.example.com\r\n\r\n"),
              StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(JournalText(),
            "host count=1 target=other.example.com:443\nhost count=1 target=api.example.com:22\n"
            "host count=1 target=other.example.com:80\n");
}

TEST_F(ProxyTest, RefusesNamesThatResolveToWhatNobodyMayReach) {
  Start("door proxy\nallow *\n", {{"loop.example.com", {"127.0.0.1"}},
                                  {"six.example.com", {"::1"}},
                                  {"mapped.example.com", {"::ffff:127.0.0.1"}},
                                  {"meta.example.com", {"169.254.169.254", "fd00:ec2::254"}},
                                  {"db.example.com", {"10.0.0.5"}}});
  for (const char* host : {"loop.example.com", "six.example.com", "mapped.example.com", "meta.example.com"}) {
    EXPECT_THAT(AskFor(std::string(host) + ":443"), HasSubstr("address, which no setting opens\r\n")) << host;
  }
  EXPECT_THAT(AskFor("db.example.com:443"),
              StartsWith("HTTP/1.1 403 Stratus refused db.example.com:443: 10.0.0.5 is a private address "
                         "(--egress-network)\r\n"));
  EXPECT_THAT(JournalText(),
              HasSubstr("address count=1 target=loop.example.com:443 address=127.0.0.1 class=loopback\n"));
}

TEST_F(ProxyTest, RefusesLiteralsWhoeverListedThem) {
  Start(
      "door proxy\nallow 127.0.0.1\nallow [::1]\nallow [::ffff:127.0.0.1]\nallow 169.254.169.254\nnetwork 0.0.0.0/0\n");
  for (const char* authority :
       {"127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "[::ffff:7f00:1]:443", "169.254.169.254:80"}) {
    EXPECT_THAT(AskFor(authority), HasSubstr("which no setting opens")) << authority;
  }
}

TEST_F(ProxyTest, RefusesTheMachinesOwnAddresses) {
  const auto own = HostAddresses();
  ASSERT_TRUE(own);
  for (const Address& address : *own) {
    if (Classify(address) != AddressClass::kPrivate && Classify(address) != AddressClass::kPublic) continue;
    const Target target = {ToText(address), 443};
    Start("door proxy\nallow " + ToText(target) + "\nnetwork 0.0.0.0/0\nnetwork ::/0\n");
    EXPECT_THAT(AskFor(ToText(target)), HasSubstr("is a host address"));
    return;
  }
  GTEST_SKIP() << "this machine has a loopback only";
}

TEST_F(ProxyTest, SaysWhatCannotBeResolved) {
  Start("door proxy\nallow *\n");
  EXPECT_THAT(AskFor("no.example.com:443"), StartsWith("HTTP/1.1 502 Stratus found no address of no.example.com\r\n"));
  EXPECT_EQ(JournalText(), "unresolved count=1 target=no.example.com:443\n");
}

TEST_F(ProxyTest, AnswersWhatIsNoRequestOfAProxy) {
  Start("door proxy\nallow *\n");
  for (const char* request :
       {"GET / HTTP/1.1\r\nHost: a.com\r\n\r\n", "CONNECT / HTTP/1.1\r\n\r\n", "CONNECT a.com HTTP/1.1\r\n\r\n",
        "GET https://a.com/ HTTP/1.1\r\n\r\n", "GET http://user@a.com/ HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n",
        "GET http://2130706433/ HTTP/1.1\r\n\r\n", "CONNECT 127.1:80 HTTP/1.1\r\n\r\n",
        "GET ftp://a.com/ HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"}) {
    EXPECT_THAT(Ask(request), StartsWith("HTTP/1.1 400 ")) << request;
  }
  EXPECT_THAT(Ask("GET http://a.com/ HTTP/1.1\r\nX: " + std::string(20 << 10, 'x')), StartsWith("HTTP/1.1 400 "));
}

TEST_F(ProxyTest, EndsAHeadThatNeverEnds) {
  Limits limits;
  limits.head_max = std::chrono::milliseconds(50);
  Start("door proxy\nallow *\n", {}, limits);
  const Socket client = Connect();
  client.Send("CONNECT a.com:443 HTTP/1.1\r\n");
  EXPECT_EQ(client.Receive(), "");
}

TEST_F(ProxyTest, RefusesConnectionsPastTheLimitAndTakesThemAgain) {
  Limits limits;
  limits.connections_max = 2;
  Start("door proxy\nallow a.com\n", {}, limits);
  {
    const Socket one = Connect();
    const Socket two = Connect();
    EXPECT_THAT(Connect().Receive(), StartsWith("HTTP/1.1 503 Stratus: this run has too many connections open\r\n"));
  }
  std::string answer;
  while (answer.empty() || answer.starts_with("HTTP/1.1 503")) answer = AskFor("b.com:443");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(JournalText(), StartsWith("too_many count=1\n"));
}

TEST_F(ProxyTest, ADoorToAFixedPlaceLeadsThereAndNowhereElse) {
  uint16_t port = 0;
  const Socket server = ListenTcp(&port);
  Start("door proxy\ndoor forward 127.0.0.1:" + std::to_string(port) + "\n");
  const Socket client = Connect(1);
  client.Send("CONNECT 169.254.169.254:80 HTTP/1.1\r\n\r\n");
  const Socket there = server.Accept();
  EXPECT_EQ(there.Receive(10), "CONNECT 16");  // bytes, nothing more
  there.Send("hello");
  EXPECT_EQ(client.Receive(5), "hello");
  EXPECT_THAT(AskFor("127.0.0.1:" + std::to_string(port)), StartsWith("HTTP/1.1 403 "));
}

TEST_F(ProxyTest, EachSideMayEndSendingFirst) {
  uint16_t port = 0;
  const Socket server = ListenTcp(&port);
  Start("door forward 127.0.0.1:" + std::to_string(port) + "\n");
  const Socket client = Connect();
  const Socket there = server.Accept();
  client.Send("question");
  client.EndSending();
  EXPECT_EQ(there.Receive(), "question");
  there.Send("answer");
  there.EndSending();
  EXPECT_EQ(client.Receive(), "answer");
}

TEST_F(ProxyTest, CarriesMoreThanItsBuffersHold) {
  uint16_t port = 0;
  const Socket server = ListenTcp(&port);
  Start("door forward 127.0.0.1:" + std::to_string(port) + "\n");
  const Socket client = Connect();
  const Socket there = server.Accept();
  std::string sent(4 << 20, '\0');
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 >> 3);
  std::thread sender([&] {
    client.Send(sent);
    client.EndSending();
  });
  EXPECT_TRUE(there.Receive() == sent);
  sender.join();
}

TEST_F(ProxyTest, EndsConnectionsThatAreIdle) {
  uint16_t port = 0;
  const Socket server = ListenTcp(&port);
  Limits limits;
  limits.idle_max = std::chrono::milliseconds(50);
  Start("door forward 127.0.0.1:" + std::to_string(port) + "\n", {}, limits);
  const Socket client = Connect();
  const Socket there = server.Accept();
  EXPECT_EQ(client.Receive(), "");
  EXPECT_EQ(there.Receive(), "");
}

TEST_F(ProxyTest, AFixedPlaceThatDoesNotAnswerEndsTheConnection) {
  uint16_t port = 0;
  { const Socket gone = ListenTcp(&port); }
  Start("door forward 127.0.0.1:" + std::to_string(port) + "\n");
  EXPECT_EQ(Connect().Receive(), "");
  EXPECT_THAT(JournalText(), StartsWith("unreachable count=1 target=127.0.0.1:"));
}

TEST(HttpUrl, IsTakenApart) {
  const auto url = ParseHttpUrl("HTTP://A.com:8080/x?y=z");
  ASSERT_TRUE(url);
  EXPECT_EQ(ToText(url->target), "a.com:8080");
  EXPECT_EQ(url->path, "/x?y=z");
  EXPECT_EQ(ParseHttpUrl("http://a.com?q")->path, "/?q");
  EXPECT_EQ(ToText(ParseHttpUrl("http://[::1]")->target), "[::1]:80");
  for (const char* bad :
       {"", "http://", "http:///x", "https://a.com/", "http://a.com/#x", "http://a@b.com/", "//a.com/"}) {
    EXPECT_FALSE(ParseHttpUrl(bad)) << bad;
  }
}

TEST(OriginHead, HasNothingThatIsMeantForTheProxy) {
  boost::beast::http::request<boost::beast::http::empty_body> request;
  request.method(boost::beast::http::verb::post);
  request.set("Host", "other.com");
  request.set("Proxy-Authorization", "Basic x");
  request.set("Connection", "keep-alive, X-Hop");
  request.set("X-Hop", "1");
  request.set("Upgrade", "h2c");
  request.set("Content-Length", "3");
  EXPECT_EQ(OriginHead(request, {"a.com", 8080}, "/x"),
            "POST /x HTTP/1.1\r\nHost: a.com:8080\r\nConnection: close\r\nContent-Length: 3\r\n\r\n");
}

TEST(RefusalText, CannotBeBrokenIntoLines) {
  EXPECT_THAT(RefusalText(403, "a\r\nSet-Cookie: b\xc3"), StartsWith("HTTP/1.1 403 a??Set-Cookie: b?\r\n"));
}

}  // namespace
}  // namespace stratus::provisioning::egress
