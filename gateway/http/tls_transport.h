// TLS over another Transport, on either side.
//
// The handshake runs by itself once something is read, written or awaited. Until it is done TryWrite takes nothing
// (-EAGAIN); OnWritable comes when it is. One that fails is an error of every call (-EPROTO).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "boost/asio/io_context.hpp"
#include "gateway/http/tls_context.h"
#include "gateway/http/transport.h"

namespace stratus::gateway::http {

// When the handshake fails `why` gets the reason and `failures` is counted up, unless they are null. `failures` is
// written on the loop's thread and outlives the transport.
TransportPtr MakeTlsTransport(boost::asio::io_context& loop, TransportPtr inner, SslPtr session,
                              std::shared_ptr<std::string> why = nullptr, std::atomic<uint64_t>* failures = nullptr);

}  // namespace stratus::gateway::http
