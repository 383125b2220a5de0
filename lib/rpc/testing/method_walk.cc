#include "lib/rpc/testing/method_walk.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "lib/rpc/status.h"

namespace stratus::rpc::testing {
namespace {

namespace reflection = grpc::reflection::v1;
using google::protobuf::DescriptorPool;
using ReflectionStream =
    grpc::ClientReaderWriter<reflection::ServerReflectionRequest, reflection::ServerReflectionResponse>;

absl::StatusOr<reflection::ServerReflectionResponse> Ask(ReflectionStream& stream,
                                                         const reflection::ServerReflectionRequest& request) {
  reflection::ServerReflectionResponse response;
  if (!stream.Write(request) || !stream.Read(&response)) return absl::UnavailableError("the reflection stream ended");
  if (response.has_error_response()) {
    return absl::NotFoundError(
        absl::StrCat(request.ShortDebugString(), ": ", response.error_response().error_message()));
  }
  return response;
}

// Files come in an order where importers precede what they import: built from the back.
void AddFiles(const reflection::FileDescriptorResponse& files, DescriptorPool* pool) {
  bool progress = true;
  while (progress) {
    progress = false;
    for (const std::string& bytes : files.file_descriptor_proto()) {
      google::protobuf::FileDescriptorProto file;
      if (!file.ParseFromString(bytes) || pool->FindFileByName(file.name()) != nullptr) continue;
      bool complete = true;
      for (const std::string& import : file.dependency()) complete &= pool->FindFileByName(import) != nullptr;
      if (complete) progress |= pool->BuildFile(file) != nullptr;
    }
  }
}

absl::StatusOr<std::vector<std::string>> ListMethods(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = reflection::ServerReflection::NewStub(channel);
  grpc::ClientContext context;
  const auto stream = stub->ServerReflectionInfo(&context);
  reflection::ServerReflectionRequest request;
  request.set_list_services("");
  const auto services = Ask(*stream, request);
  if (!services.ok()) return services.status();
  DescriptorPool pool;
  std::vector<std::string> methods;
  for (const auto& service : services->list_services_response().service()) {
    request.set_file_containing_symbol(service.name());
    const auto files = Ask(*stream, request);
    if (!files.ok()) return files.status();
    AddFiles(files->file_descriptor_response(), &pool);
    const auto* descriptor = pool.FindServiceByName(service.name());
    if (descriptor == nullptr)
      return absl::InternalError(absl::StrCat(service.name(), ": its files do not fit together"));
    for (int i = 0; i < descriptor->method_count(); ++i) {
      methods.push_back(absl::StrCat("/", service.name(), "/", descriptor->method(i)->name()));
    }
  }
  stream->WritesDone();
  stream->Finish();
  return methods;
}

bool Next(grpc::CompletionQueue* queue) {
  void* tag = nullptr;
  bool ok = false;
  return queue->Next(&tag, &ok) && ok;
}

absl::StatusCode CallOnce(grpc::GenericStub& stub, const std::string& method, std::string_view authorization) {
  grpc::ClientContext context;
  if (!authorization.empty()) context.AddMetadata("authorization", std::string(authorization));
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, method, &queue);
  int operation = 0;
  call->StartCall(&operation);
  Next(&queue);
  grpc::Slice empty;
  call->WriteLast(grpc::ByteBuffer(&empty, 1), grpc::WriteOptions(), &operation);
  Next(&queue);
  grpc::ByteBuffer reply;
  call->Read(&reply, &operation);
  const bool answered = Next(&queue);
  if (answered) context.TryCancel();
  grpc::Status status;
  call->Finish(&status, &operation);
  Next(&queue);
  return answered ? absl::StatusCode::kOk : static_cast<absl::StatusCode>(status.error_code());
}

}  // namespace

absl::StatusOr<std::map<std::string, absl::StatusCode>> CallEveryMethod(const std::shared_ptr<grpc::Channel>& channel,
                                                                        std::string_view authorization) {
  const absl::StatusOr<std::vector<std::string>> methods = ListMethods(channel);
  if (!methods.ok()) return methods.status();
  grpc::GenericStub stub(channel);
  std::map<std::string, absl::StatusCode> codes;
  for (const std::string& method : *methods) codes[method] = CallOnce(stub, method, authorization);
  return codes;
}

}  // namespace stratus::rpc::testing
