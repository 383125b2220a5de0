// Who keeps connections.
#pragma once

namespace stratus::gateway::http {

class Connection;

class ConnectionOwner {
 public:
  // The connection has nothing left to do and may be destroyed now.
  virtual void OnConnectionClosed(Connection* connection) = 0;
  // Memory is short: whoever holds most for longest is to be closed, soon.
  virtual void OnMemoryShort() = 0;

 protected:
  ~ConnectionOwner() = default;
};

}  // namespace stratus::gateway::http
