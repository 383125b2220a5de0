// TranscodedCall for a method that takes a stream: each message goes on as it comes, and a service that does not take
// them holds the client back.
#include <utility>

#include "gateway/proxy/transcoded_call.h"

namespace stratus::gateway::proxy {
namespace {

// Of a coded body, decoded at a time: however well it was packed, no more than that is made of it before the service
// has taken what came before.
constexpr size_t kDecodedPiece = 64 << 10;

}  // namespace

void TranscodedCall::StartIncoming() {
  frame_.Clear();
  if (absl::Status status = AppendParameters(&frame_); !status.ok()) {
    snapshot_->ResetWriter(match_.route);
    Fail(status);
    return;
  }
  if (incoming_ == nullptr) incoming_ = std::make_unique<RequestStream>();
  incoming_->Begin(*route_, request().Find("content-type"), frame_.view(), env_.settings);
  exchange_->AllowPauses();
  StartUpstream();
  // What came before the decision about the caller.
  if (!body_.empty() && decoder_ == nullptr) {
    if (!SendMessages(body_.view())) return;
    body_.Clear();
  }
  if (body_complete_ || !request().has_body) {
    EndIncoming();
  } else {
    GoOn();
  }
}

void TranscodedCall::TakeIncoming(std::string_view piece) {
  withheld_ += piece.size();
  if (decoder_ != nullptr) {
    body_.Append(piece);
  } else if (!SendMessages(piece)) {
    return;
  }
  GoOn();
}

void TranscodedCall::EndIncoming() {
  if (decoder_ != nullptr) {
    if (!DecodeIncoming()) return;
    if (!body_.empty() || decoder_->has_more()) return;  // OnDrained comes back to it
    if (!decoder_->complete()) return FailRequest(absl::InvalidArgumentError(kCutCoding), 0);
  }
  frame_.Clear();
  if (absl::Status status = incoming_->End(&frame_); !status.ok()) {
    FailRequest(status, 0);
    return;
  }
  body_complete_ = half_closed_ = true;
  call_->Send(frame_.view(), true);
}

// False when the call has ended because the messages are wrong.
bool TranscodedCall::SendMessages(std::string_view piece) {
  frame_.Clear();
  if (absl::Status status = incoming_->Add(piece, &frame_); !status.ok()) {
    FailRequest(status, incoming_->too_large() ? 413 : 0);
    return false;
  }
  if (!frame_.empty()) call_->Send(frame_.view(), false);
  return true;
}

// body_ holds what has not been decoded yet. False as in SendMessages.
bool TranscodedCall::DecodeIncoming() {
  Buffer decoded;
  while ((!body_.empty() || decoder_->has_more()) && call_->unsent() < upstream::Call::kUnsentHigh) {
    std::string_view rest = body_.view();
    decoded.Clear();
    if (!decoder_->Read(&rest, kDecodedPiece, &decoded)) {
      FailRequest(absl::InvalidArgumentError(kNotItsCoding), 0);
      return false;
    }
    body_.Consume(body_.size() - rest.size());
    if (!SendMessages(decoded.view())) return false;
  }
  return true;
}

// Takes up what a slow service has held up, and gives the client credit for what has been dealt with.
void TranscodedCall::GoOn() {
  if (decoder_ != nullptr && !DecodeIncoming()) return;
  const size_t waiting = decoder_ != nullptr ? body_.size() : 0;
  if (withheld_ > waiting && call_->unsent() < upstream::Call::kUnsentHigh) {
    exchange_->BodyConsumed(std::exchange(withheld_, waiting) - waiting);
  }
}

void TranscodedCall::OnDrained() {
  if (call_ == nullptr) return;
  if (streams_in_ && !half_closed_) {
    if (body_complete_) {
      EndIncoming();
    } else {
      GoOn();
    }
    if (call_ == nullptr) return;
  }
  OnClientDrained();
}

}  // namespace stratus::gateway::proxy
