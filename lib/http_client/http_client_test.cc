#include "lib/http_client/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <future>
#include <thread>

#include "absl/time/clock.h"
#include "lib/core/mutex.h"
#include "lib/core/status.h"
#include "lib/http_client/raw_server.h"
#include "lib/http_server/http_server.h"

namespace stratus::http_client {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

std::unique_ptr<http_server::Server> StartServer(http_server::Handler handler) {
  auto server = http_server::Server::Start(*core::ParseAddress("127.0.0.1:0"), std::move(handler), {.threads = 4});
  EXPECT_TRUE(server.ok()) << server.status();
  return *std::move(server);
}

std::string UrlOf(const http_server::Server& server, std::string_view target = "/") {
  return "http://" + server.address() + std::string(target);
}

// Quick retries, so that tests need not wait.
Options Quick() { return {.backoff_base = absl::Milliseconds(1), .backoff_max = absl::Milliseconds(5)}; }

using Replies = std::deque<http_server::Response>;

// Answers what was queued, in order, then 200.
class Scripted {
 public:
  explicit Scripted(Replies replies) : replies_(std::move(replies)) {}

  http_server::Response operator()(const http_server::Request&) {
    core::MutexLock lock(*mutex_);
    ++*asked_;
    if (replies_.empty()) return {.body = "fine"};
    auto reply = std::move(replies_.front());
    replies_.pop_front();
    return reply;
  }
  std::shared_ptr<std::atomic<int>> asked() const { return asked_; }

 private:
  std::shared_ptr<core::Mutex> mutex_ = std::make_shared<core::Mutex>();
  Replies replies_;
  std::shared_ptr<std::atomic<int>> asked_ = std::make_shared<std::atomic<int>>(0);
};

// A port that nobody listens on.
std::string RefusedUrl() {
  const RawServer gone([](int) {});
  return "http://" + gone.address() + "/";
}

TEST(HttpClient, SendsTheRequestAsGivenAndReadsTheReply) {
  http_server::Request seen;
  const auto server = StartServer([&](const http_server::Request& request) {
    seen = request;
    return http_server::Response{.status = 418, .headers = {{"X-Answer", "  42 "}}, .body = "body"};
  });
  Client client;
  const auto reply = client.Fetch({.method = "PUT",
                                   .url = UrlOf(*server, "/a%20b?q=1"),
                                   .headers = {{"X-Test", "yes"}, {"X-Empty", ""}},
                                   .body = std::string("a\0b", 3)});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->status, 418);
  EXPECT_EQ(reply->Header("x-answer"), "42");
  EXPECT_EQ(reply->Header("x-missing"), "");
  EXPECT_EQ(reply->body, "body");
  EXPECT_EQ(reply->attempts, 1);
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.path, "/a b");
  EXPECT_EQ(seen.query, "q=1");
  EXPECT_EQ(seen.Header("x-test"), "yes");
  EXPECT_EQ(seen.Header("user-agent"), "stratus");
  EXPECT_EQ(seen.Header("content-type"), "") << "a content type that nobody chose";
  EXPECT_EQ(seen.Header("expect"), "");
  EXPECT_EQ(seen.body, std::string("a\0b", 3));
}

TEST(HttpClient, SendsEveryMethodWithItsBodyOrWithoutOne) {
  const auto server = StartServer([](const http_server::Request& request) {
    return http_server::Response{.body = request.method + ":" + request.body};
  });
  Client client;
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    const auto bare = client.Fetch({.method = method, .url = UrlOf(*server)});
    ASSERT_TRUE(bare.ok()) << bare.status();
    EXPECT_EQ(bare->body, std::string(method) + ":");
    const auto full = client.Fetch({.method = method, .url = UrlOf(*server), .body = "x"});
    ASSERT_TRUE(full.ok()) << full.status();
    EXPECT_EQ(full->body, std::string(method) + ":x");
  }
  const auto head = client.Fetch({.method = "HEAD", .url = UrlOf(*server)});
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->Header("content-length"), "5");
  EXPECT_EQ(head->body, "");
}

TEST(HttpClient, RefusesWhatItCannotSend) {
  Client client;
  for (const char* url : {"", "no scheme", "ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http://u:p@127.0.0.1/",
                          "http://127.0.0.1:99999/", "http://127.0.0.1/a b"}) {
    EXPECT_EQ(client.Fetch({.url = url}).status().code(), absl::StatusCode::kInvalidArgument) << url;
  }
  const std::string url = RefusedUrl();
  EXPECT_TRUE(absl::IsInvalidArgument(client.Fetch({.method = "GET /x", .url = url}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(client.Fetch({.url = url, .headers = {{"a b", "c"}}}).status()));
  const auto split = client.Fetch({.url = url, .headers = {{"x", "secret\r\nhost: other"}}});
  EXPECT_TRUE(absl::IsInvalidArgument(split.status())) << split.status();
  EXPECT_THAT(Message(split.status()), Not(HasSubstr("secret")));
}

TEST(HttpClient, ErrorsNameHostAndPathButNotTheQueryOrHeaders) {
  Client client(Quick());
  const auto reply = client.Fetch({.url = RefusedUrl() + "path?appid=secret", .headers = {{"authorization", "hush"}}});
  ASSERT_TRUE(absl::IsUnavailable(reply.status())) << reply.status();
  EXPECT_THAT(Message(reply.status()), HasSubstr("GET http://127.0.0.1:"));
  EXPECT_THAT(Message(reply.status()), HasSubstr("/path: cannot connect: Connection refused (3 attempts)"));
  EXPECT_THAT(Message(reply.status()), Not(HasSubstr("secret")));
  EXPECT_THAT(Message(reply.status()), Not(HasSubstr("hush")));
}

TEST(HttpClient, DoesNotFollowRedirects) {
  const auto server = StartServer([](const http_server::Request& request) {
    EXPECT_EQ(request.path, "/");
    return http_server::Response{.status = 302, .headers = {{"location", "/elsewhere"}}};
  });
  Client client;
  const auto reply = client.Fetch({.url = UrlOf(*server)});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->status, 302);
  EXPECT_EQ(reply->Header("location"), "/elsewhere");
}

TEST(HttpClient, IgnoresTheProxyOfTheEnvironment) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  const auto server = StartServer([](const http_server::Request&) { return http_server::Response{}; });
  Client client;
  EXPECT_TRUE(client.Fetch({.url = UrlOf(*server)}).ok());
  unsetenv("http_proxy");
}

TEST(HttpClient, ReusesItsConnection) {
  const RawServer server([](int fd) {
    while (ReadRequest(fd)) WriteAll(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  Client client;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client.Fetch({.url = "http://" + server.address() + "/"}).ok());
  EXPECT_EQ(server.connections(), 1);
  ASSERT_TRUE(client.Fetch({.url = "http://" + server.address() + "/", .idempotent = false}).ok());
  EXPECT_EQ(server.connections(), 2) << "what must not be sent twice went out on a kept connection";
}

TEST(HttpClient, KeepsToItsConnectionsPerHost) {
  std::atomic<int> at_once = 0;
  std::atomic<int> most = 0;
  const auto server = StartServer([&](const http_server::Request&) {
    const int now = ++at_once;
    int seen = most;
    while (seen < now && !most.compare_exchange_weak(seen, now)) continue;
    std::this_thread::yield();
    --at_once;
    return http_server::Response{};
  });
  Client client({.connections_per_host_max = 2});
  std::vector<std::future<absl::StatusOr<Response>>> replies;
  for (int i = 0; i < 40; ++i) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<Response>>>();
    replies.push_back(promise->get_future());
    client.Send({.url = UrlOf(*server)}, [promise](auto reply) { promise->set_value(std::move(reply)); });
  }
  for (auto& reply : replies) EXPECT_TRUE(reply.get().ok());
  EXPECT_LE(most, 2);
  EXPECT_EQ(client.stats().in_flight, 0u);
}

TEST(HttpClient, RetriesWhatAsksForIt) {
  for (const int status : {429, 502, 503, 504}) {
    Scripted script(Replies{{.status = status}, {.status = status}});
    const auto server = StartServer(script);
    Client client(Quick());
    const auto reply = client.Fetch({.url = UrlOf(*server)});
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->attempts, 3);
    EXPECT_EQ(client.stats().retries, 2u);
  }
}

TEST(HttpClient, GivesTheLastReplyWhenItsTriesAreUsedUp) {
  Scripted script(Replies{{.status = 503}, {.status = 503}, {.status = 503, .body = "the third"}});
  const auto server = StartServer(script);
  Client client(Quick());
  const auto reply = client.Fetch({.url = UrlOf(*server)});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->status, 503);
  EXPECT_EQ(reply->body, "the third");
  EXPECT_EQ(*script.asked(), 3);
}

TEST(HttpClient, DoesNotRetryOtherStatusesOrWhatMustNotComeTwice) {
  for (const int status : {400, 401, 404, 500, 501}) {
    Scripted script(Replies{{.status = status}});
    const auto server = StartServer(script);
    Client client(Quick());
    EXPECT_EQ(client.Fetch({.url = UrlOf(*server)})->status, status);
    EXPECT_EQ(*script.asked(), 1);
  }
  Scripted script(Replies{{.status = 503}});
  const auto server = StartServer(script);
  Client client(Quick());
  EXPECT_EQ(client.Fetch({.method = "POST", .url = UrlOf(*server), .idempotent = false})->status, 503);
  EXPECT_EQ(*script.asked(), 1);
}

TEST(HttpClient, HonoursRetryAfterWhereItFitsTheDeadlineAlone) {
  Scripted soon(Replies{{.status = 429, .headers = {{"retry-after", "0"}}}});
  const auto soon_server = StartServer(soon);
  // A back-off that would never fit: the retry can come only from Retry-After.
  Client client({.backoff_base = absl::Hours(1), .backoff_max = absl::Hours(1)});
  EXPECT_EQ(client.Fetch({.url = UrlOf(*soon_server)})->status, 200);

  Scripted late(Replies{{.status = 429, .headers = {{"retry-after", "3600"}}}});
  const auto late_server = StartServer(late);
  EXPECT_EQ(client.Fetch({.url = UrlOf(*late_server)})->status, 429);
  EXPECT_EQ(*late.asked(), 1);
}

TEST(HttpClient, RetriesACutConnectionAndGivesTheWholeReply) {
  Scripted script(Replies{{.body = "not all of it", .cut_after_bytes = 3}, {.body = "x", .cut_after_bytes = 0}});
  const auto server = StartServer(script);
  Client client(Quick());
  const auto reply = client.Fetch({.url = UrlOf(*server)});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body, "fine");
  EXPECT_EQ(reply->attempts, 3);
}

TEST(HttpClient, TheRetryBudgetKeepsAnOutageFromBeingMultiplied) {
  std::atomic<int> asked = 0;
  const auto server = StartServer([&](const http_server::Request&) {
    ++asked;
    return http_server::Response{.status = 503};
  });
  Options options = Quick();
  options.breaker_failures = 1'000'000;
  Client client(options);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.Fetch({.url = UrlOf(*server)})->status, 503);
  EXPECT_LE(asked, 100 + 10 + 20);
  EXPECT_GE(asked, 100 + 20);
}

TEST(HttpClient, TurnsGarbageCutsAndResetsIntoUnavailable) {
  for (const std::string_view reply :
       {"", "\x16\x03garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 "}) {
    const RawServer server([&](int fd) {
      if (ReadRequest(fd)) WriteAll(fd, reply);
    });
    Client client(Quick());
    const auto result = client.Fetch({.url = "http://" + server.address() + "/"});
    EXPECT_EQ(result.status().code(), absl::StatusCode::kUnavailable) << reply << ": " << result.status();
  }
}

TEST(HttpClient, StopsAReplyThatIsTooLarge) {
  const std::string big(5000, 'x');
  const auto server = StartServer([&](const http_server::Request&) { return http_server::Response{.body = big}; });
  Client client({.response_bytes_max = 4999});
  const auto reply = client.Fetch({.url = UrlOf(*server)});
  EXPECT_TRUE(absl::IsResourceExhausted(reply.status())) << reply.status();
  EXPECT_EQ(Client({.response_bytes_max = 5000}).Fetch({.url = UrlOf(*server)})->body, big);
}

TEST(HttpClient, StopsAReplyWithoutEndOfUnknownLength) {
  for (const std::string_view endless : {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nx: "}) {
    const RawServer server([&](int fd) {
      if (!ReadRequest(fd) || !WriteAll(fd, endless)) return;
      const std::string block = endless.ends_with("x: ") ? "a\r\nx: " : std::string(1000, 'x');
      while (WriteAll(fd, block)) continue;
    });
    Client client({.response_bytes_max = 100'000});
    const auto reply = client.Fetch({.url = "http://" + server.address() + "/"});
    EXPECT_TRUE(absl::IsResourceExhausted(reply.status())) << reply.status();
  }
}

TEST(HttpClient, EndsAtTheDeadlineWhereverTheTimeWent) {
  const RawServer silent([](int fd) { ReadUntilClosed(fd); });
  const RawServer dripping([](int fd) {
    if (!ReadRequest(fd)) return;
    WriteAll(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (WriteAll(fd, "x")) std::this_thread::yield();
  });
  Client client;
  for (const RawServer* server : {&silent, &dripping}) {
    const auto reply =
        client.Fetch({.url = "http://" + server->address() + "/", .deadline = absl::Now() + absl::Milliseconds(20)});
    EXPECT_TRUE(absl::IsDeadlineExceeded(reply.status())) << reply.status();
  }
  EXPECT_TRUE(absl::IsDeadlineExceeded(
      client.Fetch({.url = "http://" + silent.address() + "/", .deadline = absl::InfinitePast()}).status()));
  EXPECT_TRUE(absl::IsDeadlineExceeded(
      Client({.default_timeout = absl::Milliseconds(20)}).Fetch({.url = "http://" + silent.address() + "/"}).status()));
}

TEST(HttpClient, WaitingForAConnectionCountsAgainstTheDeadline) {
  const RawServer silent([](int fd) { ReadUntilClosed(fd); });
  Client client({.connections_per_host_max = 1});
  const auto cancel = client.Send({.url = "http://" + silent.address() + "/"}, [](auto) {});
  const auto second =
      client.Fetch({.url = "http://" + silent.address() + "/", .deadline = absl::Now() + absl::Milliseconds(20)});
  EXPECT_TRUE(absl::IsDeadlineExceeded(second.status())) << second.status();
  EXPECT_LE(silent.connections(), 1);
  cancel();
}

TEST(HttpClient, AnAttemptThatStallsIsTriedAgainWithinTheDeadline) {
  std::atomic<int> connections = 0;
  const RawServer server([&](int fd) {
    if (++connections == 1) return ReadUntilClosed(fd);
    if (ReadRequest(fd)) WriteAll(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  Options options = Quick();
  options.attempt_timeout = absl::Milliseconds(100);
  // On a busy machine more than the first may run out of its time.
  options.attempts_max = options.breaker_failures = 100;
  options.default_timeout = absl::Minutes(1);
  Client client(options);
  const auto reply = client.Fetch({.url = "http://" + server.address() + "/"});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_GE(reply->attempts, 2);
}

TEST(HttpClient, TheBreakerOpensAndRecovers) {
  std::atomic<bool> broken = true;
  std::atomic<int> asked = 0;
  const auto server = StartServer([&](const http_server::Request&) {
    ++asked;
    return http_server::Response{.status = broken ? 500 : 200};
  });
  Client client({.breaker_failures = 3, .breaker_open_for = absl::Milliseconds(20)});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Fetch({.url = UrlOf(*server)})->status, 500);
  EXPECT_EQ(client.stats().breakers_open, 1u);
  broken = false;
  absl::StatusOr<Response> reply = client.Fetch({.url = UrlOf(*server)});
  while (!reply.ok()) {  // until the breaker lets one try
    ASSERT_TRUE(absl::IsUnavailable(reply.status()));
    EXPECT_THAT(Message(reply.status()), HasSubstr("circuit breaker"));
    reply = client.Fetch({.url = UrlOf(*server)});
  }
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(client.stats().breakers_open, 0u);
  EXPECT_EQ(asked, 4);
}

TEST(HttpClient, OneHostsBreakerLeavesOthersAlone) {
  const auto server = StartServer([](const http_server::Request&) { return http_server::Response{}; });
  Options options = Quick();
  options.breaker_failures = 1;
  options.breaker_open_for = absl::Hours(1);
  Client client(options);
  const std::string refused = RefusedUrl();
  EXPECT_TRUE(absl::IsUnavailable(client.Fetch({.url = refused}).status()));
  EXPECT_THAT(Message(client.Fetch({.url = refused}).status()), HasSubstr("circuit breaker"));
  EXPECT_GE(client.stats().breaker_rejections, 1u);
  EXPECT_TRUE(client.Fetch({.url = UrlOf(*server)}).ok());
}

TEST(HttpClient, RefusesAtOnceWhatIsOverItsQueue) {
  const RawServer silent([](int fd) { ReadUntilClosed(fd); });
  const std::string url = "http://" + silent.address() + "/";
  std::promise<absl::StatusOr<Response>> first;
  Client client({.requests_max = 1});
  const auto cancel = client.Send({.url = url}, [&](auto reply) { first.set_value(std::move(reply)); });
  const auto second = client.Fetch({.url = url});
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
  EXPECT_THAT(Message(second.status()), HasSubstr("too many requests"));
  EXPECT_EQ(client.stats().overload_rejections, 1u);
  cancel();
  EXPECT_TRUE(absl::IsCancelled(first.get_future().get().status()));
  EXPECT_EQ(client.stats().in_flight, 0u);
}

TEST(HttpClient, CancelIsSafeAtAnyTime) {
  Client::Cancel cancel;
  {
    const auto server = StartServer([](const http_server::Request&) { return http_server::Response{}; });
    Client client;
    std::promise<void> ended;
    std::atomic<int> calls = 0;
    cancel = client.Send({.url = UrlOf(*server)}, [&](auto) {
      ++calls;
      ended.set_value();
    });
    ended.get_future().get();
    cancel();
    cancel();
    EXPECT_TRUE(client.Fetch({.url = UrlOf(*server)}).ok());
    EXPECT_EQ(calls, 1);
  }
  cancel();  // the client is gone
}

TEST(HttpClient, EndsEverythingUnderWayWhenItGoes) {
  const RawServer silent([](int fd) { ReadUntilClosed(fd); });
  std::atomic<int> cancelled = 0;
  {
    Client client({.connections_per_host_max = 2});
    for (int i = 0; i < 10; ++i) {
      client.Send({.url = "http://" + silent.address() + "/"}, [&](auto reply) {
        if (absl::IsCancelled(reply.status())) ++cancelled;
      });
    }
  }
  EXPECT_EQ(cancelled, 10);
}

TEST(HttpClient, ACallbackMaySendButNotFetch) {
  const auto server = StartServer([](const http_server::Request&) { return http_server::Response{.body = "x"}; });
  Client client;
  std::promise<std::string> chained;
  std::promise<absl::Status> fetched;
  client.Send({.url = UrlOf(*server)}, [&](auto) {
    fetched.set_value(client.Fetch({.url = UrlOf(*server)}).status());
    client.Send({.url = UrlOf(*server)}, [&](auto reply) { chained.set_value(reply->body); });
  });
  EXPECT_EQ(chained.get_future().get(), "x");
  EXPECT_TRUE(absl::IsFailedPrecondition(fetched.get_future().get()));
}

TEST(HttpClient, ServesManyThreadsAtOnce) {
  const auto server =
      StartServer([](const http_server::Request& request) { return http_server::Response{.body = request.query}; });
  Client client;
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string query = std::to_string(t * 1000 + i);
        const auto reply = client.Fetch({.url = UrlOf(*server, "/?" + query)});
        if (reply.ok() && reply->body == query) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
}

}  // namespace
}  // namespace stratus::http_client
