// A service whose answer is chosen by the path, so that a test sees each thing an Exchange can do. Every handler
// records its events (`body`, `end`, `abort`, `drained`) with the path in front: `/hold abort`.
//
//   /hello         200 "hello" at once
//   /echo          the request's body
//   /head          what RequestHead says, a line each
//   /later         "later", from a later turn of the loop
//   /status/NNN    that status, with the body "text"
//   /early         413 at once, whatever is still to come of the body
//   /abandon       starts one response, takes it back, gives another
//   /stream/BYTES  so many bytes in pieces of 16 KiB, as fast as the backlog allows
//   /pieces        three flushed pieces, a turn of the loop apart
//   /trailers      a streamed "body" with the trailers grpc-status: 0 and grpc-message: fine
//   /trailers-only StartStream and at once EndStream with grpc-status: 5
//   /hold          never answers
//   /patient       never answers, and lets the body pause
//   /hoard         takes the body without consuming it until Release, then answers with its size
//   /abort         aborts before any answer
//   /abort-stream  aborts after "partial" was flushed
//   /split         a response header that holds a line break
//   /none          breaks the contract: neither a handler nor an answer
#pragma once

#include <memory>
#include <set>
#include <string>

#include "boost/asio/io_context.hpp"
#include "gateway/http/exchange.h"
#include "gateway/http/testing/event_log.h"

namespace stratus::gateway::http::testing {

class TestService final : public Service {
 public:
  TestService(boost::asio::io_context& loop, EventLog* log) : loop_(loop), log_(log) {}
  ~TestService() override;

  void OnRequest(Exchange* exchange) override;
  // Consumes what /hoard holds. On the loop's thread.
  void Release();

 private:
  class Call;
  friend class Call;

  boost::asio::io_context& loop_;
  EventLog* const log_;
  std::set<Call*> calls_;
};

}  // namespace stratus::gateway::http::testing
