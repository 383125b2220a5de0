// The test protos, loaded as the gateway loads them: from a descriptor set.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "gateway/transcode/transcode.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/message.h"

namespace stratus::gateway::transcode {

class TestSchema {
 public:
  // Reads a file of google.protobuf.FileDescriptorSet.
  static absl::StatusOr<std::unique_ptr<TestSchema>> Load(const std::string& descriptor_set_path);

  const Schema& schema() const { return *schema_; }
  // The type must exist.
  const MessageTable& Table(std::string_view full_name) const;
  std::unique_ptr<google::protobuf::Message> NewMessage(std::string_view full_name) const;
  const google::protobuf::DescriptorPool& pool() const { return pool_; }

 private:
  google::protobuf::DescriptorPool pool_;
  std::unique_ptr<google::protobuf::DynamicMessageFactory> factory_;
  std::shared_ptr<const Schema> schema_;
};

// The schema of testdata/*.proto, for tests.
const TestSchema& GetTestSchema();

// Types below are named without their package when it is transcode.test. Wire format from Protobuf's text format, and
// back; the wire format's fields stand in the order that Protobuf writes them.
std::string WireFromText(std::string_view type, const std::string& text_format);
std::string TextFromWire(std::string_view type, std::string_view wire);

// Our own translations; on an error, `ERROR: ` and its message.
std::string JsonFromWire(std::string_view type, std::string_view wire, const OutputOptions& options = {});
std::string JsonFromText(std::string_view type, const std::string& text_format, const OutputOptions& options = {});
std::string WireFromJson(std::string_view type, std::string_view json, const InputOptions& options = {});
std::string TextFromJson(std::string_view type, std::string_view json, const InputOptions& options = {});

// Options that print only what is set.
OutputOptions OnlySet();

}  // namespace stratus::gateway::transcode
