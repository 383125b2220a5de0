#include "gateway/filter/access_log.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "lib/core/log.h"
#include "lib/core/status.h"

namespace stratus::gateway::filter {
namespace {

// A batch waits this long for company.
constexpr auto kBatchTime = std::chrono::milliseconds(50);

void AppendText(std::string* out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  out->append(key);
  core::AppendJsonString(out, value);
}

template <typename Number>
void AppendNumber(std::string* out, std::string_view key, Number value) {
  char text[24];
  out->append(key);
  out->append(text, static_cast<size_t>(std::to_chars(text, text + sizeof(text), value).ptr - text));
}

void AppendTwoDigits(std::string* out, int value) {
  out->push_back(static_cast<char>('0' + value / 10 % 10));
  out->push_back(static_cast<char>('0' + value % 10));
}

// RFC 3339 in UTC with milliseconds, without absl's general formatter: this runs once a request.
void AppendTime(std::string* out, absl::Time time) {
  const absl::CivilSecond civil = absl::ToCivilSecond(time, absl::UTCTimeZone());
  const auto millis = static_cast<int>((absl::ToUnixMillis(time) % 1000 + 1000) % 1000);
  AppendNumber(out, "{\"time\":\"", static_cast<int64_t>(civil.year()));
  out->push_back('-');
  AppendTwoDigits(out, civil.month());
  out->push_back('-');
  AppendTwoDigits(out, civil.day());
  out->push_back('T');
  AppendTwoDigits(out, civil.hour());
  out->push_back(':');
  AppendTwoDigits(out, civil.minute());
  out->push_back(':');
  AppendTwoDigits(out, civil.second());
  out->push_back('.');
  out->push_back(static_cast<char>('0' + millis / 100));
  AppendTwoDigits(out, millis % 100);
  out->append("Z\"");
}

}  // namespace

void AppendAccessLine(const AccessRecord& record, std::string* out) {
  AppendTime(out, record.time);
  AppendText(out, ",\"requestId\":", record.request_id);
  AppendText(out, ",\"traceId\":", record.trace_id);
  AppendText(out, ",\"clientId\":", record.client_id);
  AppendText(out, ",\"peer\":", record.peer);
  AppendText(out, ",\"protocol\":", record.protocol);
  AppendText(out, ",\"httpMethod\":", record.http_method);
  AppendText(out, ",\"path\":", record.path);
  AppendText(out, ",\"route\":", record.route);
  AppendText(out, ",\"method\":", record.method);
  AppendText(out, ",\"upstream\":", record.upstream);
  AppendNumber(out, ",\"status\":", record.http_status);
  AppendText(out, ",\"code\":", core::CodeName(record.grpc_code));
  AppendNumber(out, ",\"bytesIn\":", record.bytes_in);
  AppendNumber(out, ",\"bytesOut\":", record.bytes_out);
  // Microseconds as a decimal fraction of milliseconds.
  const int64_t micros = absl::ToInt64Microseconds(record.duration);
  AppendNumber(out, ",\"ms\":", micros / 1000);
  out->push_back('.');
  out->push_back(static_cast<char>('0' + micros / 100 % 10));
  AppendTwoDigits(out, static_cast<int>(micros % 100));
  AppendText(out, ",\"reason\":", record.reason);
  out->append("}\n");
}

AccessLog::AccessLog(int fd) : fd_(fd), writer_([this] { Run(); }) {}

AccessLog::~AccessLog() {
  {
    core::MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyOne();
  }
  writer_.join();
}

void AccessLog::Write(const AccessRecord& record) {
  core::MutexLock lock(mutex_);
  if (pending_.size() > kBufferMax) {
    ++dropped_;
    return;
  }
  const bool first = pending_.empty();
  AppendAccessLine(record, &pending_);
  if (first) wake_.NotifyOne();
}

void AccessLog::Run() {
  std::string batch;
  for (;;) {
    uint64_t dropped = 0;
    bool stopping = false;
    {
      core::MutexLock lock(mutex_);
      while (pending_.empty() && !stopping_) wake_.Wait(lock);
      if (!stopping_) wake_.WaitFor(lock, kBatchTime);
      batch.clear();
      batch.swap(pending_);
      std::swap(dropped, dropped_);
      stopping = stopping_;
    }
    WriteOut(batch);
    if (dropped > 0) core::Log(core::Severity::kWarning, "access log lines dropped", {{"lines", dropped}});
    if (stopping) return;
  }
}

void AccessLog::WriteOut(std::string_view batch) {
  while (!batch.empty()) {
    const ssize_t written = ::write(fd_, batch.data(), batch.size());
    if (written > 0) {
      batch.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd wait{fd_, POLLOUT, 0};
      if (::poll(&wait, 1, 1000) == 0) return;  // a reader that has stopped: this batch is lost
    } else if (errno != EINTR) {
      return;
    }
  }
}

}  // namespace stratus::gateway::filter
