#include "services/weather/service/weather_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/rpc/server_stream.h"
#include "lib/rpc/unary.h"

namespace stratus::weather {
namespace {

template <typename Message>
absl::Status Unpack(const grpc::ByteBuffer& bytes, Message* message) {
  // A call that was cancelled before its message came has no buffer, and copying that one aborts (design.md, traps).
  if (!bytes.Valid()) return absl::CancelledError("the call ended before its message came");
  std::vector<grpc::Slice> slices;
  if (!bytes.Dump(&slices).ok()) return absl::InternalError("the request's bytes cannot be read");
  std::string whole;
  if (slices.size() != 1) {
    for (const grpc::Slice& slice : slices) whole.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  const bool parsed = slices.size() == 1
                          ? message->ParseFromArray(slices[0].begin(), static_cast<int>(slices[0].size()))
                          : message->ParseFromString(whole);
  if (parsed) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the request is not a ", message->GetDescriptor()->full_name(), " in wire format"));
}

grpc::ByteBuffer Pack(const EncodedReply& reply) {
  const grpc::Slice slices[] = {grpc::Slice(*reply.body), grpc::Slice(reply.tail)};
  return grpc::ByteBuffer(slices, 2);
}

// What a copy of the reply may be kept for, as Cache-Control (RFC 9111, RFC 5861).
std::string CacheControlOf(const EncodedReply& reply) {
  const int64_t fresh_s = absl::ToInt64Seconds(reply.fresh_for);
  if (fresh_s <= 0) return "no-cache";
  const int64_t usable_s = absl::ToInt64Seconds(reply.usable_for);
  return absl::StrCat("max-age=", fresh_s, ", stale-while-revalidate=", usable_s, ", stale-if-error=", usable_s);
}

using RawCall = rpc::UnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>;
using RawStream = rpc::ServerStreamCall<grpc::ByteBuffer, grpc::ByteBuffer>;

// Runs one of the core's methods that take a Request and give an EncodedReply.
template <typename Request, typename Method>
void Serve(WeatherCore* core, Method method, std::shared_ptr<RawCall> call) {
  Request request;
  if (absl::Status status = Unpack(call->request(), &request); !status.ok()) return call->Finish(status);
  const absl::Time deadline = call->deadline();
  (core->*method)(request, deadline, [call = std::move(call)](absl::StatusOr<EncodedReply> reply) {
    if (!reply.ok()) return call->Finish(reply.status());
    call->AddInitialMetadata("cache-control", CacheControlOf(*reply));
    call->response() = Pack(*reply);
    call->Finish(absl::OkStatus());
  });
}

void ServeWatch(Watch::Parts parts, std::shared_ptr<RawStream> call) {
  v1::WatchWeatherRequest request;
  if (absl::Status status = Unpack(call->request(), &request); !status.ok()) return call->Finish(status);
  Watch::Sink sink;
  sink.send = [call](EncodedReply reply, std::function<void(bool)> sent) {
    if (!call->Write(Pack(reply), sent)) sent(false);
  };
  sink.end = [call](absl::Status status) { call->Finish(status); };
  const std::shared_ptr<Watch> watch = Watch::Start(request, parts, std::move(sink));
  if (watch == nullptr) return;
  // By way of the base: the stream has an OnCancel of gRPC's too.
  static_cast<rpc::Call&>(*call).OnCancel([call, watch] {
    watch->Cancel();
    call->Finish(absl::CancelledError("the caller went away or its deadline passed"));
  });
}

}  // namespace

grpc::ServerUnaryReactor* WeatherGrpcService::GetTodayWeather(grpc::CallbackServerContext* context,
                                                              const grpc::ByteBuffer* request,
                                                              grpc::ByteBuffer* response) {
  using Method = void (WeatherCore::*)(const v1::GetTodayWeatherRequest&, absl::Time, WeatherCore::Done<EncodedReply>);
  return rpc::Unary(context, request, response, [this](std::shared_ptr<RawCall> call) {
    Serve<v1::GetTodayWeatherRequest>(parts_.core, static_cast<Method>(&WeatherCore::GetToday), std::move(call));
  });
}

grpc::ServerUnaryReactor* WeatherGrpcService::GetForecast(grpc::CallbackServerContext* context,
                                                          const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  return rpc::Unary(context, request, response, [this](std::shared_ptr<RawCall> call) {
    Serve<v1::GetForecastRequest>(parts_.core, &WeatherCore::GetForecast, std::move(call));
  });
}

grpc::ServerUnaryReactor* WeatherGrpcService::SearchPlaces(grpc::CallbackServerContext* context,
                                                           const v1::SearchPlacesRequest* request,
                                                           v1::SearchPlacesResponse* response) {
  using Call = rpc::UnaryCall<v1::SearchPlacesRequest, v1::SearchPlacesResponse>;
  return rpc::Unary(context, request, response, [this](std::shared_ptr<Call> call) {
    parts_.core->SearchPlaces(call->request(), call->deadline(),
                              [call](absl::StatusOr<v1::SearchPlacesResponse> places) {
                                if (!places.ok()) return call->Finish(places.status());
                                call->response() = *std::move(places);
                                call->Finish(absl::OkStatus());
                              });
  });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* WeatherGrpcService::WatchWeather(grpc::CallbackServerContext* context,
                                                                             const grpc::ByteBuffer* request) {
  return rpc::ServerStream<grpc::ByteBuffer>(
      context, request, [this](std::shared_ptr<RawStream> call) { ServeWatch(parts_, std::move(call)); });
}

grpc::ServerUnaryReactor* WeatherGrpcService::GetOpenWeather(grpc::CallbackServerContext* context,
                                                             const v1::GetOpenWeatherRequest* request,
                                                             google::api::HttpBody* response) {
  using Call = rpc::UnaryCall<v1::GetOpenWeatherRequest, google::api::HttpBody>;
  return rpc::Unary(context, request, response, [this](std::shared_ptr<Call> call) {
    parts_.core->GetOpenWeather(call->request(), call->deadline(), [call](absl::StatusOr<google::api::HttpBody> body) {
      if (!body.ok()) return call->Finish(body.status());
      call->response() = *std::move(body);
      call->Finish(absl::OkStatus());
    });
  });
}

}  // namespace stratus::weather
