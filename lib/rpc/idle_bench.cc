// How long the first call after a pause takes, against a bare callback-API server and against rpc::Server, each in a
// process of its own (a client that waits in the same process would poll for the server).
//
//   build-release/bench/rpc_idle_bench [ROUNDS]
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "lib/rpc/server.h"
#include "lib/rpc/testing/echo_service.h"

namespace stratus::rpc::testing {
namespace {

using Stub = v1::EchoService::Stub;

class BareService final : public v1::EchoService::CallbackService {
  grpc::ServerUnaryReactor* PublicEcho(grpc::CallbackServerContext* context, const EchoRequest* request,
                                       EchoResponse* response) override {
    response->set_text(request->text());
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

[[noreturn]] void ServeBare(int ready_fd) {
  BareService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  dprintf(ready_fd, "127.0.0.1:%d\n", port);
  server->Wait();
  std::exit(0);
}

[[noreturn]] void ServeOurs(int ready_fd) {
  EchoService service;
  ServerOptions options;
  options.listen = {*core::ParseAddress("127.0.0.1:0")};
  options.AddService<v1::EchoService>(&service);
  options.authentication_off = true;
  const auto server = Server::Start(std::move(options));
  dprintf(ready_fd, "%s\n", (*server)->addresses()[0].c_str());
  for (;;) pause();
}

// gRPC must not have been used in this process: it does not survive fork().
std::pair<pid_t, std::string> Spawn(void (*serve)(int)) {
  int fds[2];
  if (pipe(fds) != 0) std::abort();
  const pid_t child = fork();
  if (child == 0) serve(fds[1]);
  char line[64] = {};
  if (read(fds[0], line, sizeof(line) - 1) <= 0) std::abort();
  std::string address(line);
  address.pop_back();
  return {child, address};
}

double CallMilliseconds(Stub& stub) {
  grpc::ClientContext context;
  EchoRequest request;
  EchoResponse response;
  const auto start = std::chrono::steady_clock::now();
  if (!stub.PublicEcho(&context, request, &response).ok()) std::abort();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

void Measure(const char* name, Stub& stub, int pause_ms, int rounds) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    // Not a multiple of the stand-in pollers' rhythm, so that the rounds meet all of its phases.
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms == 0 ? 0 : pause_ms + 37 * i % 100));
    times.push_back(CallMilliseconds(stub));
  }
  std::sort(times.begin(), times.end());
  std::printf("%-12s pause %5d ms  calls %4d  p50 %8.3f ms  p90 %8.3f ms  max %8.3f ms\n", name, pause_ms, rounds,
              times[times.size() / 2], times[times.size() * 9 / 10], times.back());
  std::fflush(stdout);
}

}  // namespace
}  // namespace stratus::rpc::testing

int main(int argc, char** argv) {
  using namespace stratus::rpc::testing;
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 20;
  const auto [bare, bare_address] = Spawn(ServeBare);
  const auto [ours, our_address] = Spawn(ServeOurs);
  for (const auto& [name, address] : {std::pair("bare", bare_address), std::pair("rpc::Server", our_address)}) {
    const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
    const auto stub = v1::EchoService::NewStub(channel);
    Measure(name, *stub, 0, 500);
    for (int pause_ms : {300, 1000, 3000}) Measure(name, *stub, pause_ms, rounds);
    Measure(name, *stub, 30000, std::min(rounds, 3));
  }
  for (pid_t child : {bare, ours}) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
}
