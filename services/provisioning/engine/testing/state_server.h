// An HTTP state backend for tests: real sockets, one state and one lock a path, strict about the lock's id.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/core/mutex.h"
#include "lib/http_server/http_server.h"
#include "services/provisioning/engine/engine.h"

namespace stratus::provisioning::engine {

class StateServer {
 public:
  StateServer();

  StateBackend BackendOf(const std::string& run_uid) const;
  std::string state(const std::string& run_uid) const;
  bool locked(const std::string& run_uid) const;
  // From now on writes are answered 409, so that the engine leaves errored.tfstate.
  void RefuseWrites();
  // From now on writes are answered so late that nobody waits for it.
  void HangWrites();

  static constexpr char kPassword[] = "a+state/pass%word";

 private:
  http_server::Response Handle(const http_server::Request& request);
  http_server::Response HandleLock(const http_server::Request& request);

  mutable core::Mutex mu_;
  std::map<std::string, std::string> states_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::string> locks_ ABSL_GUARDED_BY(mu_);  // LockInfo by path
  bool refuse_writes_ ABSL_GUARDED_BY(mu_) = false;
  bool hang_writes_ ABSL_GUARDED_BY(mu_) = false;
  std::unique_ptr<http_server::Server> server_;  // last: its threads use the rest
};

}  // namespace stratus::provisioning::engine
