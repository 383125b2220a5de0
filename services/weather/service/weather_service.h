// WeatherService over gRPC: unpacks requests, asks the core, packs replies. Nothing is decided here.
#pragma once

#include "services/weather/service/watch.h"
#include "services/weather/service/weather_core.h"
#include "stratus/weather/v1/weather.grpc.pb.h"

namespace stratus::weather {

// Weather replies come from the core serialised already, so their methods take and give bytes.
using WeatherServiceBase =
    v1::WeatherService::WithRawCallbackMethod_GetTodayWeather<v1::WeatherService::WithRawCallbackMethod_GetForecast<
        v1::WeatherService::WithCallbackMethod_SearchPlaces<v1::WeatherService::WithRawCallbackMethod_WatchWeather<
            v1::WeatherService::WithCallbackMethod_GetOpenWeather<v1::WeatherService::Service>>>>>;

class WeatherGrpcService final : public WeatherServiceBase {
 public:
  // The parts outlive the service.
  explicit WeatherGrpcService(Watch::Parts parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* GetTodayWeather(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                            grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetForecast(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* SearchPlaces(grpc::CallbackServerContext* context, const v1::SearchPlacesRequest* request,
                                         v1::SearchPlacesResponse* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchWeather(grpc::CallbackServerContext* context,
                                                           const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* GetOpenWeather(grpc::CallbackServerContext* context,
                                           const v1::GetOpenWeatherRequest* request,
                                           google::api::HttpBody* response) override;

 private:
  const Watch::Parts parts_;
};

}  // namespace stratus::weather
