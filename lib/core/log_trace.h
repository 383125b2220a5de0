// Lines of the log that belong to a trace: while a ScopedLogTrace lives, each line that its thread logs has the trace's
// id as `traceId`, as the access log has it.
#pragma once

#include <string>
#include <string_view>

namespace stratus::core {

class ScopedLogTrace {
 public:
  // 32 hex digits; empty: none.
  explicit ScopedLogTrace(std::string_view trace_id);
  ~ScopedLogTrace();
  ScopedLogTrace(const ScopedLogTrace&) = delete;
  ScopedLogTrace& operator=(const ScopedLogTrace&) = delete;

 private:
  const std::string trace_id_;
  const std::string* const before_;
};

}  // namespace stratus::core
