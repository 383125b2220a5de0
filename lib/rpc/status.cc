#include "lib/rpc/status.h"

#include <string>

#include "lib/core/status.h"

namespace stratus::rpc {
namespace {

constexpr size_t kMessageBytesMax = 1024;
constexpr size_t kDetailsBytesMax = 4096;

// Cuts without splitting a UTF-8 character.
std::string CutMessage(std::string message) {
  if (message.size() <= kMessageBytesMax) return message;
  size_t end = kMessageBytesMax;
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0) == 0x80) --end;
  message.resize(end);
  return message;
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status proto = core::ToProto(status);
  proto.set_message(CutMessage(std::move(*proto.mutable_message())));
  std::string details;
  if (!proto.details().empty()) {
    details = proto.SerializeAsString();
    if (details.size() > kDetailsBytesMax) details.clear();
  }
  return {static_cast<grpc::StatusCode>(status.code()), proto.message(), details};
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  google::rpc::Status proto;
  if (status.error_details().empty() || !proto.ParseFromString(status.error_details())) proto.Clear();
  proto.set_code(static_cast<int>(code));
  proto.set_message(status.error_message());
  return core::FromProto(proto);
}

}  // namespace stratus::rpc
