#include "services/provisioning/engine/relay/forwarder.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

namespace stratus::relay {
namespace {

constexpr int kAcceptPauseMs = 100;  // when the process is out of descriptors or memory

int ConnectTo(const char* path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (strlen(path) >= sizeof(address.sun_path)) return -1;
  strcpy(address.sun_path, path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  // A Unix socket is connected at once, or not at all: nobody is there, or its queue is full.
  if (fd >= 0 && connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

bool WouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

// Moves what can be moved. False: the connection is broken.
bool Move(int from, int to, bool readable, Flow* flow) {
  if (readable && !flow->read_ended && flow->begin == flow->end) {
    const ssize_t got = recv(from, flow->bytes, sizeof(flow->bytes), 0);
    if (got < 0 && !WouldBlock()) return false;
    if (got == 0) flow->read_ended = true;
    if (got > 0) {
      flow->begin = 0;
      flow->end = static_cast<size_t>(got);
    }
  }
  while (flow->begin < flow->end) {
    const ssize_t sent = send(to, flow->bytes + flow->begin, flow->end - flow->begin, MSG_NOSIGNAL);
    if (sent < 0) return WouldBlock();
    flow->begin += static_cast<size_t>(sent);
  }
  if (flow->read_ended && !flow->write_ended) {
    shutdown(to, SHUT_WR);
    flow->write_ended = true;
  }
  return true;
}

short EventsOf(const Flow& reads, const Flow& writes) {
  short events = 0;
  if (!reads.read_ended && reads.begin == reads.end) events |= POLLIN;
  if (writes.begin < writes.end) events |= POLLOUT;
  return events;
}

}  // namespace

void Forwarder::Accept(const Map& map) {
  const int tcp = accept4(map.listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (tcp < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) poll(nullptr, 0, kAcceptPauseMs);
    return;
  }
  const int unix_fd = ConnectTo(map.socket);
  auto* connection = unix_fd < 0 ? nullptr : new (std::nothrow) Connection;
  if (connection == nullptr) {
    if (unix_fd >= 0) close(unix_fd);
    close(tcp);
    return;
  }
  connection->tcp = tcp;
  connection->unix_fd = unix_fd;
  connections_[size_++] = connection;
}

void Forwarder::Close(size_t index) {
  Connection* connection = connections_[index];
  close(connection->tcp);
  close(connection->unix_fd);
  delete connection;
  connections_[index] = connections_[--size_];
}

void Forwarder::Run() {
  pollfd polls[1 + kMapsMax + 2 * kConnectionsMax];
  for (;;) {
    polls[0] = {served_, POLLIN, 0};
    for (size_t i = 0; i < maps_size_; ++i)
      polls[1 + i] = {size_ < kConnectionsMax ? maps_[i].listener : -1, POLLIN, 0};
    pollfd* const ends = polls + 1 + maps_size_;
    const size_t polled = size_;
    for (size_t i = 0; i < polled; ++i) {
      const Connection& c = *connections_[i];
      // One that waits for nothing would spin on its other end's hang-up.
      const short tcp_events = EventsOf(c.out, c.in);
      const short unix_events = EventsOf(c.in, c.out);
      ends[2 * i] = {tcp_events != 0 ? c.tcp : -1, tcp_events, 0};
      ends[2 * i + 1] = {unix_events != 0 ? c.unix_fd : -1, unix_events, 0};
    }
    if (poll(polls, 1 + maps_size_ + 2 * polled, -1) < 0) continue;
    if (polls[0].revents != 0) return;
    // From the last on, so that closing one moves none that is still to be looked at.
    for (size_t i = polled; i-- > 0;) {
      Connection* c = connections_[i];
      const short tcp_events = ends[2 * i].revents;
      const short unix_events = ends[2 * i + 1].revents;
      if (tcp_events == 0 && unix_events == 0) continue;
      const bool whole =
          Move(c->tcp, c->unix_fd, tcp_events != 0, &c->out) && Move(c->unix_fd, c->tcp, unix_events != 0, &c->in);
      if (!whole || (c->out.write_ended && c->in.write_ended)) Close(i);
    }
    for (size_t i = 0; i < maps_size_ && size_ < kConnectionsMax; ++i) {
      if (polls[1 + i].revents != 0) Accept(maps_[i]);
    }
  }
}

}  // namespace stratus::relay
