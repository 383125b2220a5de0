// What bounds a client of HTTP/1.x, and how a listener ends.
#include "gateway/http/limits.h"

#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gateway/http/testing/test_client.h"
#include "gateway/http/testing/test_server.h"
#include "gateway/loop/memory_budget.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stratus::gateway::http {
namespace {

using testing::TestClient;
using testing::TestResponse;
using testing::TestServer;

constexpr char kHello[] = "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n";

// Not so short that a busy machine's client would be late with what it sends in time.
Limits Short() {
  Limits limits;
  limits.header_timeout = absl::Milliseconds(250);
  limits.idle_timeout = absl::Milliseconds(250);
  limits.stall_timeout = absl::Milliseconds(250);
  return limits;
}

TEST(Limits, RefusesAHeadOverItsSizeWithoutItsEnd) {
  Limits limits;
  limits.header_bytes_max = 2000;
  TestServer server(limits);
  TestClient large(server.address());
  large.Send("GET /hello HTTP/1.1\r\nhost: a\r\nx: " + std::string(3000, 'x'));
  EXPECT_EQ(large.Read().status, 431);
  EXPECT_TRUE(large.AtEnd());
  TestClient long_line(server.address());
  long_line.Send("GET /" + std::string(3000, 'x'));
  EXPECT_EQ(long_line.Read().status, 414);
}

TEST(Limits, TakesAHeadUpToItsSize) {
  TestServer server;
  TestClient client(server.address());
  client.Send("GET /head HTTP/1.1\r\nhost: a\r\nx: " + std::string(60000, 'x') + "\r\n\r\n");
  EXPECT_THAT(client.Read().body, ::testing::HasSubstr("header x=xxxx"));
}

TEST(Limits, RefusesTooManyHeaders) {
  Limits limits;
  limits.headers_max = 10;
  TestServer server(limits);
  TestClient client(server.address());
  std::string head = "GET /hello HTTP/1.1\r\nhost: a\r\n";
  for (int i = 0; i < 9; ++i) head += "x: y\r\n";
  client.Send(head + "\r\n");
  EXPECT_EQ(client.Read().status, 200);
  client.Send(head + "x: y\r\n\r\n");
  EXPECT_EQ(client.Read().status, 431);
}

TEST(Limits, EndsAHeadThatDripsIn) {
  TestServer server(Short());
  TestClient client(server.address());
  client.Send("GET /hello HTTP/1.1\r\n");
  // Bytes that come in time for one another do not help.
  std::string head = "x: ";
  while (client.Send("y") && head.size() < 10) head += "y";
  EXPECT_EQ(client.Read().status, 408);
  EXPECT_TRUE(client.AtEnd());
}

TEST(Limits, ClosesConnectionsThatSendNothing) {
  TestServer server(Short());
  TestClient fresh(server.address());
  EXPECT_TRUE(fresh.AtEnd());
  TestClient used(server.address());
  used.Send(kHello);
  EXPECT_EQ(used.Read().body, "hello");
  EXPECT_TRUE(used.AtEnd());
  TestClient preface(server.address());
  preface.Send("PRI * HT");
  EXPECT_TRUE(preface.AtEnd());
}

TEST(Limits, EndsABodyThatStops) {
  TestServer server(Short());
  TestClient client(server.address());
  client.Send("POST /hold HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc");
  EXPECT_EQ(client.Read().status, 408);
  EXPECT_TRUE(server.log().WaitFor("/hold abort"));
}

TEST(Limits, LetsABodyPauseWhenItsHandlerSaysSo) {
  TestServer server(Short());
  TestClient client(server.address());
  client.Send("POST /patient HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nabc");
  ASSERT_TRUE(server.log().WaitFor("/patient begin"));
  // Another connection's timeouts tell that time has passed.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(TestClient(server.address()).AtEnd());
  EXPECT_EQ(server.log().Count("/patient abort"), 0);
  client.Send("d");
  EXPECT_TRUE(server.log().WaitFor("/patient end"));
}

TEST(Limits, GivesASlowHandlerAllTime) {
  TestServer server(Short());
  TestClient waiting(server.address());
  waiting.Send("POST /hoard HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc");
  ASSERT_TRUE(server.log().WaitFor("/hoard end"));
  // Another connection's timeouts tell that time has passed.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(TestClient(server.address()).AtEnd());
  EXPECT_EQ(server.log().Count("/hoard abort"), 0);
  server.Release();
  EXPECT_EQ(waiting.Read().body, "3");
}

TEST(Limits, CutsAReaderThatStops) {
  TestServer server(Short());
  TestClient client(server.address(), 4096);
  client.Send("GET /stream/100000000 HTTP/1.1\r\nhost: a\r\n\r\n");
  EXPECT_TRUE(server.log().WaitFor("/stream/100000000 abort"));
}

TEST(Limits, ClosesConnectionsOverTheirNumberWhileAllAreBusy) {
  Limits limits;
  limits.connections_max = 2;
  limits.connections_per_address_max = 100;
  TestServer server(limits);
  TestClient first(server.address());
  TestClient second(server.address());
  for (TestClient* client : {&first, &second}) client->Send("GET /hold HTTP/1.1\r\nhost: a\r\n\r\n");
  ASSERT_TRUE(server.log().WaitFor("/hold begin", 2));
  TestClient third(server.address());
  EXPECT_TRUE(third.AtEnd());
  EXPECT_EQ(server.worker().stats().connections_refused.load(), 1u);
}

TEST(Limits, AHeadThatDoesNotEndHoldsNoPlace) {
  Limits limits;
  limits.connections_max = 2;
  limits.connections_per_address_max = 100;
  TestServer server(limits);
  TestClient first(server.address());
  first.Send("GET /hello HTTP/1.1\r\n");
  TestClient second(server.address());
  second.Send(kHello);
  EXPECT_EQ(second.Read().body, "hello");
  TestClient third(server.address());
  third.Send(kHello);
  EXPECT_EQ(third.Read().body, "hello");
  EXPECT_EQ(first.Read().status, 0);
}

TEST(Limits, TheOldestIdleConnectionMakesRoom) {
  Limits limits;
  limits.connections_max = 2;
  limits.connections_per_address_max = 100;
  TestServer server(limits);
  TestClient first(server.address());
  TestClient second(server.address());
  for (TestClient* client : {&first, &second}) {
    client->Send(kHello);
    EXPECT_EQ(client->Read().body, "hello");
  }
  TestClient third(server.address());
  third.Send(kHello);
  EXPECT_EQ(third.Read().body, "hello");
  EXPECT_TRUE(first.AtEnd());
  second.Send(kHello);
  EXPECT_EQ(second.Read().body, "hello");
  EXPECT_EQ(server.worker().stats().connections_idle_closed.load(), 1u);
}

TEST(Limits, IdleConnectionsGiveWayWhenTheyFillTheMemory) {
  Limits limits;
  limits.header_timeout = absl::Milliseconds(250);  // sets the length of a tick
  TestServer server(limits);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<TestClient>(server.address()));
    clients.back()->Send(kHello);
    EXPECT_EQ(clients.back()->Read().body, "hello");
  }
  const size_t all = MemoryBudget::used();
  MemoryBudget::Set(all);
  EXPECT_TRUE(clients.front()->AtEnd());
  clients.back()->Send(kHello);
  EXPECT_EQ(clients.back()->Read().body, "hello");
  EXPECT_GT(server.worker().stats().connections_idle_closed.load(), 0u);
  EXPECT_FALSE(MemoryBudget::Strained());
  MemoryBudget::Set(SIZE_MAX);
}

TEST(Limits, ClosesConnectionsOverTheNumberOfAnAddress) {
  Limits limits;
  limits.connections_per_address_max = 1;
  TestServer server(limits);
  TestClient first(server.address());
  first.Send(kHello);
  EXPECT_EQ(first.Read().body, "hello");
  TestClient second(server.address());
  EXPECT_TRUE(second.AtEnd());
  EXPECT_EQ(server.worker().stats().connections_refused_address.load(), 1u);
}

TEST(Limits, CutsABodyThatDripsIn) {
  Limits limits = Short();
  limits.stall_timeout = absl::Minutes(1);
  limits.slow_grace = absl::Seconds(1);
  TestServer server(limits);
  TestClient client(server.address());
  client.Send("POST /hold HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nabc");
  EXPECT_EQ(client.Read().status, 408);
  EXPECT_TRUE(server.log().WaitFor("/hold abort"));
  EXPECT_EQ(server.worker().stats().slow_bodies.load(), 1u);
}

TEST(Limits, CutsAReaderOfAWholeReplyThatStops) {
  Limits limits = Short();
  limits.idle_timeout = absl::Minutes(1);
  limits.stall_timeout = absl::Minutes(1);
  limits.slow_grace = absl::Seconds(1);
  TestServer server(limits);
  const std::string body(8 << 20, 'x');
  uint64_t cut = 0;
  for (const char* connection : {"keep-alive", "close"}) {
    TestClient client(server.address(), 4096);
    client.Send("POST /echo HTTP/1.1\r\nhost: a\r\nconnection: " + std::string(connection) +
                "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    ASSERT_TRUE(server.log().WaitFor("/echo end", static_cast<int>(++cut)));
    // Another connection's timeouts tell that time has passed.
    while (server.worker().stats().slow_readers.load() < cut) EXPECT_TRUE(TestClient(server.address()).AtEnd());
  }
}

TEST(Limits, LooksAtNoMoreRequestsWhileRepliesWait) {
  TestServer server;
  TestClient client(server.address(), 4096);
  // Each of 500 bytes makes the peer wait for as much; a request is 35.
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n";
  size_t sent = 0;
  while (sent < (64u << 20) && client.SendSome(flood)) sent += flood.size();
  // What the kernel's buffers hold, both ways, and what the connection does: far from all of it.
  EXPECT_LT(sent, 64u << 20);
  const uint64_t answered = server.worker().stats().requests.load();
  TestClient honest(server.address());
  honest.Send(kHello);
  EXPECT_EQ(honest.Read().body, "hello");
  EXPECT_EQ(server.worker().stats().requests.load(), answered + 1);
}

TEST(Limits, EndsABodyOfTinyChunks) {
  TestServer server;
  TestClient client(server.address());
  client.Send("POST /hold HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
  std::string chunks;
  for (int i = 0; i < 5000; ++i) chunks += "1\r\nx\r\n";
  client.Send(chunks);
  EXPECT_EQ(client.Read().status, 400);
  EXPECT_TRUE(server.log().WaitFor("/hold abort"));
}

TEST(Limits, EndsABodyOfChunkExtensions) {
  TestServer server;
  for (const size_t size : {100u, 5000u}) {
    TestClient client(server.address());
    client.Send("POST /hold HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    std::string chunks;
    for (int i = 0; i < 300; ++i) chunks += "1;" + std::string(size, 'a') + "\r\nx\r\n";
    client.Send(chunks);
    EXPECT_EQ(client.Read().status, 400) << size;
  }
}

TEST(Limits, TakesChunksThatCarryTheirOwnSignature) {
  TestServer server;
  TestClient client(server.address());
  std::string chunks;
  for (int i = 0; i < 300; ++i) {
    chunks += "400;chunk-signature=" + std::string(64, 'a') + "\r\n" + std::string(1024, 'x') + "\r\n";
  }
  client.Send("POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n");
  EXPECT_EQ(client.Read().body.size(), 300u * 1024);
}

TEST(Limits, RefusesAtOnceWhatIsNotHttp) {
  TestServer server;
  TestClient client(server.address());
  client.Send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));  // a TLS client's first bytes
  EXPECT_EQ(client.Read().status, 400);
  EXPECT_TRUE(client.AtEnd());
}

TEST(Drain, ClosesIdleConnectionsAndLetsExchangesEnd) {
  TestServer server;
  TestClient idle(server.address());
  idle.Send(kHello);
  EXPECT_EQ(idle.Read().body, "hello");
  TestClient busy(server.address());
  busy.Send("POST /hoard HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc");
  ASSERT_TRUE(server.log().WaitFor("/hoard end"));

  server.worker().Drain(absl::Minutes(1));
  EXPECT_TRUE(idle.AtEnd());
  TestClient refused(server.address());
  EXPECT_FALSE(refused.Send(kHello) && refused.Read().status != 0);
  server.Release();
  const TestResponse response = busy.Read();
  EXPECT_EQ(response.body, "3");
  EXPECT_EQ(response.Header("connection"), "close");
  EXPECT_TRUE(busy.AtEnd());
  server.worker().Join();
}

TEST(Drain, CutsWhatIsLeftAtTheDeadline) {
  TestServer server(Short());
  TestClient client(server.address());
  client.Send("GET /hold HTTP/1.1\r\nhost: a\r\n\r\n");
  ASSERT_TRUE(server.log().WaitFor("/hold begin"));
  server.worker().Drain(absl::Milliseconds(1));
  EXPECT_EQ(client.Read().status, 0);
  server.worker().Join();
  EXPECT_EQ(server.log().Count("/hold abort"), 1);
}

TEST(Drain, EndsAtOnceWithoutConnections) {
  TestServer server;
  server.worker().Drain(absl::Minutes(1));
  server.worker().Join();
}

TEST(Worker, AbortsExchangesWhenItIsDestroyed) {
  auto server = std::make_unique<TestServer>();
  TestClient client(server->address());
  client.Send("GET /hold HTTP/1.1\r\nhost: a\r\n\r\n");
  ASSERT_TRUE(server->log().WaitFor("/hold begin"));
  server.reset();
  EXPECT_EQ(client.Read().status, 0);
}

TEST(Worker, ServesUnixSocketsAndIpv6) {
  const std::string path = ::testing::TempDir() + "/stratus_worker_test.sock";
  TestServer on_unix({}, "unix:" + path);
  TestClient local(on_unix.address());
  local.Send(kHello);
  EXPECT_EQ(local.Read().body, "hello");
  TestServer on_v6({}, "[::1]:0");
  TestClient v6(on_v6.address());
  v6.Send("GET /head HTTP/1.1\r\nhost: a\r\n\r\n");
  EXPECT_THAT(v6.Read().body, ::testing::HasSubstr("peer=[::1]\n"));
}

TEST(Drain, AnswersWhoseConnectionWaitedToBeAccepted) {
  boost::asio::io_context loop(1);
  testing::EventLog log;
  testing::TestService service(loop, &log);
  Listener listener(loop, *ListenSocket::Bind(*core::ParseAddress("127.0.0.1:0")), &service, {},
                    std::make_shared<ConnectionQuota>(Limits{}));
  listener.Start();
  auto client = std::make_unique<TestClient>(listener.address());
  client->Send(kHello);
  bool drained = false;
  listener.Drain(absl::Minutes(1), [&drained] { drained = true; });
  std::thread reader([&client] {
    EXPECT_EQ(client->Read().body, "hello");
    client.reset();  // the listener waits for that
  });
  while (!drained) loop.run_one();
  reader.join();
}

// Every socket of a listener has SO_REUSEPORT, which once let a second gateway take part of the calls in silence.
TEST(ListenSocket, AnAddressIsOneProgramsAlone) {
  const auto first = ListenSocket::Bind(*core::ParseAddress("127.0.0.1:0"));
  ASSERT_TRUE(first.ok());
  const auto shared = first->Share();
  ASSERT_TRUE(shared.ok()) << shared.status();
  const std::string port = std::to_string(first->address().port);
  for (const std::string host : {"127.0.0.1:", "0.0.0.0:", "[::]:"}) {
    const auto second = ListenSocket::Bind(*core::ParseAddress(host + port));
    ASSERT_FALSE(second.ok()) << host;
    EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(second.status().message()), ::testing::HasSubstr("in use by "));
    EXPECT_THAT(std::string(second.status().message()), ::testing::HasSubstr(std::to_string(::getpid())));
  }
  EXPECT_TRUE(first->Share().ok()) << "the first one's own sockets are still welcome";
}

TEST(ListenSocket, OfManyThatStartAtOnceOneGetsTheAddress) {
  for (const std::string& text : {std::string("127.0.0.1:"), "unix:" + ::testing::TempDir() + "/race.sock"}) {
    for (int round = 0; round < 4; ++round) {
      std::string address = text;
      if (text.back() == ':')
        address += std::to_string(ListenSocket::Bind(*core::ParseAddress(text + "0"))->address().port);
      std::atomic<int> bound{0};
      std::atomic<int> done{0};
      constexpr int kStarters = 4;
      std::vector<std::thread> starters;
      for (int i = 0; i < kStarters; ++i) {
        starters.emplace_back([&] {
          const auto socket = ListenSocket::Bind(*core::ParseAddress(address));
          bound += socket.ok() ? 1 : 0;
          ++done;
          while (done < kStarters) std::this_thread::yield();  // nobody gives it back before all have tried
        });
      }
      for (std::thread& starter : starters) starter.join();
      EXPECT_EQ(bound, 1) << address;
    }
  }
}

TEST(Worker, ReportsWhatKeepsItFromListening) {
  const auto busy = ListenSocket::Bind(*core::ParseAddress("192.0.2.1:80"));
  ASSERT_FALSE(busy.ok());
  EXPECT_EQ(busy.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(busy.status().message()), ::testing::HasSubstr("192.0.2.1:80"));
}

TEST(Worker, SharesAPortBetweenThreads) {
  testing::EventLog log;
  const auto workers = StartWorkers(*core::ParseAddress("127.0.0.1:0"), 2, {}, [&log](boost::asio::io_context& loop) {
    return absl::StatusOr<std::unique_ptr<Service>>(std::make_unique<testing::TestService>(loop, &log));
  });
  ASSERT_TRUE(workers.ok());
  EXPECT_EQ((*workers)[0]->address().port, (*workers)[1]->address().port);
  // The kernel spreads by the client's port: in a hundred connections both get some, but for one in 2^99.
  for (int i = 0; i < 100; ++i) {
    TestClient client((*workers)[0]->address());
    client.Send(kHello);
    ASSERT_EQ(client.Read().body, "hello");
  }
  for (const auto& worker : *workers) EXPECT_GT(worker->stats().requests.load(), 0u);
  DrainWorkers(*workers, absl::Minutes(1));
}

TEST(Worker, PassesOnWhyItsServiceCannotBeMade) {
  const auto workers = StartWorkers(*core::ParseAddress("127.0.0.1:0"), 2, {}, [](boost::asio::io_context&) {
    return absl::StatusOr<std::unique_ptr<Service>>(absl::FailedPreconditionError("no descriptors"));
  });
  EXPECT_EQ(workers.status(), absl::FailedPreconditionError("no descriptors"));
}

}  // namespace
}  // namespace stratus::gateway::http
