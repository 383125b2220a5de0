// REST to a unary method. The reply's JSON is written straight from the DATA chunk that holds the message into the
// connection's output, and taken back in the rare case that the trailers then report an error. Where the method's
// replies may be kept, they are answered from the worker's cache, or wait there until their call has ended in order.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "gateway/proxy/call_pool.h"
#include "gateway/proxy/detached_exchange.h"
#include "gateway/proxy/entity_tag.h"
#include "gateway/proxy/reply_cache.h"
#include "gateway/proxy/transcoded_call.h"

namespace stratus::gateway::proxy {

class UnaryCall final : public TranscodedCall, private FlightWaiter {
 public:
  UnaryCall(Environment* environment, CallPool<UnaryCall>* pool)
      : TranscodedCall(environment),
        pool_(pool),
        wait_timer_([](void* self) { static_cast<UnaryCall*>(self)->OnWaitTimeout(); }, this) {}
  // One that is detached has nobody else to end it.
  ~UnaryCall() { CancelUpstream(); }

  // upstream::CallObserver
  void OnData(std::string_view piece) override;
  void OnEnd(const absl::Status& status, absl::Span<const http::Header> trailers) override;

 private:
  void TakeBack() override;
  void Recycle() override;
  absl::Status WriteReply(std::string_view message);
  absl::Status WriteHttpBody(std::string_view message);
  // The service's reply cannot be given.
  void FailReply(const absl::Status& status, int http_status = 0);
  // Adds what lets a client keep the answer to a GET; true when it has got it already, and 304 was answered.
  bool Validate(std::string_view message, HeaderList* headers);
  // The headers alone; returns the tag, which may be empty.
  std::string_view AppendValidators(std::string_view message, HeaderList* headers);
  absl::Status WriteCoded(std::string_view message, filter::ContentCoding coding, HeaderList headers);
  // What the client wants of a reply of that size.
  filter::ContentCoding CodingFor(size_t json_bytes) const;
  bool Encode(std::string_view json, filter::ContentCoding coding, Buffer* out);
  Buffer& StartBody(const HeaderList& headers);
  absl::Status ToJson(std::string_view message, Buffer* out) const;

  // --- The cache.
  enum class CacheRole : uint8_t {
    kNone,
    kFlying,     // has to land
    kReloading,  // brings what is to be kept, for itself
    kWaiting,
  };
  bool AnswerFromCache() override;
  void OnLanded(bool ask_again) override;
  void OnFlightFailed(const google::rpc::Status& error) override;
  void OnWaitTimeout();
  bool MayUseCache() const;
  bool BypassCache(const ReplyCache::Wish& wish);
  bool AnswerNothing();
  void MakeCacheKey();
  // Begins a call for what `asker` was given though stale.
  void Refresh(const UnaryCall& asker);
  // Whether the reply that comes may be kept.
  bool fills_cache() const { return role_ == CacheRole::kFlying || role_ == CacheRole::kReloading; }
  // Takes the reply's message, for the cache and for all who wait.
  absl::Status FillCache(std::string_view message);
  // The call that FillCache was for has ended in order.
  void LandReply();
  // The call has failed: true when the client got what is stale instead.
  bool LandError(const google::rpc::Status& error);
  // Answers with what was kept before, or has just come.
  void ServeKept(CachedReply* reply, int64_t now_ns);
  void Serve(CachedReply* reply, std::string_view age);
  filter::ContentCoding Compress(CachedReply* reply, std::string_view* body);
  void LeaveCache(ReplyCache::Empty why);

  CallPool<UnaryCall>* pool_;
  bool body_started_ = false;
  bool alone_ = false;  // past the cache
  CacheRole role_ = CacheRole::kNone;
  ReplyCache::Wish wish_;
  uint64_t cache_generation_ = 0;
  char entity_tag_[kEntityTagSize];
  std::string cache_key_;
  std::unique_ptr<CachedReply> filling_;
  std::unique_ptr<DetachedExchange> no_client_;
  upstream::Timer wait_timer_;
};

}  // namespace stratus::gateway::proxy
