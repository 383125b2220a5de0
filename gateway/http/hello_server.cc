// Answers every request with the same body, to measure what the connections alone cost:
//   hello_server 127.0.0.1:8080 [THREADS] [BODY_FILE]
//   wrk -t1 -c32 -d5 http://127.0.0.1:8080/
// On SIGINT or SIGTERM it prints the CPU time it took for each request.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "gateway/http/worker.h"

namespace stratus::gateway::http {
namespace {

// As long as the small reply of the gateway's benchmark.
std::string SmallBody() { return "{\"text\":\"" + std::string(230, 'x') + "\"}"; }

std::string ReadBody(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

class Hello final : public Service {
 public:
  explicit Hello(std::string body) : body_(std::move(body)) {}

  void OnRequest(Exchange* exchange) override {
    const Header headers[] = {{"content-type", "application/json"}};
    exchange->StartBody(200, headers).Append(body_);
    exchange->FinishBody();
  }

 private:
  const std::string body_;
};

struct CpuMicroseconds {
  double user;
  double system;
};

CpuMicroseconds CpuNow() {
  rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return {us(usage.ru_utime), us(usage.ru_stime)};
}

int Serve(const char* listen, int threads, const std::string& body) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const auto address = core::ParseAddress(listen);
  if (!address.ok()) return std::fprintf(stderr, "%s\n", address.status().ToString().c_str()), 2;
  const auto workers = StartWorkers(*address, threads, {}, [&](boost::asio::io_context&) {
    return absl::StatusOr<std::unique_ptr<Service>>(std::make_unique<Hello>(body));
  });
  if (!workers.ok()) return std::fprintf(stderr, "%s\n", workers.status().ToString().c_str()), 1;
  std::printf("%s\n", workers->front()->address().ToString().c_str());
  std::fflush(stdout);
  const CpuMicroseconds before = CpuNow();
  int signal;
  ::sigwait(&signals, &signal);
  const CpuMicroseconds after = CpuNow();
  uint64_t requests = 0;
  for (const auto& worker : *workers) requests += worker->stats().requests.load();
  DrainWorkers(*workers, absl::Seconds(1));
  const double each = requests == 0 ? 0.0 : 1.0 / static_cast<double>(requests);
  std::printf("%llu requests, CPU us each: %.3f user, %.3f system\n", static_cast<unsigned long long>(requests),
              (after.user - before.user) * each, (after.system - before.system) * each);
  return 0;
}

}  // namespace
}  // namespace stratus::gateway::http

int main(int argc, char** argv) {
  const char* listen = argc > 1 ? argv[1] : "127.0.0.1:0";
  const std::string body = argc > 3 ? stratus::gateway::http::ReadBody(argv[3]) : stratus::gateway::http::SmallBody();
  return stratus::gateway::http::Serve(listen, argc > 2 ? std::atoi(argv[2]) : 1, body);
}
