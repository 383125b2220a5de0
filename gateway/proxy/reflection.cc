#include "gateway/proxy/reflection.h"

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/proxy/grpc_frame.h"
#include "gateway/upstream/cluster.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

// The two versions differ in their package alone: on the wire they are the same.
using Question = grpc::reflection::v1::ServerReflectionRequest;
using Answer = grpc::reflection::v1::ServerReflectionResponse;

constexpr size_t kResponseBytesMax = 64 << 20;
constexpr char kV1[] = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
constexpr char kV1Alpha[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

absl::Status ErrorOf(const grpc::reflection::v1::ErrorResponse& error) {
  const bool known = error.error_code() > 0 && error.error_code() <= 16;
  const auto code = known ? static_cast<absl::StatusCode>(error.error_code()) : absl::StatusCode::kUnknown;
  return absl::Status(
      code, absl::StrCat("reflection: ",
                         error.error_message().empty() ? "the server answered with an error" : error.error_message()));
}

// One reflection stream: asks, waits for the answer, asks on for what is still missing.
class Fetch final : public upstream::CallObserver {
 public:
  Fetch(upstream::Cluster* cluster, const std::string& authority, std::string_view path, absl::Duration timeout)
      : reader_(kResponseBytesMax) {
    upstream::CallHead head;
    head.path = path;
    head.authority = authority;
    head.timeout_ns = absl::ToInt64Nanoseconds(timeout);
    head.streaming = true;
    call_ = cluster->Start(head, this);
    questions_.emplace_back().set_list_services("*");
    AskNext();
  }

  bool done() const { return result_.has_value(); }
  absl::Status status() const { return *result_; }
  google::protobuf::FileDescriptorSet& files() { return files_; }

  // upstream::CallObserver
  void OnHead(absl::Span<const http::Header>) override {}
  void OnDrained() override {}

  void OnData(std::string_view piece) override {
    call_->Consumed(piece.size());
    while (!piece.empty()) {
      std::string_view message;
      const MessageReader::Result result = reader_.Next(&piece, &message);
      if (result == MessageReader::Result::kNeedMore) continue;
      absl::Status status = absl::InternalError("reflection: a reply cannot be read");
      if (result == MessageReader::Result::kMessage) status = Take(message);
      if (!status.ok()) {
        call_->Cancel();
        result_ = status;
        return;
      }
    }
  }

  void OnEnd(const absl::Status& status, absl::Span<const http::Header>) override {
    if (!status.ok()) {
      result_ = status;
    } else {
      result_ = finished_ ? absl::OkStatus() : absl::InternalError("reflection: the server ended the call too early");
    }
  }

 private:
  void AskNext() {
    if (questions_.empty()) {
      finished_ = true;
      call_->Send({}, true);
      return;
    }
    std::string frame(kPrefixBytes, '\0');
    questions_.front().AppendToString(&frame);
    WritePrefix(frame.size() - kPrefixBytes, frame.data());
    call_->Send(frame, false);
    questions_.pop_front();
  }

  absl::Status Take(std::string_view message) {
    Answer answer;
    if (!answer.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
      return absl::InternalError("reflection: a reply is malformed");
    }
    if (answer.has_error_response()) return ErrorOf(answer.error_response());
    for (const auto& service : answer.list_services_response().service()) {
      if (absl::StartsWith(service.name(), "grpc.reflection.")) continue;
      questions_.emplace_back().set_file_containing_symbol(service.name());
    }
    for (const std::string& bytes : answer.file_descriptor_response().file_descriptor_proto()) {
      google::protobuf::FileDescriptorProto file;
      if (!file.ParseFromString(bytes)) return absl::InternalError("reflection: a file descriptor is malformed");
      if (!have_.insert(file.name()).second) continue;
      if (files_.file_size() >= kReflectedFilesMax) {
        return absl::ResourceExhaustedError("reflection: the server has too many files");
      }
      asked_.insert(file.name());
      *files_.add_file() = std::move(file);
    }
    AskForImports();
    AskNext();
    return absl::OkStatus();
  }

  void AskForImports() {
    for (; checked_ < files_.file_size(); ++checked_) {
      for (const std::string& import : files_.file(checked_).dependency()) {
        if (have_.count(import) == 0 && asked_.insert(import).second) {
          questions_.emplace_back().set_file_by_filename(import);
        }
      }
    }
  }

  upstream::Call* call_;
  MessageReader reader_;
  std::deque<Question> questions_;
  std::set<std::string> have_;
  std::set<std::string> asked_;
  google::protobuf::FileDescriptorSet files_;
  int checked_ = 0;
  bool finished_ = false;
  std::optional<absl::Status> result_;
};

}  // namespace

absl::StatusOr<google::protobuf::FileDescriptorSet> FetchDescriptors(const upstream::ClusterOptions& server,
                                                                     absl::Duration timeout,
                                                                     const std::atomic<bool>* stop) {
  boost::asio::io_context io;
  upstream::TimerQueue timers(io);
  upstream::ClusterOptions options = server;
  options.connect_timeout = timeout;
  options.health_check.enabled = false;  // one call does not wait for them
  options.stats = nullptr;
  const auto cluster = upstream::MakeCluster(io, &timers, options);
  const std::string name = server.address.ToString();
  const std::string authority = server.address.is_unix() ? "localhost" : name;
  absl::Status status;
  for (const char* path : {kV1, kV1Alpha}) {
    Fetch fetch(cluster.get(), authority, path, timeout);
    while (!fetch.done()) {
      if (stop != nullptr && stop->load()) return absl::CancelledError("stopped");
      io.restart();
      io.run_one_for(std::chrono::milliseconds(100));  // how soon `stop` is seen
    }
    status = fetch.status();
    if (status.ok()) return std::move(fetch.files());
    if (status.code() != absl::StatusCode::kUnimplemented) break;
  }
  return absl::Status(status.code(), absl::StrCat("descriptors by reflection from ", name, ": ", status.message()));
}

absl::StatusOr<google::protobuf::FileDescriptorSet> FetchDescriptors(const core::Address& server,
                                                                     absl::Duration timeout) {
  upstream::ClusterOptions options;
  options.address = server;
  return FetchDescriptors(options, timeout);
}

}  // namespace stratus::gateway::proxy
