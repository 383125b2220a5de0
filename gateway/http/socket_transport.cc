#include "gateway/http/socket_transport.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "gateway/loop/poller.h"

namespace stratus::gateway::http {
namespace {

// Frees itself in Dispose, which the poller and the handlers below allow at any time: nothing is touched after them.
class SocketTransport final : public Transport, private Poller::Watched {
 public:
  SocketTransport(Poller& poller, int fd, int family) : poller_(poller), fd_(fd) {
    if (family != AF_UNIX) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    if (!poller_.Add(fd, this)) refused_ = errno;
  }

  void SetEvents(TransportEvents* events) override { events_ = events; }

  void Read(char* to, size_t room) override {
    to_ = to;
    room_ = room;
    // Not from in here: OnRead never comes inside a call of the reader.
    if (readable_ || refused_ != 0) poller_.ReadAgain(this);
  }

  ssize_t TryRead(char* to, size_t room) override {
    if (refused_ != 0) return -refused_;
    ssize_t got;
    do got = ::recv(fd_, to, room, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    const ssize_t result = got < 0 ? -errno : got;
    // Less than there was room for is all there was (epoll(7)), unless an end follows that has been told already.
    readable_ = result != -EAGAIN && (ended_ || result == static_cast<ssize_t>(room));
    return result;
  }

  void WakeAt(size_t bytes) override {
    const int value = static_cast<int>(bytes);
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof(value));
  }

  ssize_t TryWrite(std::string_view bytes) override {
    ssize_t sent;
    do sent = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
  }

  void AwaitWritable() override {
    awaits_room_ = true;
    poller_.AwaitWritable(fd_, this);
  }

  int64_t Unacknowledged() const override {
    int bytes = 0;
    return ::ioctl(fd_, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? bytes : 0;
  }

  void ShutdownWrite() override { ::shutdown(fd_, SHUT_WR); }

  void ResetOnDispose() override {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }

  bool secure() const override { return false; }
  std::string_view application_protocol() const override { return {}; }

  void Dispose() override {
    poller_.Remove(fd_, this);
    ::close(fd_);
    delete this;
  }

 private:
  ~SocketTransport() = default;

  // Poller::Watched
  bool OnReadable(bool ended) override {
    readable_ = true;
    ended_ = ended_ || ended;
    if (to_ == nullptr) return false;
    result_ = TryRead(to_, room_);
    if (result_ == -EAGAIN) return false;
    to_ = nullptr;
    return true;
  }
  void Handle() override { events_->OnRead(result_); }

  void OnWritable() override {
    if (std::exchange(awaits_room_, false)) events_->OnWritable();
  }

  Poller& poller_;
  const int fd_;
  TransportEvents* events_ = nullptr;
  char* to_ = nullptr;  // set while a Read is under way
  size_t room_ = 0;
  ssize_t result_ = 0;     // of the Read that OnRead has not been told of yet
  int refused_ = 0;        // errno of a socket that cannot be waited for
  bool readable_ = false;  // there may be more than was read
  bool ended_ = false;     // the peer's end or an error has been told
  bool awaits_room_ = false;
};

}  // namespace

TransportPtr MakeSocketTransport(boost::asio::io_context& loop, int fd, int family) {
  return TransportPtr(new SocketTransport(Poller::Of(loop), fd, family));  // frees itself: see its comment
}

}  // namespace stratus::gateway::http
