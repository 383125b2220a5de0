// JSON as google.protobuf.Struct and back.
#pragma once

#include <google/protobuf/struct.pb.h>

#include <nlohmann/json_fwd.hpp>

namespace stratus::provisioning::engine {

google::protobuf::Value ToValue(const nlohmann::json& json);
// `json` is an object.
google::protobuf::Struct ToStruct(const nlohmann::json& json);

}  // namespace stratus::provisioning::engine
