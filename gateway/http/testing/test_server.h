// A worker with a TestService, on a free port.
#pragma once

#include <memory>
#include <string>

#include "gateway/http/testing/event_log.h"
#include "gateway/http/testing/test_service.h"
#include "gateway/http/worker.h"

namespace stratus::gateway::http::testing {

class TestServer {
 public:
  explicit TestServer(const Limits& limits = {}, const std::string& address = "127.0.0.1:0",
                      std::shared_ptr<TlsServerContext> tls = nullptr);
  ~TestServer();

  const core::Address& address() const { return worker_->address(); }
  Worker& worker() { return *worker_; }
  EventLog& log() { return log_; }
  // TestService::Release on the worker's thread.
  void Release();

 private:
  EventLog log_;
  TestService* service_ = nullptr;  // the worker's
  std::unique_ptr<Worker> worker_;
};

}  // namespace stratus::gateway::http::testing
