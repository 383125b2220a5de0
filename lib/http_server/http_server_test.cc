#include "lib/http_server/http_server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "lib/core/random.h"

namespace stratus::http_server {
namespace {

core::Address Loopback() { return *core::ParseAddress("127.0.0.1:0"); }

// A bare socket, so that the bytes on the wire are seen as they are.
class RawClient {
 public:
  explicit RawClient(const std::string& address) {
    const auto parsed = core::ParseAddress(address);
    if (parsed->is_unix()) {
      sockaddr_un to{};
      to.sun_family = AF_UNIX;
      parsed->unix_path.copy(to.sun_path, sizeof(to.sun_path) - 1);
      Connect(reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    } else {
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(parsed->port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      Connect(reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    }
  }
  ~RawClient() { close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(sent);
    }
  }

  std::string ReadUntil(std::string_view end) {
    while (received_.find(end) == std::string::npos && Receive()) continue;
    return received_;
  }

  std::string ReadUntilClosed() {
    while (Receive()) continue;
    return received_;
  }

 private:
  void Connect(const sockaddr* to, socklen_t size) {
    fd_ = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(fd_, to, size), 0);
  }

  bool Receive() {
    char block[4096];
    const ssize_t count = recv(fd_, block, sizeof(block), 0);
    if (count <= 0) return false;
    received_.append(block, count);
    return true;
  }

  int fd_ = -1;
  std::string received_;
};

std::unique_ptr<Server> StartServer(Handler handler, Options options = {}) {
  auto server = Server::Start(Loopback(), std::move(handler), options);
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

std::string Exchange(const Server& server, std::string_view request) {
  RawClient client(server.address());
  client.Send(request);
  return client.ReadUntilClosed();
}

TEST(HttpServer, GivesTheHandlerTheDecodedRequest) {
  Request seen;
  const auto server = StartServer([&](const Request& request) {
    seen = request;
    return Response{.status = 201, .headers = {{"x-test", "1"}}, .body = "made"};
  });
  const std::string reply = Exchange(*server,
                                     "POST /a%20b?x=1%2B1&y=H%C3%A0+N&x=2 HTTP/1.1\r\nHost: h\r\nX-UPPER: Value\r\n"
                                     "Content-Length: 4\r\nConnection: close\r\n\r\nbody");
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/a b");
  EXPECT_EQ(seen.query, "x=1%2B1&y=H%C3%A0+N&x=2");
  EXPECT_EQ(seen.Parameter("x"), "1+1");
  EXPECT_EQ(seen.Parameter("y"), "Hà N");
  EXPECT_EQ(seen.Parameter("z"), "");
  EXPECT_EQ(seen.Header("x-upper"), "Value");
  EXPECT_EQ(seen.body, "body");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 201 Created\r\n")) << reply;
  EXPECT_NE(reply.find("x-test: 1\r\n"), std::string::npos) << reply;
  EXPECT_TRUE(reply.ends_with("\r\n\r\nmade")) << reply;
}

TEST(HttpServer, AnswersSeveralRequestsOnOneConnection) {
  const auto server = StartServer([](const Request& request) { return Response{.body = request.path + "!"}; });
  RawClient client(server->address());
  client.Send("GET /one HTTP/1.1\r\nHost: h\r\n\r\nGET /two HTTP/1.1\r\nHost: h\r\n\r\n");
  client.ReadUntil("/one!");
  client.ReadUntil("/two!");
  client.Send("GET /three HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(client.ReadUntilClosed().ends_with("/three!"));
}

TEST(HttpServer, AnswersHeadWithTheLengthAndNoBody) {
  const auto server = StartServer([](const Request&) { return Response{.body = "12345"}; });
  const std::string reply = Exchange(*server, "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_NE(reply.find("Content-Length: 5\r\n"), std::string::npos) << reply;
  EXPECT_TRUE(reply.ends_with("\r\n\r\n")) << reply;
}

TEST(HttpServer, SendsContinueToAClientThatWaitsForIt) {
  const auto server = StartServer([](const Request& request) { return Response{.body = request.body}; });
  RawClient client(server->address());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(client.ReadUntil("\r\n\r\n").starts_with("HTTP/1.1 100 Continue\r\n"));
  client.Send("ok");
  EXPECT_TRUE(client.ReadUntilClosed().ends_with("ok"));
}

TEST(HttpServer, RefusesWhatIsTooLargeOrMalformed) {
  std::atomic<int> entered = 0;
  const auto server = StartServer(
      [&](const Request&) {
        ++entered;
        return Response{};
      },
      {.body_bytes_max = 10});
  EXPECT_TRUE(Exchange(*server, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n01234567890")
                  .starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(Exchange(*server, "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n")
                  .starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(Exchange(*server, "certainly not http\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(Exchange(*server, "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_EQ(entered, 0);
}

TEST(HttpServer, TellsAnUploaderThatItsBodyIsTooLargeWhileItStillSends) {
  const auto server = StartServer([](const Request&) { return Response{}; }, {.body_bytes_max = 10});
  RawClient client(server->address());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'x'));
  EXPECT_TRUE(client.ReadUntil("\r\n\r\n").starts_with("HTTP/1.1 413 "));
}

TEST(HttpServer, CutsAReplyAfterTheBytesAskedFor) {
  const auto server = StartServer([](const Request&) { return Response{.body = "0123456789", .cut_after_bytes = 3}; });
  const std::string reply = Exchange(*server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(reply.find("Content-Length: 10\r\n"), std::string::npos) << reply;
  EXPECT_TRUE(reply.ends_with("\r\n\r\n012")) << reply;
}

TEST(HttpServer, HangsUpWithoutAWordWhenAsked) {
  const auto server = StartServer([](const Request&) { return Response{.body = "0123456789", .hang_up = true}; });
  EXPECT_EQ(Exchange(*server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), "");
}

TEST(HttpServer, AnswersOthersWhileOneReplyIsDelayed) {
  const auto server = StartServer(
      [](const Request& request) {
        return request.path == "/slow" ? Response{.delay = absl::Hours(1)} : Response{.body = "quick"};
      },
      {.threads = 1});
  RawClient slow(server->address());
  slow.Send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(Exchange(*server, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").ends_with("quick"));
}

TEST(HttpServer, TurnsAThrowingHandlerAndALineBreakInAHeaderInto500) {
  const auto server = StartServer([](const Request& request) -> Response {
    if (request.path == "/throw") throw std::runtime_error("boom");
    return Response{.headers = {{"x", "a\r\nset-cookie: b"}}};
  });
  for (const char* path : {"/throw", "/split"}) {
    const std::string reply =
        Exchange(*server, std::string("GET ") + path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(reply.starts_with("HTTP/1.1 500 ")) << reply;
    EXPECT_EQ(reply.find("set-cookie"), std::string::npos) << reply;
  }
}

TEST(HttpServer, ClosesConnectionsOverTheLimitAndServesAgainOnceOneHasGone) {
  const auto server = StartServer([](const Request&) { return Response{.body = "served"}; }, {.connections_max = 1});
  constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  {
    RawClient first(server->address());
    first.Send(kRequest);
    EXPECT_TRUE(first.ReadUntil("served").ends_with("served"));
    EXPECT_EQ(RawClient(server->address()).ReadUntilClosed(), "");
  }
  std::string reply;
  while (reply.empty()) {  // until the server has noticed that the first one left
    RawClient next(server->address());
    next.Send(kRequest);
    reply = next.ReadUntil("served");
  }
  EXPECT_TRUE(reply.ends_with("served"));
}

TEST(HttpServer, ClosesIdleConnections) {
  const auto server = StartServer([](const Request&) { return Response{}; }, {.idle_timeout = absl::Milliseconds(20)});
  EXPECT_EQ(RawClient(server->address()).ReadUntilClosed(), "");
}

TEST(HttpServer, NamesTheAddressAndTheReasonWhenItCannotListen) {
  const auto server = StartServer([](const Request&) { return Response{}; });
  const auto second = Server::Start(*core::ParseAddress(server->address()), [](const Request&) { return Response{}; });
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(second.status().message().find(server->address()), absl::string_view::npos) << second.status();
  EXPECT_NE(second.status().message().find("in use"), absl::string_view::npos) << second.status();
}

TEST(HttpServer, ListensOnAUnixSocketAndRemovesItsFile) {
  const std::string path = testing::TempDir() + "/http-" + core::RandomHex(4) + ".sock";
  const core::Address address = *core::ParseAddress("unix:" + path);
  {
    auto server = Server::Start(address, [](const Request&) { return Response{.body = "unix"}; });
    ASSERT_TRUE(server.ok()) << server.status();
    EXPECT_EQ((*server)->address(), "unix:" + path);
    EXPECT_TRUE(Exchange(**server, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").ends_with("unix"));
    EXPECT_FALSE(Server::Start(address, [](const Request&) { return Response{}; }).ok());
    EXPECT_EQ(access(path.c_str(), F_OK), 0) << "a refused second server removed the first one's socket";
  }
  EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST(HttpServer, StopsWhileRequestsAreUnderWay) {
  auto server = StartServer([](const Request&) { return Response{.delay = absl::Hours(1)}; });
  RawClient client(server->address());
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  server.reset();
  EXPECT_EQ(client.ReadUntilClosed(), "");
}

}  // namespace
}  // namespace stratus::http_server
