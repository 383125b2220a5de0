#include "gateway/proxy/coded_body.h"

namespace stratus::gateway::proxy {

filter::DecodeResult CodedBody::Decode(filter::BodyReader* reader, size_t bytes_max, Buffer* out,
                                       absl::FunctionRef<bool(size_t more)> has_room) {
  std::string_view rest = rest_.view();
  const filter::DecodeResult result = filter::DecodePiece(reader, &rest, bytes_max, out, has_room);
  rest_.Consume(rest_.size() - rest.size());
  const bool more = !rest_.empty() || reader->has_more();
  if (result == filter::DecodeResult::kTaken && more) timers_->Arm(&again_, upstream::TimerQueue::Now());
  return result;
}

void CodedBody::Reset() {
  constexpr size_t kBufferKept = 64 << 10;
  again_.Disarm();
  rest_.Clear();
  rest_.Shrink(kBufferKept);
}

}  // namespace stratus::gateway::proxy
