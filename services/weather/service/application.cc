#include "services/weather/service/application.h"

#include <utility>

#include "lib/core/clock.h"
#include "lib/http_client/client_metrics.h"
#include "lib/http_client/http_client.h"
#include "lib/rpc/server.h"
#include "services/weather/service/redis_cache.h"
#include "services/weather/service/timer_queue.h"
#include "services/weather/service/weather_metrics.h"
#include "services/weather/service/weather_service.h"

namespace stratus::weather {
namespace {

http_client::Options ClientOptions() {
  http_client::Options options;
  options.response_bytes_max = 1 << 20;  // the largest answer, a week of hours, is some 40 KB
  options.user_agent = "stratus-weather";
  return options;
}

}  // namespace

// Members are declared in the order they are needed, and Stop ends them against it.
class Application::Impl {
 public:
  explicit Impl(ServiceOptions options)
      : watch_limit_(options.watchers_max), client_(std::make_unique<http_client::Client>(ClientOptions())) {
    if (options.redis) {
      RedisOptions redis;
      redis.address = *std::move(options.redis);
      redis_ = std::make_unique<RedisCache>(std::move(redis));
    }
    sources_ = std::make_unique<SourceSelector>(
        std::move(options.sources), client_.get(), &clock_,
        [this](absl::Duration after, std::function<void()> callback) { timers_.Schedule(after, std::move(callback)); });
    core_ = std::make_unique<WeatherCore>(std::move(options.core), sources_.get(), redis_.get(), &clock_, &timers_);
    service_ = std::make_unique<WeatherGrpcService>(
        Watch::Parts{.core = core_.get(), .timers = &timers_, .limit = &watch_limit_});
  }
  ~Impl() { Stop(); }

  // Timers first, so that nothing starts any more; then whatever is under way lands, which needs all the rest.
  void Stop() {
    timers_.Stop();
    redis_.reset();
    client_.reset();
  }

  WeatherCore& core() { return *core_; }
  grpc::Service* service() { return service_.get(); }
  void WriteMetrics(telemetry::Snapshot& out) const {
    std::optional<RedisCache::Stats> redis;
    if (redis_ != nullptr) redis = redis_->stats();
    weather::WriteMetrics(core_->stats(), redis, watch_limit_.count(), out);
    http_client::WriteMetrics("source", client_->stats(), out);
  }

 private:
  const core::Clock& clock_ = core::Clock::Real();
  WatchLimit watch_limit_;
  TimerQueue timers_;
  std::unique_ptr<SourceSelector> sources_;
  std::unique_ptr<WeatherCore> core_;
  std::unique_ptr<WeatherGrpcService> service_;
  std::unique_ptr<http_client::Client> client_;
  std::unique_ptr<RedisCache> redis_;
};

absl::StatusOr<std::unique_ptr<Application>> Application::Start(ServiceOptions options) {
  return std::unique_ptr<Application>(new Application(std::make_unique<Impl>(std::move(options))));
}

Application::Application(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Application::~Application() = default;

void Application::AddTo(rpc::ServerOptions* server) { server->AddService<v1::WeatherService>(impl_->service()); }
WeatherCore& Application::core() { return impl_->core(); }
void Application::WriteMetrics(telemetry::Snapshot& out) const { impl_->WriteMetrics(out); }
void Application::Stop() { impl_->Stop(); }

}  // namespace stratus::weather
