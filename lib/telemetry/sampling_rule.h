// Sampling rules as X-Ray has them: who a rule is for, and how much of it is recorded.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/telemetry/tracer.h"

namespace stratus::telemetry {

// `*` stands for any text, `?` for one character; case is ignored.
bool WildcardMatch(std::string_view pattern, std::string_view text);

struct SamplingRule {
  std::string name = {};
  int64_t priority = 10'000;   // the lowest wins
  double fixed_rate = 0;       // of what the reservoir does not take: 0 to 1
  int64_t reservoir_size = 0;  // a second; 0: none
  std::string host = "*";
  std::string http_method = "*";
  std::string url_path = "*";
  std::string service_name = "*";
  std::string service_type = "*";

  bool Matches(const SamplingRequest& request) const;
};

// So many a second, counted without a lock.
class Reservoir {
 public:
  // Whether one more fits into this second.
  bool Take(int64_t second, int64_t limit);

 private:
  static constexpr int kCountBits = 24;
  std::atomic<uint64_t> state_{0};  // the second, then how many were taken in it
};

}  // namespace stratus::telemetry
