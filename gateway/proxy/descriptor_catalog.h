// What the gateway's own server reflection answers from: the files of a descriptor set, by name, symbol and extension.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"

namespace stratus::gateway::proxy {

// Safe from any thread. Knows its files and what they import, and nothing else that their pool could find: a pool over
// a database remembers every name it was asked for in vain, and anybody may ask here.
class DescriptorCatalog {
 public:
  // A serialized FileDescriptorProto for each file: the one asked for first, then everything it imports.
  using Files = std::vector<std::string>;

  // `files` are of one pool, which outlives the catalog. `service_names` are what list_services answers.
  DescriptorCatalog(const std::vector<const google::protobuf::FileDescriptor*>& files,
                    std::vector<std::string> service_names);

  // Sorted, each once.
  const std::vector<std::string>& service_names() const { return service_names_; }

  // NOT_FOUND each, for what no file holds. A symbol is a message, an enum, a service, a method or an extension.
  absl::StatusOr<Files> FileByName(const std::string& name) const;
  absl::StatusOr<Files> FileWithSymbol(const std::string& symbol) const;
  absl::StatusOr<Files> FileWithExtension(const std::string& message_type, int number) const;
  // Ascending. Empty for a message that nothing extends.
  absl::StatusOr<std::vector<int>> ExtensionNumbers(const std::string& message_type) const;

 private:
  using FileMap = absl::flat_hash_map<std::string_view, const google::protobuf::FileDescriptor*>;

  void AddFile(const google::protobuf::FileDescriptor* file);
  void AddMessage(const google::protobuf::Descriptor* message);
  void AddExtension(const google::protobuf::FieldDescriptor* extension);
  const google::protobuf::Descriptor* FindMessage(const std::string& name) const;

  std::vector<std::string> service_names_;
  FileMap by_name_;  // views into the descriptors
  FileMap by_symbol_;
  absl::flat_hash_map<const google::protobuf::Descriptor*, std::vector<const google::protobuf::FieldDescriptor*>>
      extensions_;
};

}  // namespace stratus::gateway::proxy
