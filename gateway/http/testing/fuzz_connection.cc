#include "gateway/http/testing/fuzz_connection.h"

#include <memory>
#include <string>

#include "boost/asio/io_context.hpp"
#include "gateway/http/connection.h"
#include "gateway/http/testing/memory_transport.h"
#include "gateway/http/testing/test_service.h"

namespace stratus::gateway::http::testing {
namespace {

class Owner final : public ConnectionOwner {
 public:
  void OnConnectionClosed(Connection*) override { connection.reset(); }
  void OnMemoryShort() override {}
  std::unique_ptr<Connection> connection;
};

}  // namespace

void FuzzConnection(std::string_view preface, const uint8_t* data, size_t size) {
  if (size < 2) return;
  const size_t piece = size_t{data[0]} * 16 + 1;
  const size_t allowance = size_t{data[1]} * 64 + 16;
  std::string_view input(reinterpret_cast<const char*>(data + 2), size - 2);

  boost::asio::io_context loop(1);
  EventLog log;
  TestService service(loop, &log);
  Limits limits;
  limits.header_bytes_max = 4096;
  limits.streams_per_connection_max = 8;
  Context context(loop, limits, &service);
  MemoryTransport transport;
  Owner owner;
  owner.connection = std::make_unique<Connection>(&context, &owner, TransportPtr(&transport), std::string("fuzzer:1"));
  owner.connection->Start();
  transport.Allow(allowance);
  transport.Deliver(preface);
  // Bounded: a short input may ask for a long stream.
  constexpr size_t kOutputMax = 1 << 20;
  while (!input.empty() && owner.connection != nullptr && transport.output().size() < kOutputMax) {
    transport.Deliver(input.substr(0, piece));
    input.remove_prefix(std::min(piece, input.size()));
    transport.Allow(allowance);
    loop.poll();
    loop.restart();
    ++context.clock.now;
    if (owner.connection != nullptr) owner.connection->OnTick();
  }
  service.Release();
  transport.DeliverEnd();
  transport.Allow(kOutputMax);
  loop.poll();
  context.deferred.Clear();
  owner.connection.reset();
}

}  // namespace stratus::gateway::http::testing
