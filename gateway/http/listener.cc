#include "gateway/http/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "boost/asio/posix/stream_descriptor.hpp"
#include "boost/asio/post.hpp"
#include "boost/asio/steady_timer.hpp"
#include "gateway/http/connection.h"
#include "gateway/http/context.h"
#include "gateway/http/socket_transport.h"
#include "gateway/http/tls_transport.h"
#include "gateway/loop/memory_budget.h"
#include "lib/core/log.h"
#include "lib/core/log_throttle.h"

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
                   std::shared_ptr<ConnectionQuota> quota, std::shared_ptr<TlsServerContext> tls)
    : context_(std::make_unique<Context>(loop, limits, service)),
      address_(socket.address()),
      quota_(std::move(quota)),
      tls_(std::move(tls)),
      acceptor_(std::make_unique<Acceptor>(loop, std::move(socket))) {
  acceptor_->alive = std::make_shared<Listener*>(this);
}

Listener::~Listener() { Close(); }

void Listener::Close() {
  acceptor_.reset();
  context_->deferred.Clear();
  for (const auto& [connection, entry] : connections_) quota_->Give(entry.address);
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
    const int error = errno;
    const bool short_of = error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
    // The descriptor of one that is closed is free in the next turn.
    accept_paused_ = short_of && !CloseOldestIdle();
    return error == EINTR || error == ECONNABORTED;
  }
  std::string text = PeerText(peer);
  const ConnectionQuota::Address address = quota_->AddressOf(peer, text);
  if (!Admit(address)) {
    ::close(fd);
    return true;
  }
  auto connection = std::make_unique<Connection>(context_.get(), static_cast<ConnectionOwner*>(this),
                                                 NewTransport(fd, peer.ss_family), std::move(text));
  Connection* const started = connection.get();
  connections_.emplace(started, Entry{std::move(connection), address});
  ListenerStats::Add(context_->stats.connections_accepted);
  context_->stats.connections_open.store(connections_.size(), std::memory_order_relaxed);
  StartTicking();
  started->Start();
  return true;
}

bool Listener::Admit(ConnectionQuota::Address address) {
  const ConnectionQuota::Verdict verdict = quota_->Take(address);
  if (verdict == ConnectionQuota::Verdict::kAddressFull) {
    ListenerStats::Add(context_->stats.connections_refused_address);
    return false;
  }
  if (verdict == ConnectionQuota::Verdict::kTaken || CloseOldestIdle()) return true;
  quota_->Give(address);
  ListenerStats::Add(context_->stats.connections_refused);
  return false;
}

bool Listener::CloseOldestIdle() {
  // Looking at all of them is paid for by several that go.
  constexpr size_t kFoundAtOnceMax = 64;
  for (int tries = 0; tries < 2; ++tries) {
    while (!next_to_go_.empty()) {
      const auto [connection, last_input] = next_to_go_.back();
      next_to_go_.pop_back();
      const auto found = connections_.find(connection);
      if (found == connections_.end() || connection->last_input() != last_input || !connection->idle()) continue;
      connection->Abort();
      ListenerStats::Add(context_->stats.connections_idle_closed);
      return true;
    }
    std::vector<std::pair<uint64_t, Connection*>> idle;
    for (const auto& [connection, entry] : connections_) {
      if (connection->idle()) idle.emplace_back(connection->last_input(), connection);
    }
    const size_t count = std::min(idle.size(), kFoundAtOnceMax);
    std::partial_sort(idle.begin(), idle.begin() + static_cast<ptrdiff_t>(count), idle.end());
    for (size_t i = count; i > 0; --i) next_to_go_.emplace_back(idle[i - 1].second, idle[i - 1].first);
  }
  return false;
}

// Not at once: a connection may be what is on the stack right now.
void Listener::OnMemoryShort() {
  if (acceptor_ == nullptr || std::exchange(relieving_, true)) return;
  asio::post(context_->loop, [alive = std::weak_ptr(acceptor_->alive)] {
    if (const auto self = alive.lock()) (*self)->Relieve();
  });
}

// Whoever holds the most bytes for the time that it needs for them goes first, then those that are idle. Each worker
// does this for its own.
void Listener::Relieve() {
  relieving_ = false;
  const size_t used = MemoryBudget::used();
  if (!MemoryBudget::Strained()) return;
  const size_t excess = used - MemoryBudget::relieved_bytes();
  constexpr size_t kWorthwhile = 64 << 10;
  std::vector<std::tuple<double, size_t, Connection*>> holders;
  for (const auto& [connection, entry] : connections_) {
    const size_t held = connection->held_bytes();
    if (held < kWorthwhile) continue;
    holders.emplace_back(static_cast<double>(held) / (connection->rate() + 1), held, connection);
  }
  std::sort(holders.rbegin(), holders.rend());
  size_t freed = 0;
  uint64_t closed = 0;
  for (const auto& [score, held, connection] : holders) {
    if (freed >= excess) break;
    connection->Cut();
    ListenerStats::Add(context_->stats.connections_memory_closed);
    freed += held;
    ++closed;
  }
  // Many that hold nothing are much together.
  const size_t own = Connection::OwnBytes(tls_ != nullptr);
  for (; freed < excess && CloseOldestIdle(); ++closed) freed += own;
  if (closed == 0) return;
  static core::LogThrottle throttle(absl::Minutes(1));
  if (const uint64_t times = throttle.Due()) {
    core::Log(core::Severity::kWarning,
              "memory is short: the connections that hold most for longest were closed, then idle ones",
              {{"held_bytes", used},
               {"budget_bytes", MemoryBudget::bytes()},
               {"setting", "limits.memory_bytes_max"},
               {"closed", closed},
               {"times_since_last_line", times}});
  }
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
  for (const auto& [connection, entry] : connections_) {
    if (late) {
      connection->Abort();
    } else {
      connection->OnTick();
    }
  }
  if (MemoryBudget::Strained()) OnMemoryShort();
  if (std::exchange(accept_paused_, false) && !draining_) AcceptAll();
  if (!connections_.empty()) StartTicking();
}

void Listener::OnConnectionClosed(Connection* connection) {
  const auto found = connections_.find(connection);
  quota_->Give(found->second.address);
  connections_.erase(found);
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
  for (const auto& [connection, entry] : connections_) connection->Drain();
  asio::post(context_->loop, [alive = std::weak_ptr(acceptor_->alive)] {
    if (const auto self = alive.lock()) (*self)->CheckDrained();
  });
}

void Listener::CheckDrained() {
  if (draining_ && connections_.empty() && drained_ != nullptr) std::exchange(drained_, nullptr)();
}

}  // namespace stratus::gateway::http
