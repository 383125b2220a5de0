#include "gateway/testing/shapes_server.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <set>
#include <thread>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "shapes.grpc.pb.h"

namespace stratus::gateway::testing {

using v1::ApplyReply;
using v1::ApplyRequest;
using v1::FailRequest;
using v1::Item;
using v1::StreamRequest;

namespace {

void AddFile(const google::protobuf::FileDescriptor* file, std::set<std::string>* seen,
             google::protobuf::FileDescriptorSet* set) {
  if (!seen->insert(file->name()).second) return;
  for (int i = 0; i < file->dependency_count(); ++i) AddFile(file->dependency(i), seen, set);
  file->CopyTo(set->add_file());
}

}  // namespace

google::protobuf::FileDescriptorSet ShapesDescriptors() {
  google::protobuf::FileDescriptorSet set;
  std::set<std::string> seen;
  AddFile(Item::descriptor()->file(), &seen, &set);
  return set;
}

class ShapesServer::Service final : public v1::Shapes::Service {
 public:
  explicit Service(ShapesServer* server) : server_(*server) {}

  // Items named `tagged` have an etag and a cache-control of their own, `missing` there is none, and `slow` waits until
  // it is released. The label `cache-control` is sent as metadata; one `size` makes a reply of so many bytes. A count
  // of -1 becomes the number of calls so far.
  grpc::Status Get(grpc::ServerContext* context, const Item* request, Item* reply) override {
    const int number = ++server_.gets_;
    if (request->name() == "items/missing") return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such item");
    while (request->name() == "items/slow" && !server_.released_ && !context->IsCancelled()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    if (context->IsCancelled()) ++server_.cancelled_;
    if (const int code = server_.failure_) return grpc::Status(static_cast<grpc::StatusCode>(code), "asked for");
    if (request->name() == "items/tagged") {
      context->AddInitialMetadata("etag", "\"v1\"");
      context->AddInitialMetadata("cache-control", "no-cache");
    }
    *reply = *request;
    const auto& labels = request->labels();
    if (const auto said = labels.find("cache-control"); said != labels.end()) {
      context->AddInitialMetadata("cache-control", said->second);
    }
    if (const auto size = labels.find("size"); size != labels.end()) {
      reply->add_tags(std::string(std::stoul(size->second), 'x'));
    }
    if (request->count() == -1) reply->set_count(number);
    return grpc::Status::OK;
  }

  grpc::Status Find(grpc::ServerContext* context, const Item* request, Item* reply) override {
    return Get(context, request, reply);
  }

  grpc::Status Echo(grpc::ServerContext*, const Item* request, Item* reply) override {
    *reply = *request;
    return grpc::Status::OK;
  }

  grpc::Status Apply(grpc::ServerContext*, const ApplyRequest* request, ApplyReply* reply) override {
    reply->set_id(request->stack());
    *reply->mutable_outputs() = request->variables();
    (*reply->mutable_outputs()->mutable_fields())["module"].set_string_value(request->module());
    return grpc::Status::OK;
  }

  grpc::Status Fail(grpc::ServerContext*, const FailRequest* request, Item*) override {
    google::rpc::Status status;
    status.set_code(request->code());
    status.set_message(request->message());
    google::rpc::ErrorInfo info;
    info.set_reason("BECAUSE");
    info.set_domain("test");
    status.add_details()->PackFrom(info);
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(7);
    status.add_details()->PackFrom(retry);
    if (request->unknown_detail()) {
      google::protobuf::Any* detail = status.add_details();
      detail->set_type_url("type.example.com/no.such.Type");
      detail->set_value("\x08\x01");
    }
    return grpc::Status(static_cast<grpc::StatusCode>(request->code()), request->message(), status.SerializeAsString());
  }

  grpc::Status Metadata(grpc::ServerContext* context, const Item*, Item* reply) override {
    for (const auto& [name, value] : context->client_metadata()) {
      std::string& label = (*reply->mutable_labels())[std::string(name.data(), name.size())];
      if (!label.empty()) label += "|";
      label += std::string(value.data(), value.size());
    }
    context->AddInitialMetadata("x-before", "1");
    context->AddTrailingMetadata("x-after", "2");
    if (const auto asked = context->client_metadata().find("x-say-also"); asked != context->client_metadata().end()) {
      context->AddInitialMetadata(std::string(asked->second.data(), asked->second.size()), "said");
      context->AddTrailingMetadata(std::string(asked->second.data(), asked->second.size()), "said");
    }
    return grpc::Status::OK;
  }

  grpc::Status Create(grpc::ServerContext* context, const Item* request, Item* reply) override {
    context->AddInitialMetadata("x-http-status", request->count() == 0 ? "201" : std::to_string(request->count()));
    context->AddInitialMetadata("location", "/t/items/1");
    context->AddInitialMetadata("x-secret", "never");
    *reply = *request;
    return grpc::Status::OK;
  }

  grpc::Status Wait(grpc::ServerContext* context, const Item*, Item*) override {
    ++server_.waiting_;
    while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ++server_.cancelled_;
    return grpc::Status::CANCELLED;
  }

  grpc::Status Unruled(grpc::ServerContext*, const Item*, Item*) override { return grpc::Status::OK; }

  grpc::Status Raw(grpc::ServerContext*, const google::api::HttpBody* request, google::api::HttpBody* reply) override {
    *reply = *request;
    return grpc::Status::OK;
  }

  grpc::Status Download(grpc::ServerContext*, const StreamRequest* request,
                        grpc::ServerWriter<google::api::HttpBody>* writer) override {
    for (int i = 0; i < request->count(); ++i) {
      google::api::HttpBody part;
      part.set_content_type("text/csv");
      part.set_data("row " + std::to_string(i) + "\n");
      writer->Write(part);
    }
    return grpc::Status(static_cast<grpc::StatusCode>(request->code()), "asked for");
  }

  grpc::Status Stream(grpc::ServerContext*, const StreamRequest* request, grpc::ServerWriter<Item>* writer) override {
    for (int i = 0; i < request->count(); ++i) {
      Item item;
      item.set_count(i);
      item.set_name(std::string(static_cast<size_t>(request->size()), 'x'));
      if (!writer->Write(item)) break;
      ++server_.streamed_;
    }
    return grpc::Status(static_cast<grpc::StatusCode>(request->code()), "asked for");
  }

  grpc::Status Collect(grpc::ServerContext* context, grpc::ServerReader<Item>* reader, Item* reply) override {
    Item item;
    while (reader->Read(&item)) {
      ++server_.collected_;
      reply->set_count(reply->count() + 1);
      if (reply->tags_size() < 10) reply->add_tags(item.name().substr(0, 20));
      while (item.name() == "wait" && !server_.released_ && !context->IsCancelled()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
      if (context->IsCancelled()) ++server_.cancelled_;
    }
    return grpc::Status::OK;
  }

  grpc::Status Upload(grpc::ServerContext*, grpc::ServerReader<v1::UploadRequest>* reader, Item* reply) override {
    v1::UploadRequest part;
    while (reader->Read(&part)) {
      reply->set_name(reply->name() + part.name());
      reply->set_count(reply->count() + static_cast<int64_t>(part.file().data().size()));
      if (!part.file().content_type().empty()) reply->add_tags(part.file().content_type());
    }
    return grpc::Status::OK;
  }

  grpc::Status Update(grpc::ServerContext*, const v1::UpdateRequest* request, v1::UpdateRequest* reply) override {
    *reply = *request;
    return grpc::Status::OK;
  }

  grpc::Status Chat(grpc::ServerContext*, grpc::ServerReaderWriter<Item, Item>* stream) override {
    Item item;
    while (stream->Read(&item)) {
      if (item.name() == "fail") return grpc::Status(grpc::StatusCode::ABORTED, "asked for");
      stream->Write(item);
    }
    return grpc::Status::OK;
  }

 private:
  ShapesServer& server_;
};

ShapesServer::ShapesServer(const std::string& address) : service_(std::make_unique<Service>(this)) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(64 << 20);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  address_ = address.rfind("unix:", 0) == 0 ? address : "127.0.0.1:" + std::to_string(port);
}

ShapesServer::~ShapesServer() { server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(100)); }

}  // namespace stratus::gateway::testing
