// The gRPC server behind every gateway that ./dev bench measures: replies are serialised once, so that what is measured
// is the gateway. usage: bench_backend HOST:PORT
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <map>
#include <string>

#include "stratus/bench/v1/bench.grpc.pb.h"

namespace {

using stratus::bench::v1::BenchService;
using stratus::bench::v1::GetRowsRequest;
using stratus::bench::v1::Rows;
using stratus::bench::v1::Small;
using stratus::bench::v1::StreamSmallRequest;

constexpr int kRowsMax = 150'000;

grpc::ByteBuffer Serialized(const google::protobuf::Message& message) {
  grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

Small MakeSmall() {
  Small small;
  small.set_id("b7c1e2");
  small.set_name("Hà Nội, Việt Nam");
  small.set_text("Light rain in the morning, clearing by noon; humid.");
  small.set_code(500);
  small.set_sequence(1234567890123);
  small.set_latitude(21.0278);
  small.set_longitude(105.8342);
  small.set_active(true);
  small.mutable_time()->set_seconds(1'790'000'000);
  return small;
}

Rows MakeRows(int count) {
  Rows rows;
  rows.set_place("Hanoi");
  for (int i = 0; i < count; ++i) {
    auto* row = rows.add_rows();
    row->mutable_time()->set_seconds(1'790'000'000 + 3600L * i);
    row->set_temperature(20 + (i % 120) / 10.0);
    row->set_feels_like(21.5 + (i % 70) / 10.0);
    row->set_humidity(60 + i % 40);
    row->set_pressure(1009.3 + (i % 50) / 10.0);
    row->set_wind_speed(3.25 + (i % 80) / 100.0);
  }
  return rows;
}

template <typename Message>
bool Parse(const grpc::ByteBuffer* buffer, Message* message) {
  grpc::ByteBuffer copy(*buffer);
  return buffer->Valid() && grpc::SerializationTraits<Message>::Deserialize(&copy, message).ok();
}

class StreamReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  StreamReactor(const grpc::ByteBuffer& message, int count) : message_(message), left_(count) { Next(); }
  void OnWriteDone(bool ok) override { ok ? Next() : Finish(grpc::Status::CANCELLED); }
  void OnDone() override { delete this; }

 private:
  void Next() {
    if (left_-- > 0) {
      StartWrite(&message_);
    } else {
      Finish(grpc::Status::OK);
    }
  }
  const grpc::ByteBuffer message_;
  int left_;
};

using RawService = BenchService::WithRawCallbackMethod_GetSmall<BenchService::WithRawCallbackMethod_GetRows<
    BenchService::WithRawCallbackMethod_Echo<BenchService::WithRawCallbackMethod_StreamSmall<BenchService::Service>>>>;

class Service final : public RawService {
 public:
  grpc::ServerUnaryReactor* GetSmall(grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
                                     grpc::ByteBuffer* reply) override {
    *reply = small_;
    return Done(context, grpc::Status::OK);
  }

  grpc::ServerUnaryReactor* GetRows(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* reply) override {
    GetRowsRequest parsed;
    if (!Parse(request, &parsed) || parsed.count() < 0 || parsed.count() > kRowsMax) {
      return Done(context, {grpc::StatusCode::INVALID_ARGUMENT, "count is 0 to 150000"});
    }
    const auto found = rows_.find(parsed.count());
    *reply = found != rows_.end() ? found->second : Serialized(MakeRows(parsed.count()));
    return Done(context, grpc::Status::OK);
  }

  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                 grpc::ByteBuffer* reply) override {
    *reply = *request;
    return Done(context, grpc::Status::OK);
  }

  grpc::ServerWriteReactor<grpc::ByteBuffer>* StreamSmall(grpc::CallbackServerContext*,
                                                          const grpc::ByteBuffer* request) override {
    StreamSmallRequest parsed;
    return new StreamReactor(small_, Parse(request, &parsed) ? parsed.count() : 0);
  }

 private:
  static grpc::ServerUnaryReactor* Done(grpc::CallbackServerContext* context, const grpc::Status& status) {
    auto* reactor = context->DefaultReactor();
    reactor->Finish(status);
    return reactor;
  }

  const grpc::ByteBuffer small_ = Serialized(MakeSmall());
  const std::map<int, grpc::ByteBuffer> rows_ = {
      {24, Serialized(MakeRows(24))}, {168, Serialized(MakeRows(168))}, {1000, Serialized(MakeRows(1000))}};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_backend HOST:PORT\n");
    return 2;
  }
  Service service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(argv[1], grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  if (!server) return 1;
  std::printf("%d\n", port);
  std::fflush(stdout);
  server->Wait();
}
