#include "lib/rpc/call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/rpc/call_context.h"

namespace stratus::rpc {
namespace {

absl::Time DeadlineOf(const CallContext& context) {
  const gpr_timespec deadline = context.raw_deadline();
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) return absl::InfiniteFuture();
  return absl::FromChrono(context.deadline());
}

}  // namespace

Call::Call(CallContext* context)
    : context_(context), principal_(context->outcome().principal), deadline_(DeadlineOf(*context)) {}

Call::~Call() = default;

std::string_view Call::tenant() const { return principal_ == nullptr ? std::string_view() : principal_->tenant; }

void Call::OnCancel(std::function<void()> callback) {
  std::function<void()> replaced;  // its destructor may run anything: outside the lock
  {
    core::MutexLock lock(mutex_);
    if (finished()) return;
    if (!cancelled()) {
      replaced = std::exchange(on_cancel_, std::move(callback));
      return;
    }
  }
  callback();
}

void Call::Cancel() {
  std::function<void()> callback;
  {
    core::MutexLock lock(mutex_);
    cancelled_.store(true, std::memory_order_release);
    callback = std::exchange(on_cancel_, nullptr);
  }
  if (callback) callback();
}

bool Call::ClaimFinish() {
  if (finished_.exchange(true, std::memory_order_acq_rel)) return false;
  std::function<void()> dropped;
  core::MutexLock lock(mutex_);
  dropped = std::exchange(on_cancel_, nullptr);
  return true;
}

void Call::CountIn(size_t bytes) { context_->CountIn(bytes); }
void Call::CountOut(size_t bytes) { context_->CountOut(bytes); }

const telemetry::TraceContext& Call::trace() const { return context_->trace(); }
const std::string& Call::request_id() const { return context_->request_id(); }
std::string_view Call::method() const { return context_->method(); }
std::string Call::peer() const { return context_->peer(); }
std::string_view Call::Metadata(std::string_view key) const { return context_->Metadata(key); }

void Call::AddInitialMetadata(const std::string& key, const std::string& value) {
  context_->AddInitialMetadata(key, value);
}

void Call::AddTrailingMetadata(const std::string& key, const std::string& value) {
  context_->AddTrailingMetadata(key, value);
}

void Call::SetHttpStatus(int status) { context_->AddInitialMetadata("x-http-status", absl::StrCat(status)); }

}  // namespace stratus::rpc
