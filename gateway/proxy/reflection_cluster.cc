#include "gateway/proxy/reflection_cluster.h"

#include <boost/asio/post.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "gateway/proxy/error_reply.h"
#include "gateway/proxy/grpc_frame.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "lib/rpc/reflection_answer.h"

namespace stratus::gateway::proxy {
namespace {

// The two versions differ in their package alone: on the wire they are the same.
using Question = grpc::reflection::v1::ServerReflectionRequest;
using Answer = grpc::reflection::v1::ServerReflectionResponse;

}  // namespace

bool IsReflectionPath(std::string_view grpc_path) {
  return grpc_path == "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" ||
         grpc_path == "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
}

// One question is read when the answer before it has been taken, so a call holds one answer and what is left of the
// client's window. Events are posted: an observer hears of nothing inside its own calls.
class ReflectionCluster::OwnCall final : public upstream::Call, public std::enable_shared_from_this<OwnCall> {
 public:
  OwnCall(ReflectionCluster* cluster, upstream::CallObserver* observer)
      : cluster_(*cluster), observer_(observer), snapshot_(cluster->snapshot_), deadline_(&OnDeadline, this) {}

  void ArmDeadline(int64_t timeout_ns) {
    if (timeout_ns > 0) cluster_.timers_.Arm(&deadline_, upstream::TimerQueue::Now() + timeout_ns);
  }

  // upstream::Call
  void Send(std::string_view bytes, bool last) override {
    unread_.erase(0, read_);
    read_ = 0;
    unread_.append(bytes);
    over_high_ = over_high_ || unsent() >= kUnsentHigh;
    last_ = last_ || last;
    PumpSoon();
  }
  size_t unsent() const override { return unread_.size() - read_; }
  void Consumed(size_t bytes) override {
    unconsumed_ -= std::min(bytes, unconsumed_);
    if (unconsumed_ == 0) PumpSoon();
  }
  void Cancel() override {
    observer_ = nullptr;
    Leave();
  }

 private:
  static constexpr size_t kUnsentLow = 64 << 10;

  void PumpSoon() {
    if (pump_posted_) return;
    pump_posted_ = true;
    boost::asio::post(cluster_.loop_, [weak = weak_from_this()] {
      const std::shared_ptr<OwnCall> self = weak.lock();
      if (self == nullptr || self->observer_ == nullptr) return;
      self->pump_posted_ = false;
      self->Pump();
    });
  }

  void Pump() {
    while (observer_ != nullptr && unconsumed_ == 0) {
      std::string_view rest = std::string_view(unread_).substr(read_);
      const size_t before = rest.size();
      std::string_view message;
      const MessageReader::Result result = reader_.Next(&rest, &message);
      read_ += before - rest.size();
      switch (result) {
        case MessageReader::Result::kMessage: Reply(message); break;
        case MessageReader::Result::kNeedMore: return AwaitMore();
        case MessageReader::Result::kCompressed:
          return End(absl::UnimplementedError("reflection takes no compressed questions"));
        case MessageReader::Result::kTooLong:
          return End(absl::ResourceExhaustedError(
              absl::StrCat("a question to reflection has at most ", kQuestionBytesMax, " bytes")));
      }
    }
  }

  void AwaitMore() {
    if (last_) {
      return End(reader_.partial() ? absl::InvalidArgumentError("the request ends in the middle of a message")
                                   : absl::OkStatus());
    }
    if (!over_high_ || unsent() > kUnsentLow) return;
    over_high_ = false;
    observer_->OnDrained();
  }

  void Reply(std::string_view message) {
    Question question;
    if (!question.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
      return End(absl::InvalidArgumentError("this is no question to reflection"));
    }
    Answer answer;
    rpc::AnswerReflection(snapshot_->catalog(), question, &answer);
    std::string frame(kPrefixBytes, '\0');
    answer.AppendToString(&frame);
    WritePrefix(frame.size() - kPrefixBytes, frame.data());
    if (!head_given_) observer_->OnHead({});
    head_given_ = true;
    if (observer_ == nullptr) return;
    unconsumed_ = frame.size();
    observer_->OnData(frame);
  }

  void End(const absl::Status& status) {
    upstream::CallObserver* observer = observer_;
    observer_ = nullptr;
    const std::shared_ptr<OwnCall> self = shared_from_this();
    Leave();
    observer->OnEnd(status, ErrorTrailers(status).headers);
  }

  static void OnDeadline(void* context) {
    auto* call = static_cast<OwnCall*>(context);
    upstream::CallObserver* observer = call->observer_;
    call->observer_ = nullptr;
    const std::shared_ptr<OwnCall> self = call->shared_from_this();
    call->Leave();
    observer->OnEnd(absl::DeadlineExceededError("the deadline passed"), {});
  }

  // The call is over for its cluster, and lives on only while an event of its own is under way.
  void Leave() {
    deadline_.Disarm();
    cluster_.calls_.erase(shared_from_this());
  }

  ReflectionCluster& cluster_;
  upstream::CallObserver* observer_;  // null: the call is over
  const std::shared_ptr<const Snapshot> snapshot_;
  upstream::Timer deadline_;
  MessageReader reader_{kQuestionBytesMax};
  std::string unread_;
  size_t read_ = 0;  // bytes of unread_ that are behind us
  size_t unconsumed_ = 0;
  bool last_ = false;
  bool over_high_ = false;
  bool head_given_ = false;
  bool pump_posted_ = false;
};

upstream::Call* ReflectionCluster::Start(const upstream::CallHead& head, upstream::CallObserver* observer) {
  auto call = std::make_shared<OwnCall>(this, observer);
  call->ArmDeadline(head.timeout_ns);
  calls_.insert(call);
  return call.get();
}

}  // namespace stratus::gateway::proxy
