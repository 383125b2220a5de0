// The audit log beside the store: the copy in a file, and the bound on what refused calls may add.
//
// A change's record is made in the change's own transaction (store::Transaction::AppendAudit). Here is what comes
// after.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "lib/core/clock.h"
#include "lib/core/mutex.h"
#include "services/provisioning/service/audit_file.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::service {

// `resource` and `detail` of an event: on one line, at most 512 bytes.
std::string AuditText(std::string_view text);

// What the platform does by itself.
v1::AuditEvent SystemEvent(std::string_view method, std::string_view resource, std::string_view code,
                           std::string_view detail, absl::Time now);

// Thread-safe.
class AuditLog {
 public:
  // `file`: where records are copied to; empty: nowhere. UNAVAILABLE when it cannot be written. `store` and `clock`
  // outlive the log.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Open(store::Store* store, const std::string& file,
                                                        const core::Clock* clock);

  // The line of a record, once it is committed. On the disk when this returns; a copy that fails is logged and counted,
  // and the store still has the record.
  void Copy(std::string_view line);

  // Adds an event in a transaction of its own.
  absl::Status Append(const std::string& tenant, const v1::AuditEvent& event);

  // The same for an attempt that was refused, of which a tenant may add kRefusalsBurst, and then one in
  // kRefusalInterval: the rest is counted, and told by the next one that is kept.
  static constexpr int kRefusalsBurst = 20;
  static constexpr absl::Duration kRefusalInterval = absl::Seconds(10);
  void AppendRefusal(const std::string& tenant, v1::AuditEvent event);

  uint64_t copy_failures() const { return copy_failures_.load(std::memory_order_relaxed); }
  uint64_t refusals_left_out() const { return refusals_left_out_.load(std::memory_order_relaxed); }

 private:
  struct Allowance {
    double left = kRefusalsBurst;
    absl::Duration filled_at;
    int64_t left_out = 0;
  };

  AuditLog(store::Store* store, std::unique_ptr<AuditFile> file, const core::Clock* clock)
      : store_(*store), file_(std::move(file)), clock_(*clock) {}

  // How many were left out before; -1: this one is, too.
  int64_t TakeAllowance(const std::string& tenant);

  store::Store& store_;
  const std::unique_ptr<AuditFile> file_;
  const core::Clock& clock_;
  std::atomic<uint64_t> copy_failures_{0};
  std::atomic<uint64_t> refusals_left_out_{0};
  core::Mutex mutex_;
  std::map<std::string, Allowance, std::less<>> allowances_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stratus::provisioning::service
