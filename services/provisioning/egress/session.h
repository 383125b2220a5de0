// One connection of a run: what it asks for, whether it may have it, and then the bytes both ways.
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/provisioning/egress/proxy.h"

namespace stratus::provisioning::egress {

class Session : public std::enable_shared_from_this<Session> {
 public:
  // `slot` is what it counts against, freed with it. The proxy outlives the loop's last run.
  Session(Proxy* proxy, boost::asio::local::stream_protocol::socket client, std::shared_ptr<void> slot);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // One of these, once.
  void ReadHead();
  void Forward(const Target& target);
  void RefuseTooMany();

 private:
  using ErrorCode = boost::system::error_code;
  struct Flow {
    std::array<char, 16 << 10> bytes;
    bool ended = false;
  };

  void OnHead(ErrorCode error);
  bool ReadTarget();
  void JudgeHost();
  void OnResolved(std::vector<Address> addresses);
  void ConnectNext();
  void OnConnected(ErrorCode error, const Address& address);
  void Begin(const Address& address);
  void SendFirst(std::string to_client, std::string to_upstream);
  template <typename From, typename To>
  void Pump(From& from, To& to, Flow& flow);
  void OnFlowEnd(Flow& flow);

  // Answers with `sentence` as reason phrase and body, and ends.
  void Refuse(int status, Outcome outcome, const std::string& sentence, std::string_view address = {},
              std::string_view address_class = {});
  void RefuseAddress(const Address& address, AddressClass kind);
  void Arm(std::chrono::milliseconds time);
  void OnTimer();
  void Close();

  Proxy& proxy_;
  const std::shared_ptr<void> slot_;
  boost::asio::local::stream_protocol::socket client_;
  boost::asio::ip::tcp::socket upstream_;
  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
  boost::beast::flat_buffer buffer_;
  boost::beast::http::request_parser<boost::beast::http::empty_body> parser_;
  Target target_;
  std::string path_;                // of an http:// request; empty: CONNECT
  bool trusted_ = false;            // a fixed place: its address is not judged
  std::vector<Address> addresses_;  // judged, still to be tried, the next one last
  std::string last_failure_;
  std::string reply_;
  std::string first_;
  Flow out_;
  Flow in_;
};

}  // namespace stratus::provisioning::egress
