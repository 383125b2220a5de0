// The descriptor of grpc.health.v1.Health, which gRPC serves without a generated one.
#pragma once

#include "google/protobuf/descriptor.pb.h"

namespace stratus::rpc {

// grpc/health/v1/health.proto: https://github.com/grpc/grpc/blob/master/src/proto/grpc/health/v1/health.proto
google::protobuf::FileDescriptorProto HealthFile();

}  // namespace stratus::rpc
