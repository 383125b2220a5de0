#include "services/sandbox/faults.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::sandbox {
namespace {

constexpr absl::Duration kDelayMax = absl::Minutes(10);
constexpr int64_t kBytesMax = 256 << 20;

std::string Html(int status) {
  return absl::StrCat("<html>\r\n<head><title>", status, "</title></head>\r\n<body>\r\n<center><h1>", status,
                      "</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n");
}

int UsualStatus(Fault::Kind kind) {
  if (kind == Fault::Kind::kStatus) return 503;
  return kind == Fault::Kind::kHtml ? 502 : 200;
}

http_server::Response MakeUp(int status, std::string_view content_type, std::string body) {
  http_server::Response response;
  response.status = status;
  response.headers = {{"content-type", std::string(content_type)}};
  response.body = std::move(body);
  return response;
}

http_server::Response Strike(const Fault& fault, const Faults::ErrorBody& error_body,
                             const std::function<http_server::Response()>& real) {
  constexpr std::string_view kJson = "application/json; charset=utf-8";
  const int status = fault.status != 0 ? fault.status : UsualStatus(fault.kind);
  http_server::Response response;
  switch (fault.kind) {
    case Fault::Kind::kStatus:
      response = MakeUp(status, kJson, error_body(status));
      if (!fault.retry_after.empty()) response.headers.emplace_back("retry-after", fault.retry_after);
      break;
    case Fault::Kind::kSlow: response = real(); break;
    case Fault::Kind::kHtml: response = MakeUp(status, "text/html", Html(status)); break;
    case Fault::Kind::kTruncated:
      response = real();
      response.body.resize(response.body.size() / 2);
      break;
    case Fault::Kind::kCut:
      response = real();
      response.cut_after_bytes = static_cast<int64_t>(response.body.size() / 2);
      break;
    case Fault::Kind::kDrop:
      response = real();
      response.hang_up = true;
      break;
    case Fault::Kind::kStuck: response = real(); break;
    case Fault::Kind::kHuge: response = MakeUp(status, kJson, std::string(fault.bytes, ' ')); break;
    case Fault::Kind::kGarbage: response = MakeUp(status, kJson, "\x1f\x8b\x08\xff\xfe{\"garbage\x80"); break;
    case Fault::Kind::kEmpty: response = MakeUp(status, kJson, ""); break;
  }
  response.delay = fault.delay;
  return response;
}

}  // namespace

void Faults::AddTarget(std::string_view target, ErrorBody error_body) {
  core::MutexLock lock(mutex_);
  targets_[std::string(target)].error_body = std::move(error_body);
}

void Faults::AddEvent(std::string_view event) {
  core::MutexLock lock(mutex_);
  targets_[std::string(event)].is_event = true;
}

absl::Status Faults::Set(std::string_view target, const Fault& fault) {
  if (fault.delay < absl::ZeroDuration() || fault.delay > kDelayMax) {
    return absl::InvalidArgumentError("delay_ms must be from 0 to 600000");
  }
  if (fault.status != 0 && (fault.status < 200 || fault.status > 599)) {
    return absl::InvalidArgumentError("status must be from 200 to 599");
  }
  if (fault.count < 0) return absl::InvalidArgumentError("count must not be negative; 0 means until cleared");
  if (fault.bytes < 0 || fault.bytes > kBytesMax) return absl::InvalidArgumentError("bytes must be from 0 to 256 MiB");
  core::MutexLock lock(mutex_);
  const auto found = targets_.find(target);
  if (found == targets_.end()) {
    std::string known;
    for (const auto& [name, entry] : targets_) absl::StrAppend(&known, known.empty() ? "" : ", ", name);
    return absl::NotFoundError(absl::StrCat("no target '", core::ToAbsl(target), "'; there are: ", known));
  }
  if (found->second.is_event != (fault.kind == Fault::Kind::kStuck)) {
    return absl::InvalidArgumentError("'stuck' is for events, such as digitalocean.boot, and events know nothing else");
  }
  found->second.fault = fault;
  found->second.active = true;
  return absl::OkStatus();
}

void Faults::Clear() {
  core::MutexLock lock(mutex_);
  for (auto& [name, target] : targets_) target.active = false;
}

bool Faults::Take(std::string_view name, Fault* fault, ErrorBody* error_body) {
  core::MutexLock lock(mutex_);
  const auto found = targets_.find(name);
  if (found == targets_.end()) return false;
  Target& target = found->second;
  ++target.calls;
  if (!target.active) return false;
  *fault = target.fault;
  *error_body = target.error_body;
  if (target.fault.count > 0 && --target.fault.count == 0) target.active = false;
  return true;
}

http_server::Response Faults::Answer(std::string_view target, const std::function<http_server::Response()>& real) {
  Fault fault;
  ErrorBody error_body;
  return Take(target, &fault, &error_body) ? Strike(fault, error_body, real) : real();
}

bool Faults::Strikes(std::string_view event) {
  Fault fault;
  ErrorBody error_body;
  return Take(event, &fault, &error_body);
}

std::map<std::string, int64_t> Faults::Calls() const {
  core::MutexLock lock(mutex_);
  std::map<std::string, int64_t> calls;
  for (const auto& [name, target] : targets_) calls[name] = target.calls;
  return calls;
}

}  // namespace stratus::sandbox
