// A blocking client that sends raw bytes, for tests of what servers do with them.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "lib/core/address.h"

namespace stratus::gateway::http::testing {

struct TestResponse {
  int status = 0;  // 0: the connection ended first
  std::string head;
  std::multimap<std::string, std::string> headers;
  std::string body;
  bool complete = false;  // by its length or its last chunk; false when the connection ended in it

  std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

// Reads give up after half a minute, so that a test fails and does not hang.
class TestClient {
 public:
  // `receive_buffer` > 0 bounds the kernel's buffer, so that the server notices a slow reader soon.
  explicit TestClient(const core::Address& address, int receive_buffer = 0);
  ~TestClient();
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  // False when the server does not take the bytes any more.
  bool Send(std::string_view bytes);
  // The same, but gives up when the server takes none for a second. False: not all were taken.
  bool SendSome(std::string_view bytes);
  // One send a byte, each in a packet of its own.
  bool SendByteByByte(std::string_view bytes);
  void EndSending();
  // Ends with a reset.
  void Reset();

  // The next response; what follows it stays for the next call. `head_request`: it has no body.
  TestResponse Read(bool head_request = false);
  // At least one byte more; empty at the end of the connection, or when it was reset (see was_reset).
  std::string ReadSome();
  // All that comes until the server ends the connection.
  std::string ReadToEnd();
  bool was_reset() const { return reset_; }
  // Whether the server ends the connection now, with nothing more to read.
  bool AtEnd() { return received_.empty() && ReadSome().empty(); }

 private:
  // False at the end of the connection.
  bool Fill();
  bool ReadChunked(TestResponse* response);

  int fd_;
  std::string received_;
  bool reset_ = false;
};

}  // namespace stratus::gateway::http::testing
