// What server reflection answers from: the descriptors of the services that a server serves.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"

namespace stratus::rpc {

// Thread-safe: descriptor pools are.
class DescriptorCatalog {
 public:
  // A serialized FileDescriptorProto for each file: the one asked for first, then everything it imports.
  using Files = std::vector<std::string>;

  // INVALID_ARGUMENT when the generated pool lacks a service. grpc.health.v1.Health is always known: gRPC serves it
  // without a generated descriptor.
  static absl::StatusOr<std::unique_ptr<DescriptorCatalog>> Create(std::vector<std::string> service_names);

  // In the order given to Create.
  const std::vector<std::string>& service_names() const { return service_names_; }
  const std::vector<const google::protobuf::ServiceDescriptor*>& services() const { return services_; }

  // NOT_FOUND each, for what no linked file holds.
  absl::StatusOr<Files> FileByName(const std::string& name) const;
  absl::StatusOr<Files> FileWithSymbol(const std::string& symbol) const;
  absl::StatusOr<Files> FileWithExtension(const std::string& message_type, int number) const;
  absl::StatusOr<std::vector<int>> ExtensionNumbers(const std::string& message_type) const;

 private:
  explicit DescriptorCatalog(std::vector<std::string> service_names);

  google::protobuf::DescriptorPool pool_;  // the health service's file, over the generated pool
  const std::vector<std::string> service_names_;
  std::vector<const google::protobuf::ServiceDescriptor*> services_;
};

}  // namespace stratus::rpc
