// A second-level cache that replicas share. Best effort: it never fails a call, it only misses.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace stratus::weather {

class SharedCache {
 public:
  using Found = std::function<void(std::optional<std::string>)>;

  virtual ~SharedCache() = default;

  // `found` runs exactly once, on any thread, perhaps before this returns; nothing for a miss, an outage or a slow
  // answer.
  virtual void Find(std::string key, Found found) = 0;

  // Returns at once.
  virtual void Store(std::string key, std::string value, absl::Duration ttl) = 0;
};

}  // namespace stratus::weather
