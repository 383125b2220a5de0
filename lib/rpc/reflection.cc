#include "lib/rpc/reflection.h"

#include <utility>

#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "lib/rpc/admission.h"
#include "lib/rpc/reflection_answer.h"
#include "lib/rpc/status.h"

namespace stratus::rpc {
namespace {

// The two versions differ in their package alone, so everything here is written once over their generated types.
namespace v1 = grpc::reflection::v1;
namespace v1alpha = grpc::reflection::v1alpha;

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
    AnswerReflection(catalog_, request_, &response_);
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
