// A connected TCP or Unix socket as a Transport.
#pragma once

#include "boost/asio/io_context.hpp"
#include "gateway/http/transport.h"

namespace stratus::gateway::http {

// Takes over `fd`, a connected stream socket of `family` that is already non-blocking.
TransportPtr MakeSocketTransport(boost::asio::io_context& loop, int fd, int family);

}  // namespace stratus::gateway::http
