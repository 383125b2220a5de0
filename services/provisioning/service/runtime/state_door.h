// The way to its state of a run that has no network: a Unix socket in the run's own folder of sockets, which is put
// into its sandbox. Through it a run asks for its own state only, whatever credentials it has found.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lib/http_server/http_server.h"
#include "services/provisioning/engine/unique_fd.h"

namespace stratus::provisioning::service {

class StateDoor {
 public:
  inline static constexpr char kName[] = "state";

  // Listens at `folder`/state, in place of whoever did before: a service that has died, or a replica that the run was
  // taken over from. The folder must be there; who may come to it says who may connect.
  static absl::StatusOr<std::unique_ptr<StateDoor>> Open(const std::string& folder, size_t body_bytes_max,
                                                         http_server::Handler handler);
  ~StateDoor();
  StateDoor(const StateDoor&) = delete;
  StateDoor& operator=(const StateDoor&) = delete;

 private:
  explicit StateDoor(engine::UniqueFd folder) : folder_(std::move(folder)) {}

  const engine::UniqueFd folder_;
  ino_t inode_ = 0;
  std::unique_ptr<http_server::Server> server_;  // ends before the folder's descriptor, by which it knows its socket
};

}  // namespace stratus::provisioning::service
