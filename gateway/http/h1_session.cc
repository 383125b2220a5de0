#include "gateway/http/h1_session.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "gateway/http/refusal_body.h"

namespace stratus::gateway::http {
namespace {

constexpr Refusal kBareLf = {400, "a line of the request ends in LF without CR"};
constexpr Refusal kFolded = {400, "a header line of the request is folded"};
constexpr Refusal kLongLine = {414, "the request line is too long"};
constexpr Refusal kLargeHead = {431, "the request's headers are too large"};
constexpr Refusal kUnanswered = {500, "the request was not answered"};
constexpr Refusal kSlowRequest = {408, "the request did not arrive in time"};
constexpr Refusal kManyChunks = {400, "the request body comes in too many small chunks, or its chunks say too much"};
constexpr Refusal kNotHttp = {400, "this is not an HTTP request"};

// What chunks may cost beyond the bytes that they carry: 2,000 chunks at once, 1,000 a second (RateBudget::kFrame
// each).
constexpr int64_t kChunkBurst = 2000 * RateBudget::kFrame;
constexpr int64_t kChunksPerSecond = 1000 * RateBudget::kFrame;

const Refusal& RefusalOf(HeadScanner::Result result) {
  switch (result) {
    case HeadScanner::Result::kBadLineEnding: return kBareLf;
    case HeadScanner::Result::kFolded: return kFolded;
    case HeadScanner::Result::kLineTooLong: return kLongLine;
    case HeadScanner::Result::kNotHttp: return kNotHttp;
    default: return kLargeHead;
  }
}

}  // namespace

H1Session::H1Session(Connection* connection)
    : connection_(connection),
      parser_(connection->context().limits.headers_max),
      chunks_(kChunkBurst, RateBudget::PerTick(kChunksPerSecond, connection->context().clock.period)) {}

// --- Input

void H1Session::OnInput(std::string_view input) {
  if (rest_.empty()) {
    const std::string_view rest = input.substr(Consume(input));
    if (!rest.empty()) rest_.Append(rest);
  } else {
    rest_.Append(input);
    OnResume();
  }
  if (rest_.empty()) rest_.Shrink(kPipelineMax);
}

void H1Session::OnResume() {
  if (rest_.empty()) return;
  if (const size_t used = Consume(rest_.view())) rest_.Consume(used);
}

bool H1Session::wants_input() const {
  // A client that does not take its replies is not listened to any more.
  if (held_up_ || replies_wait()) return false;
  return rest_.size() < kPipelineMax + connection_->context().limits.header_bytes_max && unconsumed_ < kUnconsumedMax;
}

size_t H1Session::Consume(std::string_view input) {
  consuming_ = true;
  size_t used = 0;
  while (!connection_->closing()) {
    const size_t before = used;
    const Reading reading = reading_;
    held_up_ = reading == Reading::kHead && replies_wait();
    if (held_up_) break;
    if (reading == Reading::kHead) {
      used += ConsumeHead(input.substr(used));
    } else if (reading == Reading::kBody) {
      used += ConsumeBody(input.substr(used));
    }
    if (used == before && reading_ == reading) break;
  }
  consuming_ = false;
  // What comes after the last request is of no interest.
  return connection_->closing() ? input.size() : used;
}

size_t H1Session::ConsumeHead(std::string_view input) {
  // Empty lines before a request line are passed over (RFC 9112, 2.2).
  size_t skipped = 0;
  while (scanner_.size() == 0 && input.substr(skipped).starts_with("\r\n")) skipped += 2;
  input.remove_prefix(skipped);
  if (input.empty()) return skipped;
  const HeadScanner::Result result = scanner_.Scan(input, connection_->context().limits.header_bytes_max);
  if (result == HeadScanner::Result::kIncomplete) {
    if (!waiting_for_head_) {
      waiting_for_head_ = true;
      connection_->SetReadTimeout(connection_->context().clock.header);
    }
    return skipped;
  }
  if (result != HeadScanner::Result::kComplete) {
    head_ = H1Head();
    Refuse(RefusalOf(result));
    return skipped;
  }
  const size_t size = scanner_.size();
  scanner_.Reset();
  waiting_for_head_ = false;
  head_bytes_.Clear();
  head_bytes_.Append(input.substr(0, size));
  if (const Refusal* refusal = parser_.ParseHead(head_bytes_.data(), size, &head_)) {
    Refuse(*refusal);
  } else {
    BeginExchange();
  }
  return skipped + size;
}

void H1Session::BeginExchange() {
  Context& context = connection_->context();
  ListenerStats::Add(context.stats.requests);
  head_.request.peer = connection_->peer();
  head_.request.secure = connection_->secure();
  reading_ = head_.request.has_body ? Reading::kBody : Reading::kDone;
  close_ = draining_ || !head_.keep_alive;
  continue_due_ = head_.expects_continue && head_.request.has_body;
  may_pause_ = false;
  connection_->SetReadTimeout(head_.request.has_body ? context.clock.stall : 0);
  if (head_.asterisk) return AnswerAsterisk();
  context.service->OnRequest(this);
  if (reading_ != Reading::kHead && answer_ == Answer::kNone && handler_ == nullptr) return Refuse(kUnanswered);
  if (answer_ == Answer::kNone && handler_ != nullptr && std::exchange(continue_due_, false)) {
    connection_->out().buffer().Append("HTTP/1.1 100 Continue\r\n\r\n");
    connection_->out().Commit();
  }
}

size_t H1Session::ConsumeBody(std::string_view input) {
  size_t used = 0;
  if (!input.empty()) {
    continue_due_ = false;
    AwaitBody();
    if (const Refusal* refusal = parser_.ParseBody(input, this, &used)) {
      BreakOff(*refusal);
      return used;
    }
    if (chunks_.spent()) {
      ListenerStats::Add(connection_->context().stats.connections_flooded);
      BreakOff(kManyChunks);
      return used;
    }
  }
  if (parser_.body_done()) EndBody();
  return used;
}

void H1Session::AllowPauses() {
  may_pause_ = true;
  if (reading_ == Reading::kBody) AwaitBody();
}

void H1Session::AwaitBody() { connection_->SetReadTimeout(may_pause_ ? 0 : connection_->context().clock.stall); }

void H1Session::OnChunk(size_t extension_bytes) {
  chunks_.Spend(RateBudget::kFrame + static_cast<int64_t>(extension_bytes));
}

void H1Session::OnBodyPiece(std::string_view piece) {
  chunks_.Earn(static_cast<int64_t>(piece.size()));
  body_moved_ += piece.size();
  if (handler_ == nullptr) return;
  unconsumed_ += piece.size();
  handler_->OnBody(piece);
}

void H1Session::EndBody() {
  reading_ = Reading::kDone;
  connection_->SetReadTimeout(0);
  if (handler_ != nullptr) handler_->OnBodyEnd();
  if (reading_ == Reading::kDone && answer_ == Answer::kDone) NextRequest();
}

void H1Session::BodyConsumed(size_t bytes) {
  const bool paused = unconsumed_ >= kUnconsumedMax;
  unconsumed_ -= std::min(bytes, unconsumed_);
  if (paused && unconsumed_ < kUnconsumedMax) {
    if (reading_ == Reading::kBody) AwaitBody();
    connection_->ScheduleResume();
  }
}

// The body fails: the handler is told, and the client too when no answer has begun.
void H1Session::BreakOff(const Refusal& refusal) {
  const bool answer = answer_ == Answer::kNone;
  OnLost();
  if (!answer) return connection_->CloseAfterFlush();
  Refuse(refusal);
}

// A client that ends its side while it waits for an answer cannot be told from one that has gone: both send the same.
// The exchange is aborted, so that its work stops.
void H1Session::OnEnd() {
  OnLost();
  connection_->CloseAfterFlush();
}

void H1Session::OnLost() {
  Handler* handler = std::exchange(handler_, nullptr);
  if (handler == nullptr) return;
  ListenerStats::Add(connection_->context().stats.exchanges_aborted);
  answer_ = Answer::kDone;
  handler->OnAbort();
}

void H1Session::OnReadTimeout() {
  if (reading_ == Reading::kHead) {
    if (!waiting_for_head_) return connection_->CloseAfterFlush();
    head_ = H1Head();
    return Refuse(kSlowRequest);
  }
  // The client stopped in the middle of its body; while we are the ones who do not read, it has all the time.
  if (unconsumed_ < kUnconsumedMax) BreakOff(kSlowRequest);
}

void H1Session::OnTick(size_t acknowledged) {
  chunks_.OnTick();
  Context& context = connection_->context();
  const bool body_due = reading_ == Reading::kBody && !may_pause_ && wants_input();
  const size_t moved = std::exchange(body_moved_, 0);
  if (!body_due) {
    body_floor_.Reset();
  } else if (!body_floor_.Keep(context.clock.floor, moved)) {
    ListenerStats::Add(context.stats.slow_bodies);
    return BreakOff(kSlowRequest);
  }
  // A stream may wait for its reader; stall_timeout bounds that. What is not committed waits for the service.
  if (connection_->out().pending().empty() || answer_ == Answer::kStream) {
    reply_floor_.Reset();
  } else if (!reply_floor_.Keep(context.clock.floor, acknowledged)) {
    ListenerStats::Add(context.stats.slow_readers);
    connection_->Cut();
  }
}

size_t H1Session::held_bytes() const {
  return rest_.capacity() + head_bytes_.capacity() + (handler_ == nullptr ? 0 : handler_->held_bytes());
}

void H1Session::Drain() {
  draining_ = true;
  close_ = true;
  if (reading_ == Reading::kHead && !waiting_for_head_) connection_->CloseAfterFlush();
}

// --- Output

Persistence H1Session::Persist(Framing framing) {
  // The rest of a body that nobody wants is dropped when it is short and surely on its way.
  if (reading_ == Reading::kBody && (continue_due_ || parser_.body_remaining() > kDropMax)) close_ = true;
  if (framing == Framing::kUntilClose) close_ = true;
  if (close_) return Persistence::kClose;
  return head_.request.protocol == Protocol::kHttp10 ? Persistence::kKeepAlive : Persistence::kDefault;
}

ResponseHead H1Session::MakeHead(int status, absl::Span<const Header> headers, Framing framing) {
  framing_ = framing;
  bodiless_ = IsBodiless(status);
  return {.status = status,
          .headers = headers,
          .date = connection_->context().date.Now(),
          .framing = framing,
          .persistence = Persist(framing)};
}

Buffer& H1Session::StartBody(int status, absl::Span<const Header> headers) {
  Buffer& out = connection_->out().buffer();
  length_at_ =
      AppendResponseHead(MakeHead(status, headers, IsBodiless(status) ? Framing::kNone : Framing::kLength), &out);
  body_at_ = out.size();
  answer_ = Answer::kBody;
  return out;
}

void H1Session::FinishBody() {
  Buffer& out = connection_->out().buffer();
  if (framing_ == Framing::kLength) PatchLength(length_at_, out.size() - body_at_, &out);
  if (!sends_body()) out.Resize(body_at_);
  connection_->out().Commit();
  EndAnswer();
}

void H1Session::AbandonBody() {
  connection_->out().Rollback();
  answer_ = Answer::kNone;
}

void H1Session::SendShared(int status, absl::Span<const Header> headers, std::shared_ptr<const void> owner,
                           std::string_view body) {
  Buffer& out = connection_->out().buffer();
  const size_t length_at = AppendResponseHead(MakeHead(status, headers, Framing::kLength), &out);
  PatchLength(length_at, body.size(), &out);
  connection_->out().Commit();
  if (sends_body()) connection_->out().SetTail(std::move(owner), body);
  EndAnswer();
}

void H1Session::StartStream(int status, absl::Span<const Header> headers) {
  const Framing framing = IsBodiless(status)                            ? Framing::kNone
                          : head_.request.protocol == Protocol::kHttp10 ? Framing::kUntilClose
                                                                        : Framing::kChunked;
  AppendResponseHead(MakeHead(status, headers, framing), &connection_->out().buffer());
  connection_->out().Commit();
  answer_ = Answer::kStream;
  connection_->ScheduleFlush();
}

// A chunk is written in place: its size, of fixed width (leading zeros are allowed), is patched when it is closed.
constexpr std::string_view kChunkHead = "00000000\r\n";

Buffer& H1Session::stream_buffer() {
  if (!chunk_open_) {
    chunk_open_ = true;
    Buffer& out = connection_->out().buffer();
    chunk_at_ = out.size();
    if (framing_ == Framing::kChunked) out.Append(kChunkHead);
  }
  return connection_->out().buffer();
}

void H1Session::CloseChunk() {
  if (!std::exchange(chunk_open_, false)) return;
  Buffer& out = connection_->out().buffer();
  const size_t head = framing_ == Framing::kChunked ? kChunkHead.size() : 0;
  size_t size = out.size() - chunk_at_ - head;
  if (size == 0 || !sends_body()) return out.Resize(chunk_at_);
  if (framing_ == Framing::kChunked) {
    char* digit = out.data() + chunk_at_ + 8;
    for (int i = 0; i < 8; ++i, size >>= 4) *--digit = "0123456789abcdef"[size & 15];
    out.Append("\r\n");
  }
  connection_->out().Commit();
}

void H1Session::Flush() {
  CloseChunk();
  if (backlog() > kBacklogHigh) above_high_ = true;
  connection_->ScheduleFlush();
}

void H1Session::EndStream(absl::Span<const Header>) {
  CloseChunk();
  if (framing_ == Framing::kChunked && sends_body()) {
    connection_->out().buffer().Append("0\r\n\r\n");
    connection_->out().Commit();
  }
  EndAnswer();
}

void H1Session::Abort() {
  handler_ = nullptr;
  chunk_open_ = false;
  connection_->out().Rollback();
  // An HTTP/1.0 body ends where the connection ends: only a reset tells that it is not whole.
  const bool until_close = answer_ == Answer::kStream && framing_ == Framing::kUntilClose;
  answer_ = Answer::kDone;
  if (until_close) {
    connection_->ResetAfterFlush();
  } else {
    connection_->CloseAfterFlush();
  }
}

void H1Session::EndAnswer() {
  handler_ = nullptr;
  answer_ = Answer::kDone;
  above_high_ = false;
  const bool was_paused = unconsumed_ >= kUnconsumedMax;
  unconsumed_ = 0;
  if (std::exchange(may_pause_, false) && reading_ == Reading::kBody) AwaitBody();
  if (close_) {
    connection_->CloseAfterFlush();
  } else if (reading_ == Reading::kDone) {
    NextRequest();
  }
  if (consuming_) return;
  if (was_paused || !rest_.empty()) {
    connection_->ScheduleResume();
  } else {
    connection_->Flush();
  }
}

void H1Session::NextRequest() {
  reading_ = Reading::kHead;
  answer_ = Answer::kNone;
  bodiless_ = false;
  connection_->SetReadTimeout(connection_->context().clock.idle);
}

void H1Session::OnSent(size_t shift) {
  length_at_ -= std::min(shift, length_at_);
  body_at_ -= std::min(shift, body_at_);
  chunk_at_ -= std::min(shift, chunk_at_);
  if (held_up_ && backlog() < kRepliesLow && !connection_->out().has_tail()) {
    held_up_ = false;
    connection_->ScheduleResume();
  }
  if (!above_high_ || backlog() >= kBacklogLow) return;
  above_high_ = false;
  if (handler_ != nullptr) handler_->OnDrained();
}

void H1Session::Refuse(const Refusal& refusal) {
  ListenerStats::Add(connection_->context().stats.requests_malformed);
  close_ = true;
  const Header headers[] = {kJsonContentType};
  AppendRefusalBody(refusal, &StartBody(refusal.status, headers));
  FinishBody();
}

// RFC 9110, 9.3.7: a ping of the server as a whole; there is no resource behind it.
void H1Session::AnswerAsterisk() {
  const Header headers[] = {{"allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}};
  StartBody(204, headers);
  FinishBody();
}

}  // namespace stratus::gateway::http
