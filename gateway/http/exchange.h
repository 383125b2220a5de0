// One request and its response, whatever the protocol below: HTTP/1.x or a stream of HTTP/2. Everything here runs on
// the connection's loop thread.
//
// An Exchange belongs to its connection. It lives until the response is complete, or Handler::OnAbort has returned.
// A handler belongs to whoever made it; the connection drops its pointer at the same moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "gateway/transcode/buffer.h"

namespace stratus::gateway::http {

enum class Protocol : uint8_t { kHttp10, kHttp11, kHttp2 };

struct Header {
  std::string_view name;  // lower case
  std::string_view value;
};

// Views stay valid as long as the exchange.
struct RequestHead {
  Protocol protocol = Protocol::kHttp11;
  bool secure = false;  // came over TLS
  bool has_body = false;
  int64_t content_length = -1;  // -1: not told
  std::string_view method;
  std::string_view path;   // as sent, without the query; always begins with `/`
  std::string_view query;  // as sent, without `?`
  std::string_view authority;
  std::string_view peer;             // the client's address, `127.0.0.1:40000`
  absl::Span<const Header> headers;  // without HTTP/2 pseudo-headers

  // The first value of that (lower-case) name; empty when there is none.
  std::string_view Find(std::string_view name) const {
    for (const Header& header : headers) {
      if (header.name == name) return header.value;
    }
    return {};
  }

  // All values of a header that is a list. Several lines mean the same as one (RFC 9110, 5.3): they are put together in
  // `joined`, which is empty and outlives the result.
  std::string_view FindList(std::string_view name, std::string* joined) const {
    std::string_view first;
    for (const Header& header : headers) {
      if (header.name != name) continue;
      if (first.data() == nullptr) {
        first = header.value;
        continue;
      }
      if (joined->empty()) joined->assign(first);
      joined->append(", ").append(header.value);
    }
    return joined->empty() ? first : *joined;
  }
};

// What the connection tells the one who answers.
class Handler {
 public:
  // A piece of the request's body; valid during the call. Call Exchange::BodyConsumed when it has been dealt with:
  // until then it counts against the client's flow-control window (HTTP/2) or stops the reading (HTTP/1).
  virtual void OnBody(std::string_view piece) = 0;
  // The body is complete. Not called when has_body was false.
  virtual void OnBodyEnd() = 0;
  // The client has gone or reset the stream. The exchange is gone once this returns.
  virtual void OnAbort() = 0;
  // Exchange::backlog() has fallen below kBacklogLow after it was above kBacklogHigh.
  virtual void OnDrained() = 0;
  // Bytes of memory that the handler holds for the exchange beside what the exchange itself holds.
  virtual size_t held_bytes() const { return 0; }

 protected:
  ~Handler() = default;
};

class Exchange {
 public:
  // Above this much unsent data a streaming handler should stop reading its upstream, until OnDrained.
  static constexpr size_t kBacklogHigh = 256 << 10;
  static constexpr size_t kBacklogLow = 64 << 10;

  virtual const RequestHead& request() const = 0;
  // Who gets the events from now on; set during Service::OnRequest.
  virtual void SetHandler(Handler* handler) = 0;
  // The request's body may pause for as long as it likes from now on: its handler sees to the time that it takes.
  virtual void AllowPauses() = 0;
  // Whether `more` bytes may be held for this exchange, beside what its connection and the process hold already. False:
  // end the call. Asked before a buffer grows large; it costs next to nothing while little is held.
  virtual bool HasRoom(size_t more) = 0;
  // Gives back flow-control credit for body bytes dealt with.
  virtual void BodyConsumed(size_t bytes) = 0;

  // --- A whole response: StartBody, append to the buffer it gives, FinishBody. Content-Length is written by the
  // connection. HEAD, 204 and 304 are seen to by the connection: what is appended is counted and not sent.
  // `headers` hold lower-case names, and no content-length, connection, transfer-encoding or date. The exchange may be
  // gone when FinishBody returns.
  virtual Buffer& StartBody(int status, absl::Span<const Header> headers) = 0;
  virtual void FinishBody() = 0;
  // Takes StartBody back: nothing has been sent, and another response may be started.
  virtual void AbandonBody() = 0;
  // A whole response whose body is not copied: `owner` keeps it alive until it has been sent.
  virtual void SendShared(int status, absl::Span<const Header> headers, std::shared_ptr<const void> owner,
                          std::string_view body) = 0;

  // --- A streamed response (chunked on HTTP/1.1, DATA frames on HTTP/2, until close on 1.0): StartStream, then append
  // to stream_buffer() and Flush() as often as needed, then EndStream or Abort.
  virtual void StartStream(int status, absl::Span<const Header> headers) = 0;
  virtual Buffer& stream_buffer() = 0;
  virtual void Flush() = 0;
  // Flushes and ends. `trailers` are sent on HTTP/2 only.
  virtual void EndStream(absl::Span<const Header> trailers = {}) = 0;
  // Ends so that the client cannot take it for success: RST_STREAM(INTERNAL_ERROR) on HTTP/2, a cut without the last
  // chunk on HTTP/1. What was flushed before still goes out first.
  virtual void Abort() = 0;
  // Bytes of the response that are not with the kernel yet.
  virtual size_t backlog() const = 0;

 protected:
  ~Exchange() = default;
};

// What a listener serves. One per worker thread.
class Service {
 public:
  virtual ~Service() = default;
  // A request's head is here. Must call SetHandler or answer with a whole response.
  virtual void OnRequest(Exchange* exchange) = 0;
};

}  // namespace stratus::gateway::http
