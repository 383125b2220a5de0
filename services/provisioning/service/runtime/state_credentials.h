// Who may reach a run's state: each run has a user name and a password of its own.
//
// A password is HMAC-SHA256(secret, run uid), the secret being 32 random bytes in a file of the data folder. So nothing
// is kept for a run, and a service that comes back, or a replica that shares the folder, still knows the password of an
// engine that has been running all the time. Whether the run may write is another question, which its lease answers.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stratus::provisioning::service {

class StateCredentials {
 public:
  // Makes the secret where there is none.
  static absl::StatusOr<StateCredentials> Load(const std::string& data_dir);

  std::string Password(std::string_view run_uid) const;

  // Whether an Authorization header (`Basic ...`) is that run's. Takes the same time for every wrong password.
  bool Allows(std::string_view run_uid, std::string_view authorization) const;

 private:
  explicit StateCredentials(std::string secret) : secret_(std::move(secret)) {}
  std::string secret_;
};

}  // namespace stratus::provisioning::service
