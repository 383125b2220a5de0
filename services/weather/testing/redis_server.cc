#include "services/weather/testing/redis_server.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <vector>

extern char** environ;

namespace stratus::weather::testing {
namespace {

constexpr char kBinary[] = "/usr/bin/redis-server";
// Reads the server's log until it says that it listens. False when it ends first.
bool WaitUntilReady(int log) {
  std::string text;
  char buffer[512];
  while (text.find("eady to accept connections") == std::string::npos) {
    const ssize_t count = read(log, buffer, sizeof(buffer));
    if (count <= 0) return false;
    text.append(buffer, static_cast<size_t>(count));
  }
  return true;
}

}  // namespace

bool RedisServer::Installed() { return access(kBinary, X_OK) == 0; }

RedisServer::RedisServer() {
  std::string pattern = std::filesystem::temp_directory_path() / "stratus-redis-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) std::abort();
  folder_ = pattern;
  socket_path_ = folder_ + "/redis.sock";
  Start();
}

RedisServer::~RedisServer() {
  Stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void RedisServer::Start() {
  const std::vector<std::string> arguments = {kBinary, "--port",      "0",    "--unixsocket", socket_path_, "--save",
                                              "",      "--maxmemory", "16mb", "--dir",        folder_};
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  int log[2];
  if (pipe2(log, O_CLOEXEC) != 0) std::abort();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, log[1], STDOUT_FILENO);
  const int error = posix_spawn(&pid_, kBinary, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(log[1]);
  log_ = log[0];  // kept open: a server whose log is gone would be told so by a signal
  if (error != 0 || !WaitUntilReady(log_)) {
    std::cerr << "redis-server did not start\n";
    std::abort();
  }
}

void RedisServer::Stop() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  close(log_);
  pid_ = 0;
}

void RedisServer::Freeze() { kill(pid_, SIGSTOP); }
void RedisServer::Thaw() { kill(pid_, SIGCONT); }

}  // namespace stratus::weather::testing
