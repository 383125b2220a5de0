// One question of server reflection answered from a catalogue of descriptors. Versions 1 and 1alpha differ in their
// package alone, and catalogues in where they look, so this is written once over both.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace stratus::rpc {
namespace reflection_internal {

template <typename Response>
void SetError(const absl::Status& status, Response* response) {
  auto* error = response->mutable_error_response();
  error->set_error_code(static_cast<int>(status.code()));
  error->set_error_message(std::string(status.message()));
}

template <typename Response>
void SetFiles(absl::StatusOr<std::vector<std::string>> files, Response* response) {
  if (!files.ok()) return SetError(files.status(), response);
  auto* answer = response->mutable_file_descriptor_response();
  for (std::string& file : *files) answer->add_file_descriptor_proto(std::move(file));
}

template <typename Catalog, typename Response>
void SetServices(const Catalog& catalog, Response* response) {
  auto* answer = response->mutable_list_services_response();
  for (const std::string& name : catalog.service_names()) answer->add_service()->set_name(name);
}

template <typename Catalog, typename Response>
void SetExtensionNumbers(const Catalog& catalog, const std::string& type, Response* response) {
  const absl::StatusOr<std::vector<int>> numbers = catalog.ExtensionNumbers(type);
  if (!numbers.ok()) return SetError(numbers.status(), response);
  auto* answer = response->mutable_all_extension_numbers_response();
  answer->set_base_type_name(type);
  for (int number : *numbers) answer->add_extension_number(number);
}

}  // namespace reflection_internal

// `Catalog` has FileByName, FileWithSymbol, FileWithExtension, ExtensionNumbers and service_names. What it does not
// find is an error in the response, and the stream stays open.
template <typename Catalog, typename Request, typename Response>
void AnswerReflection(const Catalog& catalog, const Request& request, Response* response) {
  response->set_valid_host(request.host());
  *response->mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kFileByFilename:
      return reflection_internal::SetFiles(catalog.FileByName(request.file_by_filename()), response);
    case Request::kFileContainingSymbol:
      return reflection_internal::SetFiles(catalog.FileWithSymbol(request.file_containing_symbol()), response);
    case Request::kFileContainingExtension: {
      const auto& extension = request.file_containing_extension();
      return reflection_internal::SetFiles(
          catalog.FileWithExtension(extension.containing_type(), extension.extension_number()), response);
    }
    case Request::kAllExtensionNumbersOfType:
      return reflection_internal::SetExtensionNumbers(catalog, request.all_extension_numbers_of_type(), response);
    case Request::kListServices: return reflection_internal::SetServices(catalog, response);
    case Request::MESSAGE_REQUEST_NOT_SET: break;
  }
  reflection_internal::SetError(absl::InvalidArgumentError("the request asks for nothing"), response);
}

}  // namespace stratus::rpc
