#include "gateway/http/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "boost/asio/posix/stream_descriptor.hpp"
#include "boost/asio/post.hpp"
#include "boost/asio/steady_timer.hpp"
#include "gateway/http/connection.h"
#include "gateway/http/context.h"
#include "gateway/http/socket_transport.h"
#include "gateway/http/tls_transport.h"

namespace stratus::gateway::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Connections taken in one turn of the loop.
constexpr int kAcceptsPerTurn = 64;
// As many as the queue of the socket holds.
constexpr int kAcceptsAtDrain = 1024;

std::string PeerText(const sockaddr_storage& peer) {
  char text[INET6_ADDRSTRLEN];
  if (peer.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return absl::StrCat(text, ":", ntohs(v4.sin_port));
  }
  if (peer.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    return absl::StrCat("[", text, "]:", ntohs(v6.sin6_port));
  }
  return "unix:";
}

}  // namespace

// What asio calls back for. Handlers hold `alive` weakly: they may come after the listener has gone.
struct Listener::Acceptor {
  Acceptor(asio::io_context& loop, ListenSocket listen_socket)
      : socket(std::move(listen_socket)), descriptor(loop), timer(loop) {
    // A duplicate: asio closes its own, the ListenSocket removes the path of a Unix socket.
    descriptor.assign(::fcntl(socket->fd(), F_DUPFD_CLOEXEC, 0));
  }

  std::optional<ListenSocket> socket;  // none once draining
  asio::posix::stream_descriptor descriptor;
  asio::steady_timer timer;
  std::shared_ptr<Listener*> alive;
};

Listener::Listener(asio::io_context& loop, ListenSocket socket, Service* service, const Limits& limits,
                   ConnectionCount count, std::shared_ptr<TlsServerContext> tls)
    : context_(std::make_unique<Context>(loop, limits, service)),
      address_(socket.address()),
      count_(std::move(count)),
      tls_(std::move(tls)),
      acceptor_(std::make_unique<Acceptor>(loop, std::move(socket))) {
  acceptor_->alive = std::make_shared<Listener*>(this);
}

Listener::~Listener() { Close(); }

void Listener::Close() {
  acceptor_.reset();
  context_->deferred.Clear();
  count_->fetch_sub(static_cast<uint32_t>(connections_.size()), std::memory_order_relaxed);
  connections_.clear();
}

const ListenerStats& Listener::stats() const { return context_->stats; }

void Listener::Start() { AwaitAccept(); }

void Listener::AwaitAccept() {
  acceptor_->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                   [alive = std::weak_ptr(acceptor_->alive)](const error_code& error) {
                                     const auto self = alive.lock();
                                     if (self != nullptr && !error && !(*self)->draining_) (*self)->AcceptAll();
                                   });
}

void Listener::AcceptAll() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    if (!AcceptOne()) break;
  }
  // Without descriptors or memory for a connection the socket stays readable: the next tick tries again, not this loop.
  if (accept_paused_) {
    StartTicking();
  } else {
    AwaitAccept();
  }
}

bool Listener::AcceptOne() {
  sockaddr_storage peer = {};
  socklen_t size = sizeof(peer);
  const int fd =
      ::accept4(acceptor_->socket->fd(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    accept_paused_ = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    return errno == EINTR || errno == ECONNABORTED;
  }
  if (count_->fetch_add(1, std::memory_order_relaxed) >= context_->limits.connections_max) {
    count_->fetch_sub(1, std::memory_order_relaxed);
    ListenerStats::Add(context_->stats.connections_refused);
    ::close(fd);
    return true;
  }
  auto connection = std::make_unique<Connection>(context_.get(), static_cast<ConnectionOwner*>(this),
                                                 NewTransport(fd, peer.ss_family), PeerText(peer));
  Connection* const started = connection.get();
  connections_.emplace(started, std::move(connection));
  ListenerStats::Add(context_->stats.connections_accepted);
  context_->stats.connections_open.store(connections_.size(), std::memory_order_relaxed);
  StartTicking();
  started->Start();
  return true;
}

TransportPtr Listener::NewTransport(int fd, int family) {
  TransportPtr socket = MakeSocketTransport(context_->loop, fd, family);
  if (tls_ == nullptr) return socket;
  return MakeTlsTransport(context_->loop, std::move(socket), tls_->NewSession(), /*why=*/nullptr,
                          &context_->stats.tls_handshakes_failed);
}

void Listener::StartTicking() {
  if (std::exchange(ticking_, true)) return;
  acceptor_->timer.expires_after(absl::ToChronoNanoseconds(context_->clock.period));
  acceptor_->timer.async_wait([alive = std::weak_ptr(acceptor_->alive)](const error_code& error) {
    const auto self = alive.lock();
    if (self != nullptr && !error) (*self)->Tick();
  });
}

// An idle process does not wake up: the clock stands while there is nothing to time.
void Listener::Tick() {
  ticking_ = false;
  ++context_->clock.now;
  const bool late = draining_ && context_->clock.now >= drain_deadline_;
  // Nothing is destroyed in here: connections close by the deferred queue.
  for (const auto& [connection, owned] : connections_) {
    if (late) {
      connection->Abort();
    } else {
      connection->OnTick();
    }
  }
  if (std::exchange(accept_paused_, false) && !draining_) AcceptAll();
  if (!connections_.empty()) StartTicking();
}

void Listener::OnConnectionClosed(Connection* connection) {
  connections_.erase(connection);
  count_->fetch_sub(1, std::memory_order_relaxed);
  context_->stats.connections_open.store(connections_.size(), std::memory_order_relaxed);
  CheckDrained();
}

void Listener::Drain(absl::Duration deadline, std::function<void()> done) {
  if (std::exchange(draining_, true)) return;
  drained_ = std::move(done);
  drain_deadline_ = context_->clock.now + context_->clock.Count(deadline);
  // To the clients whose connections wait here they are made: closing the socket would reset them.
  for (int i = 0; i < kAcceptsAtDrain && AcceptOne(); ++i) {
  }
  error_code ignored;
  acceptor_->descriptor.close(ignored);
  acceptor_->socket.reset();
  for (const auto& [connection, owned] : connections_) connection->Drain();
  asio::post(context_->loop, [alive = std::weak_ptr(acceptor_->alive)] {
    if (const auto self = alive.lock()) (*self)->CheckDrained();
  });
}

void Listener::CheckDrained() {
  if (draining_ && connections_.empty() && drained_ != nullptr) std::exchange(drained_, nullptr)();
}

}  // namespace stratus::gateway::http
