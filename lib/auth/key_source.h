// Where the text of a JWKS document comes from.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace stratus::auth {

class KeySource {
 public:
  using Callback = std::function<void(absl::StatusOr<std::string>)>;

  // Waits for, or cancels, fetches under way: no callback runs after it.
  virtual ~KeySource() = default;

  // Starts one fetch. `done` runs exactly once, within a time limit of the source's own, on any thread; perhaps before
  // Fetch returns. Never blocks. The error names the host and the reason, for the log.
  virtual void Fetch(Callback done) = 0;
};

}  // namespace stratus::auth
