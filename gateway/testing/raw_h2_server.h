// An HTTP/2 server that says exactly what a test tells it to, frame by frame: for upstreams that misbehave.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace stratus::gateway::testing {

// One frame of RFC 9113.
std::string Frame(uint8_t type, uint8_t flags, uint32_t stream_id, std::string_view payload);
std::string GoAway(uint32_t last_stream_id, uint32_t error_code);
std::string RstStream(uint32_t stream_id, uint32_t error_code);
// `block` is HPACK: "\x88" is `:status: 200`, "\x8d" 404.
std::string Headers(uint32_t stream_id, std::string_view block, bool end_stream);
// A literal HPACK field without indexing.
std::string Field(std::string_view name, std::string_view value);

class RawH2Server {
 public:
  // Called on the server's thread for each HEADERS frame with the connection's number (from 0) and the stream's id.
  // What it returns is written; an empty string says nothing, kCut closes the connection.
  using Script = std::function<std::string(int connection, uint32_t stream_id)>;
  static constexpr char kCut[] = "cut";

  // `greeting` is written to each new connection: the server's SETTINGS, or something that is no HTTP/2.
  explicit RawH2Server(Script script, std::string greeting = Frame(4, 0, 0, ""));
  ~RawH2Server();
  RawH2Server(const RawH2Server&) = delete;
  RawH2Server& operator=(const RawH2Server&) = delete;

  std::string address() const;
  int connections() const { return connections_; }
  // PINGs that have come. They are answered from AnswerPings on.
  int pings() const { return pings_; }
  void AnswerPings() { answer_pings_ = true; }

 private:
  void Accept();
  void Serve(int fd, int number);

  Script script_;
  std::string greeting_;
  int listener_;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<int> pings_{0};
  std::atomic<bool> answer_pings_{false};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;  // grown by the acceptor alone
  std::thread acceptor_;
};

}  // namespace stratus::gateway::testing
