#include "services/provisioning/service/audit_log.h"

#include <algorithm>
#include <utility>

#include "lib/core/log.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/principals.h"

namespace stratus::provisioning::service {
namespace {

constexpr size_t kTextBytesMax = 512;
constexpr size_t kTenantsMax = 10'000;  // with an allowance of their own; those that come later share one

}  // namespace

std::string AuditText(std::string_view text) {
  size_t size = std::min(text.size(), kTextBytesMax);
  while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  std::string line(text.substr(0, size));
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return line;
}

v1::AuditEvent SystemEvent(std::string_view method, std::string_view resource, std::string_view code,
                           std::string_view detail, absl::Time now) {
  v1::AuditEvent event;
  *event.mutable_time() = domain::ToProto(now);
  *event.mutable_principal() = domain::SystemPrincipal();
  event.set_method(std::string(method));
  event.set_resource(AuditText(resource));
  event.set_code(std::string(code));
  event.set_detail(AuditText(detail));
  return event;
}

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Open(store::Store* store, const std::string& file,
                                                         const core::Clock* clock) {
  std::unique_ptr<AuditFile> copy;
  if (!file.empty()) {
    absl::StatusOr<std::unique_ptr<AuditFile>> opened = AuditFile::Open(file);
    if (!opened.ok()) return opened.status();
    copy = *std::move(opened);
  }
  return std::unique_ptr<AuditLog>(new AuditLog(store, std::move(copy), clock));
}

void AuditLog::Copy(std::string_view line) {
  if (file_ == nullptr || line.empty()) return;
  const absl::Status copied = file_->Append(line);
  if (copied.ok()) return;
  copy_failures_.fetch_add(1, std::memory_order_relaxed);
  core::Log(core::Severity::kError, "a record of the audit log could not be copied to its file; the store has it",
            {{"reason", core::ToStd(copied.message())}});
}

absl::Status AuditLog::Append(const std::string& tenant, const v1::AuditEvent& event) {
  std::string line;
  const absl::Status status = store_.Transact([&](store::Transaction& transaction) {
    absl::StatusOr<std::string> added = transaction.AppendAudit(tenant, event);
    line = added.ok() ? *added : "";
    return added.status();
  });
  if (status.ok()) Copy(line);
  return status;
}

int64_t AuditLog::TakeAllowance(const std::string& tenant) {
  const absl::Duration now = clock_.Monotonic();
  core::MutexLock lock(mutex_);
  const bool own = allowances_.size() < kTenantsMax || allowances_.contains(tenant);
  auto [found, is_new] = allowances_.try_emplace(own ? tenant : "");
  Allowance& allowance = found->second;
  if (is_new) allowance.filled_at = now;
  allowance.left = std::min<double>(kRefusalsBurst,
                                    allowance.left + absl::FDivDuration(now - allowance.filled_at, kRefusalInterval));
  allowance.filled_at = now;
  if (allowance.left < 1) {
    ++allowance.left_out;
    return -1;
  }
  allowance.left -= 1;
  return std::exchange(allowance.left_out, 0);
}

void AuditLog::AppendRefusal(const std::string& tenant, v1::AuditEvent event) {
  const int64_t left_out = TakeAllowance(tenant);
  if (left_out < 0) {
    refusals_left_out_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  event.set_refusals_left_out(left_out);
  if (absl::Status status = Append(tenant, event); !status.ok()) {
    core::Log(core::Severity::kError, "a refused attempt could not be added to the audit log",
              {{"tenant", tenant}, {"method", event.method()}, {"reason", core::ToStd(status.message())}});
  }
}

}  // namespace stratus::provisioning::service
