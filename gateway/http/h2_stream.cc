#include "gateway/http/h2_stream.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "gateway/http/authority.h"
#include "gateway/http/h2_session.h"
#include "gateway/http/refusal_body.h"
#include "gateway/http/response_head.h"

namespace stratus::gateway::http {
namespace {

// Appends to a buffer that has room, so that what was appended before stays where it is.
std::string_view Store(std::string_view text, Buffer* bytes) {
  const char* at = bytes->end();
  if (!text.empty()) bytes->Append(text);
  return {at, text.size()};
}

// Values that hardly any other response repeats would only push useful entries out of the HPACK table.
uint8_t IndexFlag(std::string_view name) {
  const bool unique = name == "x-request-id" || name == "x-amzn-trace-id" || name == "etag";
  return unique ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
}

nghttp2_nv MakeField(std::string_view name, std::string_view value) {
  // nghttp2 does not write through these.
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
          static_cast<uint8_t>(NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE | IndexFlag(name))};
}

size_t TextSize(absl::Span<const Header> headers) {
  size_t size = 0;
  for (const Header& header : headers) size += header.name.size() + header.value.size();
  return size;
}

}  // namespace

void H2Stream::Open(H2Session* session, int32_t id) {
  session_ = session;
  id_ = id;
}

void H2Stream::Reset() {
  session_ = nullptr;
  handler_ = nullptr;
  request_ = RequestHead();
  for (Buffer* bytes : {&head_bytes_, &response_bytes_, &trailer_bytes_}) {
    bytes->Clear();
    bytes->Shrink(H2StreamPool::kHeadBytesMax);
  }
  fields_.clear();
  headers_.clear();
  response_.clear();
  trailers_.clear();
  list_size_ = unconsumed_ = sent_ = flushed_ = 0;
  answer_ = Answer::kNone;
  malformed_ = too_large_ = bodiless_ = head_pending_ = submitted_ = false;
  deferred_ = finished_ = aborted_ = above_high_ = drained_ = false;
  body_open_ = may_pause_ = whole_ = false;
  shared_ = {};
  owner_.reset();
}

// --- The request

void H2Stream::AddField(std::string_view name, std::string_view value) {
  const Limits& limits = session_->connection().context().limits;
  list_size_ += name.size() + value.size() + H2Session::kFieldOverhead;
  too_large_ = too_large_ || list_size_ > limits.header_bytes_max || fields_.size() >= limits.headers_max;
  if (too_large_) return;
  const auto at = static_cast<uint32_t>(head_bytes_.size());
  fields_.push_back({at, static_cast<uint32_t>(name.size()), at + static_cast<uint32_t>(name.size()),
                     static_cast<uint32_t>(value.size())});
  head_bytes_.Append(name);
  head_bytes_.Append(value);
}

void H2Stream::SetPseudo(std::string_view name, std::string_view value) {
  if (name == ":method") {
    request_.method = value;
  } else if (name == ":path") {
    const size_t mark = value.find('?');
    request_.path = value.substr(0, mark);
    if (mark != std::string_view::npos) request_.query = value.substr(mark + 1);
  } else if (name == ":authority") {
    request_.authority = value;
  }
}

// False when :authority and Host contradict each other (RFC 9113, 8.3.1), or are none.
bool H2Stream::BuildRequest() {
  std::string_view host;
  for (const Field& field : fields_) {
    const std::string_view name = head_bytes_.view().substr(field.name_at, field.name_size);
    const std::string_view value = head_bytes_.view().substr(field.value_at, field.value_size);
    if (name.starts_with(':')) {
      SetPseudo(name, value);
      continue;
    }
    if (name == "host") host = value;
    // nghttp2 has seen to it that it is one number.
    if (name == "content-length") {
      std::from_chars(value.data(), value.data() + value.size(), request_.content_length);
    }
    headers_.push_back({name, value});
  }
  if (request_.authority.empty()) request_.authority = host;
  return (host.empty() || host == request_.authority) && IsAuthority(request_.authority);
}

void H2Stream::OnHead(bool has_body) {
  Context& context = session_->connection().context();
  ListenerStats::Add(context.stats.requests);
  progress_tick_ = context.clock.now;
  const bool agrees = BuildRequest();
  request_.protocol = Protocol::kHttp2;
  request_.secure = session_->connection().secure();
  request_.has_body = has_body;
  request_.peer = session_->connection().peer();
  request_.headers = headers_;
  body_open_ = has_body;
  if (too_large_) session_->OnFault();
  if (too_large_) return Refuse(431, "the request's headers are too large");
  if (malformed_ || !agrees) return Refuse(400, "the request is not well-formed HTTP/2");
  if (request_.method == "CONNECT") return Refuse(405, "CONNECT is not supported");
  if (request_.path == "*") {
    // RFC 9110, 9.3.7: a ping of the server as a whole; there is no resource behind it.
    const Header headers[] = {{"allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}};
    StartBody(204, headers);
    return FinishBody();
  }
  if (!request_.path.starts_with('/')) return Refuse(400, "the path must begin with /");
  context.service->OnRequest(this);
  if (answer_ == Answer::kNone && handler_ == nullptr) Refuse(500, "the request was not answered");
}

void H2Stream::OnData(std::string_view piece) {
  progress_tick_ = session_->connection().context().clock.now;
  if (!may_pause_) session_->OnBodyBytes(piece.size());
  if (handler_ == nullptr) {
    nghttp2_session_consume(session_->nghttp2(), id_, piece.size());
    return;
  }
  // The handler holds up its own stream, not the others of the connection: what all of them hold is HasRoom's concern.
  nghttp2_session_consume_connection(session_->nghttp2(), piece.size());
  unconsumed_ += piece.size();
  handler_->OnBody(piece);
}

void H2Stream::OnRequestEnd() {
  body_open_ = false;
  if (handler_ != nullptr) handler_->OnBodyEnd();
}

void H2Stream::BodyConsumed(size_t bytes) {
  bytes = std::min(bytes, unconsumed_);
  unconsumed_ -= bytes;
  nghttp2_session_consume_stream(session_->nghttp2(), id_, bytes);
  session_->connection().ScheduleFlush();
}

void H2Stream::OnClose() {
  session_->connection().context().buffers.Give(std::exchange(out_, Buffer()));
  AbortHandler();
}

bool H2Stream::HasRoom(size_t more) { return session_->connection().HasRoom(more); }

size_t H2Stream::held_bytes() const {
  return head_bytes_.capacity() + out_.capacity() + (handler_ == nullptr ? 0 : handler_->held_bytes());
}

// The handler is told, and the client too when no answer has begun.
void H2Stream::EndSlowBody() {
  body_open_ = false;
  const bool answered = answer_ != Answer::kNone;
  AbortHandler();
  if (!answered) return Refuse(408, "the request did not arrive in time");
  nghttp2_submit_rst_stream(session_->nghttp2(), NGHTTP2_FLAG_NONE, id_, NGHTTP2_CANCEL);
}

void H2Stream::EndSlowReader() {
  whole_ = false;
  nghttp2_submit_rst_stream(session_->nghttp2(), NGHTTP2_FLAG_NONE, id_, NGHTTP2_CANCEL);
}

void H2Stream::AbortHandler() {
  Handler* handler = std::exchange(handler_, nullptr);
  if (handler == nullptr) return;
  ListenerStats::Add(session_->connection().context().stats.exchanges_aborted);
  handler->OnAbort();
}

// --- The response

void H2Stream::Refuse(int status, std::string_view reason) {
  ListenerStats::Add(session_->connection().context().stats.requests_malformed);
  const Header headers[] = {kJsonContentType};
  AppendRefusalBody({status, reason}, &StartBody(status, headers));
  FinishBody();
}

void H2Stream::MakeHead(int status, absl::Span<const Header> headers) {
  constexpr size_t kFixed = 64;  // :status and date, and a content-length to come
  bodiless_ = IsBodiless(status);
  response_.clear();
  response_bytes_.Clear();
  response_bytes_.Reserve(TextSize(headers) + kFixed);
  char digits[4];
  const char* end = std::to_chars(digits, digits + sizeof(digits), status).ptr;
  const std::string_view code(digits, static_cast<size_t>(end - digits));
  response_.push_back(MakeField(":status", Store(code, &response_bytes_)));
  for (const Header& header : headers) {
    if (!IsSafeHeaderValue(header.value)) continue;
    const std::string_view name = Store(header.name, &response_bytes_);
    response_.push_back(MakeField(name, Store(header.value, &response_bytes_)));
  }
  DateCache& date = session_->connection().context().date;
  response_.push_back(MakeField("date", Store(date.Now(), &response_bytes_)));
  if (out_.capacity() == 0) out_ = session_->connection().context().buffers.Take();
}

void H2Stream::AddLength(size_t length) {
  char digits[20];
  const char* end = std::to_chars(digits, digits + sizeof(digits), length).ptr;
  const std::string_view text(digits, static_cast<size_t>(end - digits));
  response_.push_back(MakeField("content-length", Store(text, &response_bytes_)));
}

Buffer& H2Stream::StartBody(int status, absl::Span<const Header> headers) {
  MakeHead(status, headers);
  answer_ = Answer::kBody;
  return out_;
}

void H2Stream::FinishBody() {
  if (!bodiless_) AddLength(out_.size());
  if (!sends_body()) out_.Clear();
  flushed_ = out_.size();
  finished_ = whole_ = true;
  Submit(!out_.empty());
  EndAnswer();
}

void H2Stream::SendShared(int status, absl::Span<const Header> headers, std::shared_ptr<const void> owner,
                          std::string_view body) {
  MakeHead(status, headers);
  AddLength(body.size());
  if (sends_body()) {
    owner_ = std::move(owner);
    shared_ = body;
  }
  finished_ = whole_ = true;
  Submit(!shared_.empty());
  EndAnswer();
}

void H2Stream::AbandonBody() {
  out_.Clear();
  answer_ = Answer::kNone;
}

void H2Stream::StartStream(int status, absl::Span<const Header> headers) {
  MakeHead(status, headers);
  answer_ = Answer::kStream;
  head_pending_ = true;
  session_->ScheduleHead();
  session_->connection().ScheduleFlush();
}

void H2Stream::SubmitHead() {
  // Without a body the head itself ends the stream, so it waits for EndStream.
  if (!sends_body()) return;
  head_pending_ = false;
  Submit(true);
}

void H2Stream::Submit(bool with_data) {
  nghttp2_data_provider provider;
  provider.source.ptr = this;
  provider.read_callback = [](nghttp2_session*, int32_t, uint8_t*, size_t room, uint32_t* flags,
                              nghttp2_data_source* source,
                              void*) { return static_cast<H2Stream*>(source->ptr)->ReadData(room, flags); };
  submitted_ = true;
  nghttp2_submit_response(session_->nghttp2(), id_, response_.data(), response_.size(),
                          with_data ? &provider : nullptr);
}

void H2Stream::Flush() {
  if (!sends_body()) return out_.Clear();
  if (head_pending_) SubmitHead();
  flushed_ = out_.size();
  if (backlog() > kBacklogHigh) above_high_ = true;
  ResumeData();
}

void H2Stream::ResumeData() {
  if (std::exchange(deferred_, false)) nghttp2_session_resume_data(session_->nghttp2(), id_);
  session_->connection().ScheduleFlush();
}

void H2Stream::EndStream(absl::Span<const Header> trailers) {
  finished_ = true;
  if (!sends_body()) {
    out_.Clear();
    head_pending_ = false;
    Submit(false);
    return EndAnswer();
  }
  flushed_ = out_.size();
  AddTrailers(trailers);
  if (!head_pending_) {
    ResumeData();
  } else if (!out_.empty()) {
    SubmitHead();
  } else {
    head_pending_ = false;
    submitted_ = true;
    const uint8_t flags = trailers_.empty() ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE;
    nghttp2_submit_headers(session_->nghttp2(), flags, id_, nullptr, response_.data(), response_.size(), nullptr);
    SubmitTrailers();
  }
  EndAnswer();
}

void H2Stream::AddTrailers(absl::Span<const Header> trailers) {
  trailer_bytes_.Reserve(TextSize(trailers));
  for (const Header& trailer : trailers) {
    if (!IsSafeHeaderValue(trailer.value)) continue;
    const std::string_view name = Store(trailer.name, &trailer_bytes_);
    trailers_.push_back(MakeField(name, Store(trailer.value, &trailer_bytes_)));
  }
}

void H2Stream::SubmitTrailers() {
  if (!trailers_.empty()) {
    nghttp2_submit_trailer(session_->nghttp2(), id_, trailers_.data(), trailers_.size());
  }
}

void H2Stream::Abort() {
  head_pending_ = false;
  out_.Resize(flushed_);
  if (submitted_) {
    aborted_ = true;
    ResumeData();
  } else {
    nghttp2_submit_rst_stream(session_->nghttp2(), NGHTTP2_FLAG_NONE, id_, NGHTTP2_INTERNAL_ERROR);
  }
  EndAnswer();
}

void H2Stream::EndAnswer() {
  handler_ = nullptr;
  answer_ = Answer::kDone;
  above_high_ = drained_ = false;
  if (unconsumed_ > 0) nghttp2_session_consume_stream(session_->nghttp2(), id_, std::exchange(unconsumed_, 0));
  session_->connection().ScheduleFlush();
}

ssize_t H2Stream::ReadData(size_t room, uint32_t* flags) {
  const size_t ready = flushed_ + shared_.size() - sent_;
  if (ready == 0 && !finished_) {
    // nghttp2 resets the stream with INTERNAL_ERROR, now that all that was flushed has gone.
    if (aborted_) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  const size_t size = std::min(ready, room);
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (finished_ && size == ready) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!trailers_.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      SubmitTrailers();
    }
  }
  return static_cast<ssize_t>(size);
}

void H2Stream::TakeData(size_t size, Buffer* out) {
  constexpr size_t kCompactAt = 128 << 10;
  if (size == 0) return;
  progress_tick_ = session_->connection().context().clock.now;
  if (whole_) session_->OnReplyBytes(size);
  if (!shared_.empty()) {
    out->Append(shared_.substr(sent_, size));
    sent_ += size;
    return;
  }
  out->Append(out_.view().substr(sent_, size));
  sent_ += size;
  if (sent_ == out_.size() || (sent_ >= kCompactAt && sent_ >= out_.size() / 2)) {
    out_.Consume(sent_);
    flushed_ -= std::exchange(sent_, 0);
  }
  if (above_high_ && backlog() < kBacklogLow) {
    above_high_ = false;
    drained_ = true;
    session_->ScheduleDrained();
  }
}

void H2Stream::TellDrained() {
  if (std::exchange(drained_, false) && handler_ != nullptr) handler_->OnDrained();
}

}  // namespace stratus::gateway::http
