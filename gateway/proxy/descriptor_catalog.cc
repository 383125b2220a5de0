#include "gateway/proxy/descriptor_catalog.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.pb.h"

namespace stratus::gateway::proxy {
namespace {

namespace pb = google::protobuf;

void Append(const pb::FileDescriptor* file, std::set<const pb::FileDescriptor*>* seen,
            DescriptorCatalog::Files* files) {
  if (!seen->insert(file).second) return;
  pb::FileDescriptorProto proto;
  file->CopyTo(&proto);
  files->push_back(proto.SerializeAsString());
  for (int i = 0; i < file->dependency_count(); ++i) Append(file->dependency(i), seen, files);
}

DescriptorCatalog::Files WithImports(const pb::FileDescriptor* file) {
  std::set<const pb::FileDescriptor*> seen;
  DescriptorCatalog::Files files;
  Append(file, &seen, &files);
  return files;
}

absl::Status NotFound(const char* what, const std::string& name) {
  return absl::NotFoundError(absl::StrCat("there is no ", what, " ", name.substr(0, 200)));
}

}  // namespace

DescriptorCatalog::DescriptorCatalog(const std::vector<const pb::FileDescriptor*>& files,
                                     std::vector<std::string> service_names)
    : service_names_(std::move(service_names)) {
  std::sort(service_names_.begin(), service_names_.end());
  service_names_.erase(std::unique(service_names_.begin(), service_names_.end()), service_names_.end());
  for (const pb::FileDescriptor* file : files) AddFile(file);
}

void DescriptorCatalog::AddFile(const pb::FileDescriptor* file) {
  if (!by_name_.emplace(file->name(), file).second) return;
  for (int i = 0; i < file->message_type_count(); ++i) AddMessage(file->message_type(i));
  for (int i = 0; i < file->enum_type_count(); ++i) by_symbol_.emplace(file->enum_type(i)->full_name(), file);
  for (int i = 0; i < file->extension_count(); ++i) AddExtension(file->extension(i));
  for (int i = 0; i < file->service_count(); ++i) {
    const pb::ServiceDescriptor* service = file->service(i);
    by_symbol_.emplace(service->full_name(), file);
    for (int j = 0; j < service->method_count(); ++j) by_symbol_.emplace(service->method(j)->full_name(), file);
  }
  for (int i = 0; i < file->dependency_count(); ++i) AddFile(file->dependency(i));
}

void DescriptorCatalog::AddMessage(const pb::Descriptor* message) {
  by_symbol_.emplace(message->full_name(), message->file());
  for (int i = 0; i < message->enum_type_count(); ++i) {
    by_symbol_.emplace(message->enum_type(i)->full_name(), message->file());
  }
  for (int i = 0; i < message->extension_count(); ++i) AddExtension(message->extension(i));
  for (int i = 0; i < message->nested_type_count(); ++i) AddMessage(message->nested_type(i));
}

void DescriptorCatalog::AddExtension(const pb::FieldDescriptor* extension) {
  by_symbol_.emplace(extension->full_name(), extension->file());
  extensions_[extension->containing_type()].push_back(extension);
}

absl::StatusOr<DescriptorCatalog::Files> DescriptorCatalog::FileByName(const std::string& name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? NotFound("file", name) : absl::StatusOr<Files>(WithImports(at->second));
}

absl::StatusOr<DescriptorCatalog::Files> DescriptorCatalog::FileWithSymbol(const std::string& symbol) const {
  const auto at = by_symbol_.find(symbol);
  return at == by_symbol_.end() ? NotFound("symbol", symbol) : absl::StatusOr<Files>(WithImports(at->second));
}

const pb::Descriptor* DescriptorCatalog::FindMessage(const std::string& name) const {
  const auto at = by_symbol_.find(name);
  return at == by_symbol_.end() ? nullptr : at->second->pool()->FindMessageTypeByName(name);
}

absl::StatusOr<DescriptorCatalog::Files> DescriptorCatalog::FileWithExtension(const std::string& message_type,
                                                                              int number) const {
  const pb::Descriptor* message = FindMessage(message_type);
  if (message == nullptr) return NotFound("message", message_type);
  if (const auto at = extensions_.find(message); at != extensions_.end()) {
    for (const pb::FieldDescriptor* extension : at->second) {
      if (extension->number() == number) return WithImports(extension->file());
    }
  }
  return NotFound("extension", absl::StrCat(number, " of ", message_type));
}

absl::StatusOr<std::vector<int>> DescriptorCatalog::ExtensionNumbers(const std::string& message_type) const {
  const pb::Descriptor* message = FindMessage(message_type);
  if (message == nullptr) return NotFound("message", message_type);
  std::vector<int> numbers;
  if (const auto at = extensions_.find(message); at != extensions_.end()) {
    for (const pb::FieldDescriptor* extension : at->second) numbers.push_back(extension->number());
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace stratus::gateway::proxy
