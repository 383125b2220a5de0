#include "lib/rpc/descriptor_catalog.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.pb.h"
#include "lib/rpc/health_descriptor.h"

namespace stratus::rpc {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;

void Append(const FileDescriptor* file, std::set<const FileDescriptor*>* seen, DescriptorCatalog::Files* files) {
  if (!seen->insert(file).second) return;
  FileDescriptorProto proto;
  file->CopyTo(&proto);
  files->push_back(proto.SerializeAsString());
  for (int i = 0; i < file->dependency_count(); ++i) Append(file->dependency(i), seen, files);
}

DescriptorCatalog::Files WithImports(const FileDescriptor* file) {
  std::set<const FileDescriptor*> seen;
  DescriptorCatalog::Files files;
  Append(file, &seen, &files);
  return files;
}

}  // namespace

DescriptorCatalog::DescriptorCatalog(std::vector<std::string> service_names)
    : pool_(DescriptorPool::generated_pool()), service_names_(std::move(service_names)) {}

absl::StatusOr<std::unique_ptr<DescriptorCatalog>> DescriptorCatalog::Create(std::vector<std::string> service_names) {
  std::unique_ptr<DescriptorCatalog> catalog(new DescriptorCatalog(std::move(service_names)));
  if (DescriptorPool::generated_pool()->FindServiceByName("grpc.health.v1.Health") == nullptr) {
    catalog->pool_.BuildFile(HealthFile());
  }
  for (const std::string& name : catalog->service_names_) {
    const auto* service = catalog->pool_.FindServiceByName(name);
    if (service == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": no such service is linked into this program"));
    }
    catalog->services_.push_back(service);
  }
  return catalog;
}

absl::StatusOr<DescriptorCatalog::Files> DescriptorCatalog::FileByName(const std::string& name) const {
  const FileDescriptor* file = pool_.FindFileByName(name);
  if (file == nullptr) return absl::NotFoundError("file not found");
  return WithImports(file);
}

absl::StatusOr<DescriptorCatalog::Files> DescriptorCatalog::FileWithSymbol(const std::string& symbol) const {
  const FileDescriptor* file = pool_.FindFileContainingSymbol(symbol);
  if (file == nullptr) return absl::NotFoundError("symbol not found");
  return WithImports(file);
}

absl::StatusOr<DescriptorCatalog::Files> DescriptorCatalog::FileWithExtension(const std::string& message_type,
                                                                              int number) const {
  const auto* message = pool_.FindMessageTypeByName(message_type);
  if (message == nullptr) return absl::NotFoundError("message type not found");
  const auto* extension = message->file()->pool()->FindExtensionByNumber(message, number);
  if (extension == nullptr) return absl::NotFoundError("extension not found");
  return WithImports(extension->file());
}

absl::StatusOr<std::vector<int>> DescriptorCatalog::ExtensionNumbers(const std::string& message_type) const {
  const auto* message = pool_.FindMessageTypeByName(message_type);
  if (message == nullptr) return absl::NotFoundError("message type not found");
  std::vector<const google::protobuf::FieldDescriptor*> extensions;
  message->file()->pool()->FindAllExtensions(message, &extensions);
  std::vector<int> numbers;
  for (const auto* extension : extensions) numbers.push_back(extension->number());
  return numbers;
}

}  // namespace stratus::rpc
