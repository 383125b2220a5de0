// A real redis-server on a Unix socket in a folder of its own, with bounded memory, ended with the object.
#pragma once

#include <sys/types.h>

#include <string>

namespace stratus::weather::testing {

class RedisServer {
 public:
  // False when no redis-server is installed: a test has to skip itself.
  static bool Installed();

  RedisServer();
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  const std::string& socket_path() const { return socket_path_; }

  // Start returns once it takes connections.
  void Start();
  void Stop();
  // Makes it deaf without closing connections, and undoes that.
  void Freeze();
  void Thaw();

 private:
  std::string folder_;
  std::string socket_path_;
  pid_t pid_ = 0;
  int log_ = -1;
};

}  // namespace stratus::weather::testing
