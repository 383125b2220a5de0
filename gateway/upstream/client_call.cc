#include "gateway/upstream/client_call.h"

#include <algorithm>
#include <cstring>

#include "gateway/upstream/call_fields.h"
#include "gateway/upstream/connection.h"
#include "gateway/upstream/grpc_wire.h"

namespace stratus::gateway::upstream {
namespace {

// Credit is given back to nghttp2 in pieces of this size: a small reply then costs no call at all.
constexpr size_t kCreditPiece = 64 << 10;
// Sent bytes of a long upload are dropped in pieces of this size; from then on it cannot be restarted.
constexpr size_t kDropPiece = 256 << 10;
constexpr size_t kUnsentLow = 64 << 10;

nghttp2_nv Nv(std::string_view name, std::string_view value) {
  // nghttp2 does not write through these pointers.
  return {const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(name.data())),
          const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(value.data())), name.size(), value.size(),
          static_cast<uint8_t>(NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE)};
}

std::string_view View(nghttp2_rcbuf* buffer) {
  const nghttp2_vec vec = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(vec.base), vec.len};
}

}  // namespace

ClientCall::ClientCall(TimerQueue* timers, CallOwner* owner, std::string_view scheme)
    : timers_(timers),
      owner_(owner),
      scheme_(scheme),
      deadline_([](void* self) { static_cast<ClientCall*>(self)->OnDeadline(); }, this),
      retry_(
          [](void* context) {
            ClientCall* self = static_cast<ClientCall*>(context);
            self->owner_->OnRetryDue(self);
          },
          this) {}

ClientCall::~ClientCall() { ClearHeaders(); }

void ClientCall::Prepare(const CallHead& head, CallObserver* observer) {
  observer_ = observer;
  streaming_ = head.streaming;
  batch_reads_ = head.batch_reads;
  idempotent_ = head.idempotent;
  waits_ = head.waits;
  CopyHead(head);
  if (head.timeout_ns > 0) {
    deadline_ns_ = TimerQueue::Now() + head.timeout_ns;
    timers_->Arm(&deadline_, deadline_ns_);
  }
}

void ClientCall::CopyHead(const CallHead& head) {
  size_t total = head.path.size() + head.authority.size() + head.content_type.size();
  for (const http::Header& header : head.metadata) total += header.name.size() + header.value.size();
  head_.Reserve(total);  // once, so that the views below stay valid
  path_bytes_ = head.path.size();
  const auto copy = [this](std::string_view text) {
    const size_t at = head_.size();
    head_.Append(text);
    return std::string_view(head_.data() + at, text.size());
  };
  nv_.push_back(Nv(":method", "POST"));
  nv_.push_back(Nv(":scheme", scheme_));
  // Paths of gRPC are few: nghttp2 by itself never indexes :path.
  nv_.push_back(Nv(":path", copy(head.path)));
  nv_.push_back(Nv(":authority", copy(head.authority)));
  nv_.push_back(Nv("content-type", copy(head.content_type)));
  nv_.push_back(Nv("te", "trailers"));
  for (const http::Header& header : head.metadata) {
    if (IsCallField(header.name, header.value)) {
      AppendCallField(header.name, header.value, &fields_);
    } else {
      nv_.push_back(Nv(copy(header.name), copy(header.value)));
    }
  }
  fields_fixed_ = fields_.size();
}

absl::Span<const nghttp2_nv> ClientCall::RequestHeaders() {
  sent_ns_ = TimerQueue::Now();
  if (deadline_ns_ != 0) {
    fields_.Truncate(fields_fixed_);
    const int64_t left = std::max<int64_t>(deadline_ns_ - sent_ns_, 1);
    char text[16];
    AppendCallField("grpc-timeout", {text, FormatTimeout(left, text)}, &fields_);
  }
  return nv_;
}

void ClientCall::Reset() {
  deadline_.Disarm();
  retry_.Disarm();
  ClearHeaders();
  connection = nullptr;
  endpoint = nullptr;
  index = 0;
  stream_id = -1;
  head_sent = head_received = deferred = starved_ = retry_pending = pinned = false;
  if (!failure.ok()) failure = absl::OkStatus();
  observer_ = nullptr;
  head_.Clear();
  head_.Shrink(kBufferKept);
  nv_.clear();
  fields_.Clear();
  fields_.Shrink(kBufferKept);
  deadline_ns_ = 0;
  request_.Clear();
  request_.Shrink(kBufferKept);
  sent_ = 0;
  last_ = over_high_ = received_ = ready_ = false;
  moves_ = retries_ = 0;
  held_ = true;
  unreported_ = 0;
}

void ClientCall::Send(std::string_view bytes, bool last) {
  if (done() || last_) return;
  request_.Append(bytes);
  last_ = last;
  if (unsent() > kUnsentHigh) over_high_ = true;
  if (connection != nullptr) {
    connection->BodyReady(this);
  } else if (!ready_ && !streaming_ && !pinned && (last_ || unsent() >= kReadyBytes)) {
    ready_ = true;
    owner_->OnReady(this);
  }
}

ssize_t ClientCall::ReadBody(uint8_t* out, size_t room, uint32_t* flags) {
  const size_t count = std::min(room, unsent());
  if (count == 0 && !last_) {
    deferred = starved_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  if (count > 0) std::memcpy(out, request_.data() + sent_, count);
  sent_ += count;
  if (last_ && sent_ == request_.size()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (starved_) sent_ns_ = TimerQueue::Now();  // what its client took is not the server's latency
  }
  if (sent_ >= kDropPiece) {
    request_.Consume(sent_);
    sent_ = 0;
    held_ = false;
  }
  if (over_high_ && unsent() < kUnsentLow) {
    over_high_ = false;
    if (!done()) observer_->OnDrained();
  }
  return static_cast<ssize_t>(count);
}

void ClientCall::Moved() {
  ++moves_;
  Rewind();
}

void ClientCall::Retried() {
  ++retries_;
  Rewind();
}

// Back to before the first byte was sent.
void ClientCall::Rewind() {
  ClearHeaders();
  connection = nullptr;
  stream_id = -1;
  head_sent = deferred = starved_ = retry_pending = received_ = false;
  sent_ = 0;
}

void ClientCall::Pause(absl::Duration pause) {
  timers_->Arm(&retry_, TimerQueue::Now() + absl::ToInt64Nanoseconds(pause));
}

void ClientCall::MarkReceived() { received_ = true; }

void ClientCall::Consumed(size_t bytes) {
  unreported_ += bytes;
  if (unreported_ < kCreditPiece || connection == nullptr) return;
  connection->Consume(this, unreported_);
  unreported_ = 0;
}

void ClientCall::Cancel() {
  observer_ = nullptr;
  deadline_.Disarm();
  // A call queued for a connection stays in its queue, where it is found to be done.
  if (connection != nullptr) {
    connection->Cancel(this);
  } else if (held_back()) {
    owner_->Release(this);
  }
}

bool ClientCall::AddHeader(nghttp2_rcbuf* name, nghttp2_rcbuf* value) {
  const std::string_view name_view = View(name);
  const std::string_view value_view = View(value);
  header_bytes_ += name_view.size() + value_view.size() + 32;  // as SETTINGS_MAX_HEADER_LIST_SIZE counts
  if (header_bytes_ > kHeaderBytesMax) return false;
  if (name_view == ":status") {
    http_status_ = 0;
    for (const char c : value_view) http_status_ = http_status_ * 10 + (c - '0');  // nghttp2 has checked the digits
    return true;
  }
  if (name_view == "content-type") grpc_content_type_ = IsGrpcContentType(value_view);
  if (name_view == "grpc-status") has_grpc_status_ = true;
  nghttp2_rcbuf_incref(name);
  nghttp2_rcbuf_incref(value);
  headers_.push_back({name, value});
  return true;
}

void ClientCall::ClearHeaders() {
  for (const HeaderRef& header : headers_) {
    nghttp2_rcbuf_decref(header.name);
    nghttp2_rcbuf_decref(header.value);
  }
  headers_.clear();
  header_bytes_ = 0;
  http_status_ = 0;
  grpc_content_type_ = has_grpc_status_ = false;
}

absl::Span<const http::Header> ClientCall::Headers() {
  views_.clear();
  for (const HeaderRef& header : headers_) views_.push_back({View(header.name), View(header.value)});
  return views_;
}

void ClientCall::End(const absl::Status& status, absl::Span<const http::Header> trailers) {
  CallObserver* observer = observer_;
  if (observer == nullptr) return;
  observer_ = nullptr;
  deadline_.Disarm();
  observer->OnEnd(status, trailers);
}

bool ClientCall::DeadlinePassed() const { return deadline_ns_ != 0 && TimerQueue::Now() >= deadline_ns_; }

void ClientCall::OnDeadline() {
  if (connection != nullptr) connection->OnDeadline(this);
  const bool forgotten = held_back();
  End(absl::DeadlineExceededError("the deadline passed before the upstream answered"));
  if (forgotten) owner_->Release(this);
}

}  // namespace stratus::gateway::upstream
