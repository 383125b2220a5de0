// A blocking HTTP/2 client for tests: an nghttp2 client session over a TestClient's socket. It pumps the connection
// only inside the Wait functions, so that a test decides when it reads.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/http/testing/test_client.h"

namespace stratus::gateway::http::testing {

struct H2Response {
  std::multimap<std::string, std::string> headers;
  std::multimap<std::string, std::string> trailers;
  std::string body;
  bool ended = false;   // END_STREAM came
  bool closed = false;  // the stream is gone, one way or another
  uint32_t error = 0;   // of RST_STREAM

  int status() const;
  std::string Header(const std::string& name) const;
  std::string Trailer(const std::string& name) const;
};

struct H2ClientOptions {
  uint32_t stream_window = 65535;
  int receive_buffer = 0;
  bool auto_window = true;  // gives window back for what it reads
};

class H2Client {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  explicit H2Client(const core::Address& address, const H2ClientOptions& options = {});
  ~H2Client();

  // Sends a request when the client next waits. With no body given the head ends the stream; with `keep_open` the
  // stream stays open after the body. Pseudo-headers in `fields` replace the usual ones.
  int32_t Request(const std::string& method, const std::string& path, const Fields& fields = {},
                  std::optional<std::string> body = std::nullopt, bool keep_open = false);
  H2Response Get(const std::string& path);

  // Sends and receives until `stream` is closed; false when the connection ends first.
  bool WaitForClose(int32_t stream);
  // Until `done` holds, asked after everything that was read.
  bool WaitUntil(const std::function<bool()>& done);
  // Until the server ends the connection.
  void WaitForEnd();
  // Sends what is queued.
  bool Flush();
  void Reset(int32_t stream, uint32_t error = NGHTTP2_CANCEL);

  const H2Response& response(int32_t stream) { return responses_[stream]; }
  nghttp2_session* session() { return session_; }
  TestClient& socket() { return socket_; }
  // Of the last GOAWAY; none yet: no value.
  std::optional<uint32_t> goaway() const { return goaway_; }
  int32_t goaway_stream() const { return goaway_stream_; }
  std::map<int32_t, uint32_t> settings() const { return settings_; }

 private:
  struct Upload {
    std::string bytes;
    size_t sent = 0;
    bool keep_open = false;
  };

  static nghttp2_session_callbacks* MakeCallbacks();
  void OnFrame(const nghttp2_frame* frame);

  TestClient socket_;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, H2Response> responses_;
  std::vector<std::unique_ptr<Upload>> uploads_;
  std::map<int32_t, uint32_t> settings_;
  std::optional<uint32_t> goaway_;
  int32_t goaway_stream_ = 0;
};

}  // namespace stratus::gateway::http::testing
