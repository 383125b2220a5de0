// A blocking HTTP/1.1 client on a bare socket, for tests that look at every byte.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace stratus::gateway::testing {

struct RawResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;                            // chunks joined
  bool complete = false;                       // ended as its Content-Length or its last chunk says, not by a cut
};

class RawClient {
 public:
  // `HOST:PORT` with a literal IPv4 address. Reads give up after 10 s.
  explicit RawClient(const std::string& address);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // `headers` are whole lines, each with its CRLF.
  void Send(std::string_view method, std::string_view target, std::string_view headers = {},
            std::string_view body = {});
  // Bytes as they are; returns how many were taken before the peer took no more for `patience_ms`, or closed.
  size_t SendBytes(std::string_view bytes, int patience_ms = 10'000);
  // The next piece of a chunked body whose head ReceiveHead has read; false at its end, and when it is cut.
  bool ReceiveChunk(std::string* chunk);
  RawResponse ReceiveHead();
  // The next response; `head` when the request was a HEAD.
  RawResponse Receive(bool head = false);
  RawResponse Get(std::string_view target, std::string_view headers = {});
  RawResponse Post(std::string_view target, std::string_view json);

 private:
  bool Fill();
  bool ReadLine(std::string* line);
  bool ReadBytes(size_t count, std::string* out);

  int fd_;
  std::string buffer_;
};

}  // namespace stratus::gateway::testing
