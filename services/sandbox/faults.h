// Faults on demand: what a service behind the network does on a bad day, for so many calls.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/core/mutex.h"
#include "lib/http_server/http_server.h"

namespace stratus::sandbox {

struct Fault {
  enum class Kind {
    kStatus,     // the status asked for, with the service's own error body
    kSlow,       // the right reply, late
    kHtml,       // a proxy's HTML page where JSON was expected
    kTruncated,  // a whole HTTP message whose JSON ends halfway
    kCut,        // the connection closed halfway through the body
    kHuge,       // a body of `bytes`
    kGarbage,    // bytes that are no text at all, labelled as JSON
    kEmpty,      // no body
    kDrop,       // the connection closed without a byte, after the request has had its effect
    kStuck,      // what the event begins never ends; for events alone
  };
  Kind kind = Kind::kStatus;
  int status = 0;  // 0: 503 for kStatus, 502 for kHtml, 200 for the others that make up a reply
  absl::Duration delay = absl::ZeroDuration();
  int64_t count = 1;  // calls that it strikes; 0: every one until it is cleared
  int64_t bytes = 16 << 20;
  std::string retry_after = {};  // the header's value, with kStatus
};

class Faults {
 public:
  // Makes the body of an error of that status in the words of the service.
  using ErrorBody = std::function<std::string(int status)>;

  // What faults can be set for; calls to each are counted.
  void AddTarget(std::string_view target, ErrorBody error_body);

  // An event inside a service, which knows no fault but kStuck.
  void AddEvent(std::string_view event);

  // Replaces the target's fault. NOT_FOUND names the targets there are; INVALID_ARGUMENT for values out of range.
  absl::Status Set(std::string_view target, const Fault& fault);
  void Clear();

  // Answers one call to `target`: as `real` does, or as its fault wants. Counts the call.
  http_server::Response Answer(std::string_view target, const std::function<http_server::Response()>& real);

  // Counts one event; whether a fault strikes it.
  bool Strikes(std::string_view event);

  // Calls since the start, struck ones too.
  std::map<std::string, int64_t> Calls() const;

 private:
  struct Target {
    ErrorBody error_body;
    bool is_event = false;
    bool active = false;
    Fault fault;
    int64_t calls = 0;
  };

  // The fault that strikes this call; `error_body` stays that of the target.
  bool Take(std::string_view target, Fault* fault, ErrorBody* error_body);

  mutable core::Mutex mutex_;
  std::map<std::string, Target, std::less<>> targets_;
};

}  // namespace stratus::sandbox
