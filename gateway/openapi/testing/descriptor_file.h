// A descriptor set read from a file into a pool, the way the gateway does it: comments are kept.
#pragma once

#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/descriptor_database.h"

namespace stratus::gateway::openapi::testing {

class DescriptorFile {
 public:
  // Throws when the file cannot be read: it was built just before.
  explicit DescriptorFile(const std::string& path) {
    google::protobuf::FileDescriptorSet set;
    std::ifstream in(path, std::ios::binary);
    if (!set.ParseFromIstream(&in)) throw std::runtime_error("cannot read " + path);
    for (const auto& file : set.file()) files_.Add(file);
    pool_ = std::make_unique<google::protobuf::DescriptorPool>(&files_);
    for (const auto& file : set.file()) {
      const auto* loaded = pool_->FindFileByName(file.name());
      for (int i = 0; i < loaded->service_count(); ++i) services_.push_back(loaded->service(i));
    }
  }

  const std::vector<const google::protobuf::ServiceDescriptor*>& services() const { return services_; }
  const google::protobuf::DescriptorPool& pool() const { return *pool_; }

 private:
  google::protobuf::SimpleDescriptorDatabase files_;
  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
  std::vector<const google::protobuf::ServiceDescriptor*> services_;
};

}  // namespace stratus::gateway::openapi::testing
