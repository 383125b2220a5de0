// A real PostgreSQL server on a Unix socket in a folder of its own, ended and removed with the object. As root it runs
// as `nobody`: PostgreSQL refuses root.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace stratus::provisioning::store::testing {

class PostgresServer {
 public:
  // False when no PostgreSQL is installed: a test has to skip itself.
  static bool Installed();

  PostgresServer();
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // A URL of something empty that is made by the call: a schema of its own, which sees no other's tables.
  std::string NewDatabase();

  // Start returns once it takes connections. Stop is a crash: nothing is flushed, no client is told.
  void Start();
  void Stop();
  // Ends every client's connection, as an administrator would.
  void Disconnect();
  // Stops and continues every process of it, connections stay open.
  void Freeze();
  void Thaw();

 private:
  void Execute(const std::string& sql) const;
  std::vector<pid_t> Processes() const;
  void Signal(int signal) const;

  std::string folder_;
  pid_t pid_ = 0;
  int databases_ = 0;
};

}  // namespace stratus::provisioning::store::testing
