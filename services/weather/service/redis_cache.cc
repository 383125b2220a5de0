#include "services/weather/service/redis_cache.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/core/log.h"

namespace stratus::weather {
namespace {

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

Reply Send(redisContext* context, std::initializer_list<std::string_view> arguments) {
  std::vector<const char*> texts;
  std::vector<size_t> sizes;
  for (const std::string_view argument : arguments) {
    texts.push_back(argument.data());
    sizes.push_back(argument.size());
  }
  return Reply(
      static_cast<redisReply*>(redisCommandArgv(context, static_cast<int>(texts.size()), texts.data(), sizes.data())));
}

bool IsOk(const Reply& reply) { return reply != nullptr && reply->type == REDIS_REPLY_STATUS; }

// hiredis writes to a dead socket without MSG_NOSIGNAL: on this thread that must be an error, not the end.
void BlockBrokenPipe() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

}  // namespace

void RedisCache::Disconnect::operator()(redisContext* context) const { redisFree(context); }

RedisCache::RedisCache(RedisOptions options)
    : options_(std::move(options)), rest_(options_.rest_min), thread_([this] { Run(); }) {}

RedisCache::~RedisCache() {
  {
    core::MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
  for (Command& command : queue_) {
    if (command.found) command.found(std::nullopt);
  }
}

void RedisCache::Find(std::string key, Found found) {
  Command command{std::move(key), "", absl::ZeroDuration(), std::move(found)};
  if (resting_.load(std::memory_order_relaxed) || !Enqueue(command)) {
    misses_.fetch_add(1, std::memory_order_relaxed);
    command.found(std::nullopt);
  }
}

void RedisCache::Store(std::string key, std::string value, absl::Duration ttl) {
  if (value.size() > options_.value_bytes_max || ttl < absl::Seconds(1)) return;
  Command command{std::move(key), std::move(value), ttl, nullptr};
  if (resting_.load(std::memory_order_relaxed) || !Enqueue(command)) dropped_.fetch_add(1, std::memory_order_relaxed);
}

RedisCache::Stats RedisCache::stats() const {
  core::MutexLock lock(mutex_);
  return {hits_.load(),     misses_.load(),    stores_.load(), dropped_.load(),
          failures_.load(), connected_.load(), queue_.size()};
}

bool RedisCache::Enqueue(Command& command) {
  {
    core::MutexLock lock(mutex_);
    if (stopping_ || queue_.size() >= options_.queue_max) return false;
    queue_.push_back(std::move(command));
  }
  changed_.NotifyOne();
  return true;
}

void RedisCache::Run() {
  BlockBrokenPipe();
  while (true) {
    Command command;
    bool has_command = false;
    {
      core::MutexLock lock(mutex_);
      while (!stopping_ && queue_.empty()) {
        if (!resting_.load()) {
          changed_.Wait(lock);
          continue;
        }
        const absl::Duration left = rest_until_ - absl::Now();
        if (left <= absl::ZeroDuration()) break;
        changed_.WaitFor(lock, std::chrono::nanoseconds(absl::ToInt64Nanoseconds(left)));
      }
      if (stopping_) return;
      if (!queue_.empty()) {
        command = std::move(queue_.front());
        queue_.pop_front();
        has_command = true;
      }
    }
    // Without a command the rest is over: connect again, so that callers need not pay for it.
    if (has_command) {
      Execute(command);
    } else {
      EnsureConnected();
    }
  }
}

void RedisCache::Execute(Command& command) {
  if (!command.found) {
    if (EnsureConnected()) DoStore(command);
    return;
  }
  std::optional<std::string> value;
  if (EnsureConnected()) value = DoFind(command.key);
  (value ? hits_ : misses_).fetch_add(1, std::memory_order_relaxed);
  command.found(std::move(value));
}

bool RedisCache::EnsureConnected() {
  if (context_ != nullptr) return true;
  if (absl::Now() < rest_until_) return false;
  const timeval timeout = absl::ToTimeval(options_.connect_timeout);
  const RedisAddress& address = options_.address;
  context_.reset(address.unix_path.empty() ? redisConnectWithTimeout(address.host.c_str(), address.port, timeout)
                                           : redisConnectUnixWithTimeout(address.unix_path.c_str(), timeout));
  if (context_ == nullptr || context_->err != 0 ||
      redisSetTimeout(context_.get(), absl::ToTimeval(options_.command_timeout)) != REDIS_OK || !Greet()) {
    Fail("connecting");
    return false;
  }
  core::Log(core::Severity::kInfo, "redis is connected");
  connected_ = true;
  resting_ = false;
  rest_ = options_.rest_min;
  return true;
}

bool RedisCache::Greet() {
  const RedisAddress& address = options_.address;
  if (!address.password.empty()) {
    const bool accepted = address.user.empty() ? IsOk(Send(context_.get(), {"AUTH", address.password}))
                                               : IsOk(Send(context_.get(), {"AUTH", address.user, address.password}));
    if (!accepted) return false;
  }
  if (address.database != 0 && !IsOk(Send(context_.get(), {"SELECT", std::to_string(address.database)}))) return false;
  return IsOk(Send(context_.get(), {"PING"}));
}

void RedisCache::Fail(const char* doing) {
  failures_.fetch_add(1, std::memory_order_relaxed);
  // hiredis's text names an errno, never the password.
  core::Log(core::Severity::kWarning, "redis failed; going on without it",
            {{"doing", doing},
             {"error", context_ != nullptr && context_->err != 0 ? context_->errstr : "refused by the server"}});
  context_.reset();
  connected_ = false;
  rest_until_ = absl::Now() + rest_;
  rest_ = std::min(rest_ * 2, options_.rest_max);
  resting_ = true;
}

std::optional<std::string> RedisCache::DoFind(const std::string& key) {
  const Reply reply = Send(context_.get(), {"GET", key});
  if (reply == nullptr) {
    Fail("reading");
    return std::nullopt;
  }
  if (reply->type != REDIS_REPLY_STRING || static_cast<size_t>(reply->len) > options_.value_bytes_max) {
    return std::nullopt;
  }
  return std::string(reply->str, static_cast<size_t>(reply->len));
}

void RedisCache::DoStore(const Command& command) {
  const std::string seconds = absl::StrCat(absl::ToInt64Seconds(command.ttl));
  const Reply reply = Send(context_.get(), {"SET", command.key, command.value, "EX", seconds});
  if (reply == nullptr) return Fail("writing");
  // A server that is out of memory or read-only answers with an error: nothing is stored, and reads go on.
  (IsOk(reply) ? stores_ : dropped_).fetch_add(1, std::memory_order_relaxed);
}

}  // namespace stratus::weather
