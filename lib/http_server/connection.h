// One accepted connection: reads requests one after another, has the handler answer each, and keeps to the limits.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>

#include "lib/http_server/http_server.h"

namespace stratus::http_server {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // TCP and Unix sockets alike.
  using Socket = boost::asio::generic::stream_protocol::socket;

  // `handler` outlives the connection. `slot` is what the connection counts against; freed with it.
  Connection(Socket socket, const Handler& handler, const Options& options, std::shared_ptr<void> slot);

  // The socket's executor must be a strand: the server has several threads.
  void Start();

 private:
  using Reply = boost::beast::http::response<boost::beast::http::string_body>;

  void ReadHeader();
  void OnHeader(boost::beast::error_code error);
  void ReadBody();
  void OnRequest();
  void Refuse(boost::beast::error_code error);
  void Send(Response response);
  void Close();
  void Drain();

  boost::beast::basic_stream<boost::asio::generic::stream_protocol> stream_;
  boost::asio::steady_timer delay_;
  const Handler& handler_;
  const Options options_;
  const std::shared_ptr<void> slot_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  std::optional<Reply> reply_;
  bool keep_alive_ = false;
  bool head_only_ = false;
  size_t drained_bytes_ = 0;
};

}  // namespace stratus::http_server
