// OpenTofu's HTTP state backend: GET, POST, DELETE, LOCK and UNLOCK of /state/RUN_UID. A run without a network reaches
// it by a door of its own (state_door.h), others on a loopback port.
//
// The port is remembered in the data folder and bound again by the next process, since engines that are under way keep
// posting to it. A replica that takes over a run from one that died on the same machine (a shared data folder) stands
// in at that one's port as well.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/core/mutex.h"
#include "lib/http_server/http_server.h"
#include "services/provisioning/engine/engine.h"
#include "services/provisioning/service/runtime/state_budget.h"
#include "services/provisioning/service/runtime/state_credentials.h"
#include "services/provisioning/service/runtime/state_door.h"
#include "services/provisioning/service/runtime/state_keeper.h"

namespace stratus::provisioning::service {

class StateBackend {
 public:
  struct Options {
    std::string data_dir;
    std::string replica;
    size_t state_bytes_max = 64 << 20;
    StateBudget::Limits budget = {};  // of what comes by a door
    bool port = true;                 // false: every run comes by its door, and nothing listens on the loopback
  };
  // `keeper` outlives it. UNAVAILABLE: no port can be bound.
  static absl::StatusOr<std::unique_ptr<StateBackend>> Start(Options options, StateKeeper* keeper,
                                                             StateCredentials credentials);

  // What a run's engine is told, on the host's network.
  engine::StateBackend For(std::string_view run_uid) const;
  // And in a network of its own, where `port` leads to its door.
  engine::StateBackend ForDoor(std::string_view run_uid, uint16_t port) const;

  // Opens the run's door in its folder of sockets. It is shut with the object, which the backend outlives.
  absl::StatusOr<std::unique_ptr<StateDoor>> OpenDoor(std::string_view run_uid, const std::string& folder);

  // Binds, beside its own port, those that other replicas remembered in this data folder and that nobody answers at. At
  // most 16 in all.
  void StandInForOthers();

  // Ends all listening; what is under way is cut.
  void Stop();

  // One request; the listener calls it.
  http_server::Response Answer(const http_server::Request& request);

 private:
  StateBackend(Options options, StateKeeper* keeper, StateCredentials credentials);
  absl::Status Listen();
  absl::StatusOr<std::unique_ptr<http_server::Server>> ListenAt(uint16_t port);
  http_server::Response AnswerDoor(const http_server::Request& request, StateBudget& budget);
  http_server::Response AnswerAllowed(const http_server::Request& request, std::string_view run_uid);

  const Options options_;
  StateKeeper& keeper_;
  const StateCredentials credentials_;
  std::string address_;  // 127.0.0.1:PORT
  core::Mutex mutex_;
  std::vector<std::unique_ptr<http_server::Server>> servers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::provisioning::service
