#include "lib/telemetry/span.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "lib/telemetry/span_state.h"

namespace stratus::telemetry {
namespace {

// X-Ray's: 50 annotations a segment, values of 1000 characters. The others bound what one span can hold in memory.
constexpr size_t kAnnotationsMax = 50;
constexpr size_t kAnnotationKeyMax = 100;
constexpr size_t kTextMax = 1000;
constexpr size_t kMetadataMax = 50;
constexpr size_t kMetadataBytesMax = 8 << 10;
constexpr size_t kExceptionsMax = 10;
constexpr size_t kNameMax = 200;

// At most `bytes`, cut between characters.
std::string Cut(std::string_view text, size_t bytes) {
  if (text.size() > bytes) {
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
    text = text.substr(0, bytes);
  }
  return std::string(text);
}

bool IsKey(std::string_view key) {
  return !key.empty() && key.size() <= kAnnotationKeyMax && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// A query or user info may hold a key.
std::string WithoutSecrets(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return Cut(url, kTextMax);
  const std::string_view rest = url.substr(scheme + 3);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  const size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return Cut(url, kTextMax);
  return Cut(absl::StrCat(core::ToAbsl(url.substr(0, scheme + 3)), core::ToAbsl(rest.substr(at + 1))), kTextMax);
}

void Put(SpanState* state, std::string_view key, AnnotationValue value) {
  if (state == nullptr || !IsKey(key)) return;
  state->Update([&](SpanRecord& record) {
    for (auto& [name, old] : record.annotations) {
      if (name == key) {
        old = std::move(value);
        return;
      }
    }
    if (record.annotations.size() < kAnnotationsMax) record.annotations.emplace_back(key, std::move(value));
  });
}

void AddExceptionTo(SpanRecord* record, std::string_view type, std::string_view message) {
  if (record->exceptions.size() >= kExceptionsMax) return;
  record->exceptions.push_back({Cut(type, kNameMax), Cut(message, kTextMax), record->kind == SpanKind::kClient});
}

const SpanRef kNoSpan;
thread_local const SpanRef* current = &kNoSpan;

}  // namespace

SpanOutcome OutcomeOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk: return SpanOutcome::kOk;
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDataLoss: return SpanOutcome::kFault;
    case absl::StatusCode::kResourceExhausted: return SpanOutcome::kThrottle;
    default: return SpanOutcome::kError;
  }
}

SpanOutcome OutcomeOfHttp(int status) {
  if (status >= 500) return SpanOutcome::kFault;
  if (status == 429) return SpanOutcome::kThrottle;
  return status >= 400 ? SpanOutcome::kError : SpanOutcome::kOk;
}

Span SpanRef::StartChild(std::string_view name, SpanKind kind) const {
  if (state_ == nullptr) return Span();
  // A process has one segment a call.
  return Span(state_->NewChild(Cut(name, kNameMax), kind == SpanKind::kServer ? SpanKind::kInternal : kind));
}

void SpanRef::Annotate(std::string_view key, std::string_view value) const {
  if (state_ != nullptr) Put(state_.get(), key, Cut(value, kTextMax));
}
void SpanRef::Annotate(std::string_view key, int64_t value) const { Put(state_.get(), key, value); }
void SpanRef::Annotate(std::string_view key, double value) const { Put(state_.get(), key, value); }
void SpanRef::Annotate(std::string_view key, bool value) const { Put(state_.get(), key, value); }

void SpanRef::AddMetadata(std::string_view key, std::string_view value) const {
  if (state_ == nullptr) return;
  state_->Update([&](SpanRecord& record) {
    const std::string name = Cut(key, kAnnotationKeyMax);
    for (auto& [old_name, old] : record.metadata) {
      if (old_name != name) continue;
      old = Cut(value, kMetadataBytesMax);  // a document with a member twice is read in as many ways as it has readers
      return;
    }
    if (record.metadata.size() < kMetadataMax) record.metadata.emplace_back(name, Cut(value, kMetadataBytesMax));
  });
}

void SpanRef::SetHttpRequest(std::string_view method, std::string_view url) const {
  if (state_ == nullptr) return;
  state_->Update([&](SpanRecord& record) {
    record.http.method = Cut(method, 32);
    record.http.url = WithoutSecrets(url);
  });
}

void SpanRef::SetHttpPeer(std::string_view client_ip, bool forwarded, std::string_view user_agent) const {
  if (state_ == nullptr) return;
  state_->Update([&](SpanRecord& record) {
    record.http.client_ip = Cut(client_ip, 64);
    record.http.x_forwarded_for = forwarded;
    record.http.user_agent = Cut(user_agent, 250);
  });
}

void SpanRef::SetHttpResponse(int status, int64_t content_length) const {
  if (state_ == nullptr) return;
  state_->Update([&](SpanRecord& record) {
    record.http.status = status;
    record.http.content_length = content_length;
    record.outcome = OutcomeOfHttp(status);
  });
}

void SpanRef::SetTraced() const {
  if (state_ == nullptr) return;
  state_->Update([](SpanRecord& record) { record.http.traced = true; });
}

void SpanRef::SetDatabase(std::string_view type, std::string_view operation) const {
  if (state_ == nullptr) return;
  state_->Update([&](SpanRecord& record) { record.database = {Cut(type, kNameMax), Cut(operation, kTextMax)}; });
}

void SpanRef::SetStatus(const absl::Status& status) const {
  if (state_ == nullptr) return;
  state_->Update([&](SpanRecord& record) {
    record.outcome = OutcomeOf(status.code());
    if (!status.ok()) AddExceptionTo(&record, core::CodeName(status.code()), core::ToStd(status.message()));
  });
}

void SpanRef::AddException(std::string_view type, std::string_view message) const {
  if (state_ == nullptr) return;
  state_->Update([&](SpanRecord& record) { AddExceptionTo(&record, type, message); });
}

void SpanRef::SetOutcome(SpanOutcome outcome) const {
  if (state_ == nullptr) return;
  state_->Update([&](SpanRecord& record) { record.outcome = outcome; });
}

SpanIdDigits SpanRef::id() const {
  if (state_ != nullptr) return state_->id();
  SpanIdDigits zeros;
  zeros.fill('0');
  return zeros;
}

void SpanRef::Announce() const {
  if (state_ != nullptr) state_->Announce();
}

void Span::EndRecording() {
  state_->End();
  state_.reset();
}

SpanRef CurrentSpan() { return *current; }

ScopedSpan::ScopedSpan(const SpanRef& span) : before_(current) { current = &span; }
ScopedSpan::~ScopedSpan() { current = before_; }

}  // namespace stratus::telemetry
