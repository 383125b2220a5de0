#include "gateway/http/socket_transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "boost/asio/basic_stream_socket.hpp"
#include "boost/asio/buffer.hpp"
#include "boost/asio/error.hpp"
#include "boost/asio/generic/stream_protocol.hpp"
#include "gateway/loop/handler_memory.h"

namespace stratus::gateway::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Counted by its owner and by each operation that asio holds: an operation that was cancelled still comes back later,
// and its memory lies in here. All on one thread, so the count is plain.
class SocketTransport final : public Transport {
 public:
  SocketTransport(asio::io_context& loop, int fd, int family)
      : socket_(loop.get_executor(), asio::generic::stream_protocol(family, 0), fd) {
    error_code ignored;
    socket_.native_non_blocking(true, ignored);
    if (family != AF_UNIX) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
  }

  void SetEvents(TransportEvents* events) override { events_ = events; }

  // asio performs the recv itself once the socket is readable, and none is needed to re-arm epoll. It tries at once,
  // too: of a client that has nothing more to say that is a system call for nothing (docs/adr/0007).
  void Read(char* to, size_t room) override { socket_.async_read_some(asio::buffer(to, room), ReadHandler{Ref(this)}); }

  ssize_t TryRead(char* to, size_t room) override {
    ssize_t got;
    do got = ::recv(socket_.native_handle(), to, room, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
  }

  void WakeAt(size_t bytes) override {
    const int value = static_cast<int>(bytes);
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVLOWAT, &value, sizeof(value));
  }

  ssize_t TryWrite(std::string_view bytes) override {
    ssize_t sent;
    do sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
  }

  void AwaitWritable() override { socket_.async_wait(Socket::wait_write, WriteHandler{Ref(this)}); }

  void ShutdownWrite() override {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
  }

  void ResetOnDispose() override {
    const linger now{1, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }

  bool secure() const override { return false; }
  std::string_view application_protocol() const override { return {}; }

  void Dispose() override {
    events_ = nullptr;
    error_code ignored;
    socket_.close(ignored);
    Release();
  }

 private:
  using Socket = asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;

  class Ref {
   public:
    explicit Ref(SocketTransport* to) : to_(to) { ++to_->references_; }
    Ref(const Ref& other) : Ref(other.to_) {}
    Ref(Ref&& other) noexcept : to_(std::exchange(other.to_, nullptr)) {}
    Ref& operator=(Ref) = delete;
    ~Ref() {
      if (to_ != nullptr) to_->Release();
    }
    SocketTransport* operator->() const { return to_; }

   private:
    SocketTransport* to_;
  };

  struct ReadHandler {
    using allocator_type = HandlerAllocator<void>;
    allocator_type get_allocator() const { return allocator_type(&transport->read_memory_); }
    void operator()(const error_code& error, size_t bytes) const {
      if (transport->events_ == nullptr) return;
      transport->events_->OnRead(ResultOf(error, bytes));
    }
    Ref transport;
  };

  struct WriteHandler {
    using allocator_type = HandlerAllocator<void>;
    allocator_type get_allocator() const { return allocator_type(&transport->write_memory_); }
    void operator()(const error_code&) const {
      // An error shows at the next TryWrite.
      if (transport->events_ != nullptr) transport->events_->OnWritable();
    }
    Ref transport;
  };

  static ssize_t ResultOf(const error_code& error, size_t bytes) {
    if (!error) return static_cast<ssize_t>(bytes);
    if (error == asio::error::eof) return 0;
    return error.value() > 0 ? -error.value() : -EIO;
  }

  ~SocketTransport() = default;

  void Release() {
    if (--references_ == 0) delete this;
  }

  Socket socket_;
  TransportEvents* events_ = nullptr;
  int references_ = 1;
  HandlerMemory read_memory_;
  HandlerMemory write_memory_;
};

}  // namespace

TransportPtr MakeSocketTransport(asio::io_context& loop, int fd, int family) {
  return TransportPtr(new SocketTransport(loop, fd, family));  // frees itself: see its comment
}

}  // namespace stratus::gateway::http
