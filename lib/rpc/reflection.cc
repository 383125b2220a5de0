#include "lib/rpc/reflection.h"

#include <utility>

#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "lib/rpc/admission.h"
#include "lib/rpc/status.h"

namespace stratus::rpc {
namespace {

// The two versions differ in their package alone, so everything here is written once over their generated types.
namespace v1 = grpc::reflection::v1;
namespace v1alpha = grpc::reflection::v1alpha;

template <typename Response>
void SetError(const absl::Status& status, Response* response) {
  auto* error = response->mutable_error_response();
  error->set_error_code(static_cast<int>(status.code()));
  error->set_error_message(std::string(status.message()));
}

template <typename Response>
void SetFiles(absl::StatusOr<DescriptorCatalog::Files> files, Response* response) {
  if (!files.ok()) return SetError(files.status(), response);
  auto* answer = response->mutable_file_descriptor_response();
  for (std::string& file : *files) answer->add_file_descriptor_proto(std::move(file));
}

template <typename Response>
void SetServices(const DescriptorCatalog& catalog, Response* response) {
  auto* answer = response->mutable_list_services_response();
  for (const std::string& name : catalog.service_names()) answer->add_service()->set_name(name);
}

template <typename Response>
void SetExtensionNumbers(const DescriptorCatalog& catalog, const std::string& type, Response* response) {
  const absl::StatusOr<std::vector<int>> numbers = catalog.ExtensionNumbers(type);
  if (!numbers.ok()) return SetError(numbers.status(), response);
  auto* answer = response->mutable_all_extension_numbers_response();
  answer->set_base_type_name(type);
  for (int number : *numbers) answer->add_extension_number(number);
}

template <typename Request, typename Response>
void Answer(const DescriptorCatalog& catalog, const Request& request, Response* response) {
  response->set_valid_host(request.host());
  *response->mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kFileByFilename: return SetFiles(catalog.FileByName(request.file_by_filename()), response);
    case Request::kFileContainingSymbol:
      return SetFiles(catalog.FileWithSymbol(request.file_containing_symbol()), response);
    case Request::kFileContainingExtension: {
      const auto& extension = request.file_containing_extension();
      return SetFiles(catalog.FileWithExtension(extension.containing_type(), extension.extension_number()), response);
    }
    case Request::kAllExtensionNumbersOfType:
      return SetExtensionNumbers(catalog, request.all_extension_numbers_of_type(), response);
    case Request::kListServices: return SetServices(catalog, response);
    case Request::MESSAGE_REQUEST_NOT_SET: break;
  }
  SetError(absl::InvalidArgumentError("the request asks for nothing"), response);
}

// One question and its answer at a time, so that a stream holds no more than those.
template <typename Request, typename Response>
class Stream final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  Stream(const DescriptorCatalog& catalog, const absl::Status& refusal) : catalog_(catalog) {
    if (refusal.ok()) {
      this->StartRead(&request_);
    } else {
      this->Finish(ToGrpc(refusal));
    }
  }

  void OnReadDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::OK);
    response_.Clear();
    Answer(catalog_, request_, &response_);
    this->StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::OK);
    this->StartRead(&request_);
  }
  void OnDone() override { delete this; }

 private:
  const DescriptorCatalog& catalog_;
  Request request_;
  Response response_;
};

template <typename Generated, typename Request, typename Response>
class Service final : public Generated::CallbackService {
 public:
  explicit Service(const DescriptorCatalog& catalog) : catalog_(catalog) {}

  grpc::ServerBidiReactor<Request, Response>* ServerReflectionInfo(grpc::CallbackServerContext* context) override {
    absl::Status refusal;
    Admit(context, &refusal);
    return new Stream<Request, Response>(catalog_, refusal);
  }

 private:
  const DescriptorCatalog& catalog_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewReflectionV1(const DescriptorCatalog& catalog) {
  return std::make_unique<Service<v1::ServerReflection, v1::ServerReflectionRequest, v1::ServerReflectionResponse>>(
      catalog);
}

std::unique_ptr<grpc::Service> NewReflectionV1Alpha(const DescriptorCatalog& catalog) {
  return std::make_unique<
      Service<v1alpha::ServerReflection, v1alpha::ServerReflectionRequest, v1alpha::ServerReflectionResponse>>(catalog);
}

}  // namespace stratus::rpc
