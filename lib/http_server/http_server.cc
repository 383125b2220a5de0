#include "lib/http_server/http_server.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <thread>
#include <variant>

#include "absl/strings/str_cat.h"
#include "lib/core/listening.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "lib/http_server/connection.h"
#include "lib/http_server/target.h"

namespace stratus::http_server {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Unix = asio::local::stream_protocol;
using boost::system::error_code;

// How long to wait before accepting again when the process is out of descriptors.
constexpr std::chrono::milliseconds kAcceptPause{100};

absl::Status CannotListen(const core::Address& listen, const error_code& error) {
  if (error.category() == boost::system::system_category()) return core::CannotListen(listen, error.value());
  return absl::UnavailableError(absl::StrCat("cannot listen on ", listen.ToString(), ": ", error.message()));
}

std::string_view FindHeader(const std::vector<std::pair<std::string, std::string>>& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

// Threads of a library leave signals to the program that uses it.
void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

std::string_view Request::Header(std::string_view name) const { return FindHeader(headers, name); }

std::string Request::Parameter(std::string_view name) const { return FindFormValue(query, name).value_or(""); }

class Server::Impl {
 public:
  Impl(Handler handler, Options options) : handler_(std::move(handler)), options_(options) {}

  ~Impl() {
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
    if (!address_.unix_path.empty()) unlink(address_.unix_path.c_str());
  }

  absl::Status Listen(const core::Address& listen) {
    address_ = listen;
    return listen.is_unix() ? ListenUnix(listen) : ListenTcp(listen);
  }

  void Run() {
    std::visit([this](auto& acceptor) { Accept(acceptor); }, acceptor_);
    for (int i = 0; i < options_.threads; ++i) {
      threads_.emplace_back([this] {
        BlockSignals();
        context_.run();
      });
    }
  }

  std::string address() const { return address_.ToString(); }

 private:
  absl::Status ListenTcp(const core::Address& listen) {
    error_code error;
    Tcp::resolver resolver(context_);
    const auto found = resolver.resolve(listen.host, std::to_string(listen.port), Tcp::resolver::passive, error);
    if (error) return CannotListen(listen, error);
    auto& acceptor = acceptor_.emplace<Tcp::acceptor>(context_);
    const Tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return CannotListen(listen, error);
    address_.port = acceptor.local_endpoint(error).port();
    return absl::OkStatus();
  }

  absl::Status ListenUnix(const core::Address& listen) {
    const auto lock = core::SocketFolderLock::Take(listen);
    absl::Status status = lock.ok() ? core::RemoveStaleSocket(listen) : lock.status();
    if (!status.ok()) {
      address_.unix_path.clear();  // not ours to remove
      return status;
    }
    error_code error;
    const Unix::endpoint endpoint(listen.unix_path);
    auto& acceptor = acceptor_.emplace<Unix::acceptor>(context_);
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      address_.unix_path.clear();
      return CannotListen(listen, error);
    }
    return absl::OkStatus();
  }

  void Accept(std::monostate&) {}

  template <typename Acceptor>
  void Accept(Acceptor& acceptor) {
    auto socket = std::make_shared<Connection::Socket>(asio::make_strand(context_));
    acceptor.async_accept(*socket, [this, &acceptor, socket](error_code error) {
      if (error) return Pause(acceptor);
      Serve(std::move(*socket));
      Accept(acceptor);
    });
  }

  template <typename Acceptor>
  void Pause(Acceptor& acceptor) {
    accept_pause_.expires_after(kAcceptPause);
    accept_pause_.async_wait([this, &acceptor](error_code error) {
      if (!error) Accept(acceptor);
    });
  }

  void Serve(Connection::Socket socket) {
    if (open_->fetch_add(1) >= options_.connections_max) {
      open_->fetch_sub(1);
      return;  // closed at once
    }
    std::shared_ptr<void> slot(nullptr, [open = open_](void*) { open->fetch_sub(1); });
    std::make_shared<Connection>(std::move(socket), handler_, options_, std::move(slot))->Start();
  }

  const Handler handler_;
  const Options options_;
  core::Address address_;
  // Shared with the connections: the last of them go with context_.
  const std::shared_ptr<std::atomic<size_t>> open_ = std::make_shared<std::atomic<size_t>>(0);
  asio::io_context context_;
  asio::steady_timer accept_pause_{context_};
  std::variant<std::monostate, Tcp::acceptor, Unix::acceptor> acceptor_;
  std::vector<std::thread> threads_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const core::Address& listen, Handler handler, Options options) {
  if (options.threads < 1) return absl::InvalidArgumentError("an HTTP server needs at least one thread");
  auto impl = std::make_unique<Impl>(std::move(handler), options);
  if (absl::Status status = impl->Listen(listen); !status.ok()) return status;
  impl->Run();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::string Server::address() const { return impl_->address(); }

}  // namespace stratus::http_server
