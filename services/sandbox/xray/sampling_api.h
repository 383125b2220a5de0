// GetSamplingRules and SamplingTargets, as the daemon passes them on to X-Ray.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sampling.html
#pragma once

#include <map>
#include <string>

#include "lib/core/clock.h"
#include "lib/core/mutex.h"
#include "lib/http_server/http_server.h"
#include "services/sandbox/json.h"
#include "services/sandbox/router.h"

namespace stratus::sandbox::xray {

// The one rule that counts, for every call, and how it is told. By default everything is sampled.
struct DefaultRule {
  double fixed_rate = 1;
  int64_t reservoir_size = 1;
  int pages = 1;        // of the rules; this rule is on the last, a rule that nothing matches on each of the others
  int unprocessed = 0;  // how many of the next statistics are sent back as not processed
};

class SamplingApi {
 public:
  explicit SamplingApi(const core::Clock* clock) : clock_(*clock) {}

  // POST /GetSamplingRules and POST /SamplingTargets, at which faults of the target `xray` strike.
  void AddRoutes(Router* router);
  void SetRule(const DefaultRule& rule);
  // What clients have reported since the start: {ClientID: {RequestCount, SampledCount, BorrowCount}}.
  Json Reported() const;

  static std::string ErrorBody(int status);

 private:
  http_server::Response Rules(const http_server::Request& request) const;
  http_server::Response Targets(const http_server::Request& request);

  const core::Clock& clock_;
  mutable core::Mutex mutex_;
  DefaultRule rule_ ABSL_GUARDED_BY(mutex_);
  double modified_ ABSL_GUARDED_BY(mutex_) = 0;
  struct Counts {
    int64_t requests = 0, sampled = 0, borrowed = 0;
  };
  std::map<std::string, Counts> reported_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::sandbox::xray
