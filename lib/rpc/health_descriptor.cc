#include "lib/rpc/health_descriptor.h"

namespace stratus::rpc {
namespace {

using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;

void AddMethod(google::protobuf::ServiceDescriptorProto* service, const char* name, bool server_streaming) {
  auto* method = service->add_method();
  method->set_name(name);
  method->set_input_type(".grpc.health.v1.HealthCheckRequest");
  method->set_output_type(".grpc.health.v1.HealthCheckResponse");
  if (server_streaming) method->set_server_streaming(true);
}

}  // namespace

FileDescriptorProto HealthFile() {
  FileDescriptorProto file;
  file.set_name("grpc/health/v1/health.proto");
  file.set_package("grpc.health.v1");
  file.set_syntax("proto3");
  auto* request = file.add_message_type();
  request->set_name("HealthCheckRequest");
  auto* service_name = request->add_field();
  service_name->set_name("service");
  service_name->set_number(1);
  service_name->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
  service_name->set_type(FieldDescriptorProto::TYPE_STRING);
  auto* response = file.add_message_type();
  response->set_name("HealthCheckResponse");
  auto* serving_status = response->add_enum_type();
  serving_status->set_name("ServingStatus");
  int number = 0;
  for (const char* name : {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"}) {
    auto* value = serving_status->add_value();
    value->set_name(name);
    value->set_number(number++);
  }
  auto* status = response->add_field();
  status->set_name("status");
  status->set_number(1);
  status->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
  status->set_type(FieldDescriptorProto::TYPE_ENUM);
  status->set_type_name(".grpc.health.v1.HealthCheckResponse.ServingStatus");
  auto* service = file.add_service();
  service->set_name("Health");
  AddMethod(service, "Check", false);
  AddMethod(service, "Watch", true);
  return file;
}

}  // namespace stratus::rpc
