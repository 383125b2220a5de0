// TLS over another Transport, on either side.
//
// The handshake runs by itself once something is read, written or awaited. Until it is done TryWrite takes nothing
// (-EAGAIN); OnWritable comes when it is. One that fails is an error of every call (-EPROTO).
#pragma once

#include <memory>
#include <string>

#include "boost/asio/io_context.hpp"
#include "gateway/http/tls_context.h"
#include "gateway/http/transport.h"

namespace stratus::gateway::http {

// `why`, unless null, gets the reason when the handshake fails.
TransportPtr MakeTlsTransport(boost::asio::io_context& loop, TransportPtr inner, SslPtr session,
                              std::shared_ptr<std::string> why = nullptr);

}  // namespace stratus::gateway::http
