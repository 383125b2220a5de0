#include "services/provisioning/egress/proxy.h"

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <utility>

#include "services/provisioning/egress/session.h"

namespace stratus::provisioning::egress {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// How long to wait before accepting again when the process is out of descriptors.
constexpr std::chrono::milliseconds kAcceptPause{100};

}  // namespace

Resolve ResolveBySystem(asio::io_context* context) {
  using Tcp = asio::ip::tcp;
  return [context](const std::string& host, Resolved done) {
    auto resolver = std::make_shared<Tcp::resolver>(*context);
    resolver->async_resolve(
        host, "", [resolver, done = std::move(done)](error_code error, const Tcp::resolver::results_type& results) {
          std::vector<Address> addresses;
          for (const auto& entry : results) {
            if (error) break;
            if (const auto address = AddressOf(*entry.endpoint().data())) addresses.push_back(*address);
          }
          done(std::move(addresses));
        });
  };
}

Proxy::Proxy(asio::io_context* context, Policy policy, Resolve resolve, Journal* journal, Limits limits)
    : context_(*context),
      policy_(std::move(policy)),
      resolve_(std::move(resolve)),
      journal_(*journal),
      limits_(limits) {}

void Proxy::Serve(int listening_fd, const Door& door) {
  listeners_.push_back({Unix::acceptor(context_, Unix(), listening_fd), asio::steady_timer(context_), door});
  Accept(&listeners_.back());
}

std::shared_ptr<void> Proxy::TakeSlot() {
  ++*sessions_;
  return {nullptr, [sessions = sessions_](void*) { --*sessions; }};
}

void Proxy::Accept(Listener* listener) {
  listener->acceptor.async_accept([this, listener](error_code error, Unix::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (error) return Pause(listener);
    const bool too_many = *sessions_ >= limits_.connections_max;
    const auto session = std::make_shared<Session>(this, std::move(socket), TakeSlot());
    if (too_many) {
      session->RefuseTooMany();
    } else if (listener->door.forward) {
      session->Forward(*listener->door.forward);
    } else {
      session->ReadHead();
    }
    Accept(listener);
  });
}

void Proxy::Pause(Listener* listener) {
  listener->pause.expires_after(kAcceptPause);
  listener->pause.async_wait([this, listener](error_code error) {
    if (!error) Accept(listener);
  });
}

}  // namespace stratus::provisioning::egress
