#include "gateway/testing/raw_h2_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

namespace stratus::gateway::testing {
namespace {

constexpr uint8_t kHeaders = 1;
constexpr uint8_t kRstStream = 3;
constexpr uint8_t kPing = 6;
constexpr uint8_t kGoAway = 7;
constexpr size_t kPrefaceBytes = 24;
constexpr size_t kFrameHeadBytes = 9;

std::string BigEndian(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}

uint32_t ReadBigEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

void WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

}  // namespace

std::string Frame(uint8_t type, uint8_t flags, uint32_t stream_id, std::string_view payload) {
  std::string out = BigEndian(static_cast<uint32_t>(payload.size())).substr(1);
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  out += BigEndian(stream_id);
  out += payload;
  return out;
}

std::string GoAway(uint32_t last_stream_id, uint32_t error_code) {
  return Frame(kGoAway, 0, 0, BigEndian(last_stream_id) + BigEndian(error_code));
}

std::string RstStream(uint32_t stream_id, uint32_t error_code) {
  return Frame(kRstStream, 0, stream_id, BigEndian(error_code));
}

std::string Headers(uint32_t stream_id, std::string_view block, bool end_stream) {
  return Frame(kHeaders, static_cast<uint8_t>(end_stream ? 5 : 4), stream_id, block);
}

std::string Field(std::string_view name, std::string_view value) {
  std::string out(1, '\0');
  out.push_back(static_cast<char>(name.size()));
  out += name;
  out.push_back(static_cast<char>(value.size()));
  out += value;
  return out;
}

RawH2Server::RawH2Server(Script script, std::string greeting)
    : script_(std::move(script)),
      greeting_(std::move(greeting)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(at);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(listener_, 64) != 0) std::abort();
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
  port_ = ntohs(at.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

RawH2Server::~RawH2Server() {
  stopping_ = true;
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
}

std::string RawH2Server::address() const { return "127.0.0.1:" + std::to_string(port_); }

void RawH2Server::Accept() {
  while (!stopping_) {
    pollfd wait{listener_, POLLIN, 0};
    if (::poll(&wait, 1, 20) <= 0) continue;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int number = connections_++;
    threads_.emplace_back([this, fd, number] { Serve(fd, number); });
  }
}

void RawH2Server::Serve(int fd, int number) {
  WriteAll(fd, greeting_);
  std::string input;
  bool preface = false;
  bool open = true;
  while (open && !stopping_) {
    pollfd wait{fd, POLLIN, 0};
    if (::poll(&wait, 1, 20) <= 0) continue;
    char piece[16384];
    const ssize_t got = ::recv(fd, piece, sizeof(piece), 0);
    if (got <= 0) break;
    input.append(piece, static_cast<size_t>(got));
    if (!preface && input.size() >= kPrefaceBytes) {
      input.erase(0, kPrefaceBytes);
      preface = true;
    }
    while (preface && open && input.size() >= kFrameHeadBytes) {
      const size_t length = ReadBigEndian(std::string_view(input).substr(0, 3));
      if (input.size() < kFrameHeadBytes + length) break;
      if (input[3] == kHeaders) {
        const std::string answer = script_(number, ReadBigEndian(std::string_view(input).substr(5, 4)));
        open = answer != kCut;
        if (open) WriteAll(fd, answer);
      } else if (input[3] == kPing) {
        ++pings_;
        constexpr uint8_t kAck = 1;
        if (answer_pings_) WriteAll(fd, Frame(kPing, kAck, 0, std::string_view(input).substr(kFrameHeadBytes, length)));
      }
      input.erase(0, kFrameHeadBytes + length);
    }
  }
  ::close(fd);
}

}  // namespace stratus::gateway::testing
