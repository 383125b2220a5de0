#include "gateway/upstream/resolver.h"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/address.h"

namespace stratus::gateway::upstream {

using boost::asio::ip::tcp;

namespace {

EndpointAddress Named(const tcp::endpoint& endpoint, const std::string& host) {
  const core::Address address{endpoint.address().to_string(), endpoint.port(), ""};
  return {endpoint, address.ToString(), host};
}

class SystemResolver final : public Resolver {
 public:
  explicit SystemResolver(boost::asio::io_context& io) : resolver_(io) {}
  ~SystemResolver() override { resolver_.cancel(); }

  void Resolve(const std::string& host, uint16_t port, Done done) override {
    resolver_.async_resolve(host, std::to_string(port),
                            [host, done = std::move(done), alive = std::weak_ptr<char>(alive_)](
                                const boost::system::error_code& error, const tcp::resolver::results_type& results) {
                              if (alive.expired()) return;
                              if (error) {
                                done(absl::UnavailableError(absl::StrCat("the upstream's name ", host,
                                                                         " does not resolve: ", error.message())));
                                return;
                              }
                              std::vector<EndpointAddress> found;
                              for (const auto& entry : results) found.push_back(Named(entry.endpoint(), host));
                              done(std::move(found));
                            });
  }

 private:
  tcp::resolver resolver_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace

std::unique_ptr<Resolver> MakeSystemResolver(boost::asio::io_context& io) {
  return std::make_unique<SystemResolver>(io);
}

EndpointAddress UnixEndpoint(const std::string& path) {
  return {boost::asio::local::stream_protocol::endpoint(path), absl::StrCat("unix:", path), "localhost"};
}

absl::StatusOr<EndpointAddress> LiteralEndpoint(const std::string& host, uint16_t port) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error) return absl::InvalidArgumentError(absl::StrCat(host, " is a name"));
  return Named(tcp::endpoint(address, port), host);
}

}  // namespace stratus::gateway::upstream
