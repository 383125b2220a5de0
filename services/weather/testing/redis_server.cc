#include "services/weather/testing/redis_server.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>
#include <vector>

extern char** environ;

namespace stratus::weather::testing {
namespace {

constexpr char kBinary[] = "/usr/bin/redis-server";
constexpr int kStartTriesMax = 2000;

bool Answers(const std::string& path) {
  redisContext* context = redisConnectUnix(path.c_str());
  bool answers = context != nullptr && context->err == 0;
  if (answers) {
    auto* reply = static_cast<redisReply*>(redisCommand(context, "PING"));
    answers = reply != nullptr && reply->type == REDIS_REPLY_STATUS;
    if (reply != nullptr) freeReplyObject(reply);
  }
  if (context != nullptr) redisFree(context);
  return answers;
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
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  const int error = posix_spawn(&pid_, kBinary, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  for (int tries = 0; error == 0 && tries < kStartTriesMax; ++tries) {
    if (Answers(socket_path_)) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::cerr << "redis-server did not start\n";
  std::abort();
}

void RedisServer::Stop() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void RedisServer::Freeze() { kill(pid_, SIGSTOP); }
void RedisServer::Thaw() { kill(pid_, SIGCONT); }

}  // namespace stratus::weather::testing
