// UnaryCall where replies are kept (RFC 9111). Who may call was decided before, as for any other call; what is kept
// belongs to one principal with all that a service might decide by, unless its rule says that it is for all.
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

#include "gateway/proxy/cache_control.h"
#include "gateway/proxy/unary_call.h"
#include "google/rpc/code.pb.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

using Answer = ReplyCache::Answer;
using Empty = ReplyCache::Empty;

constexpr int64_t kNsPerSecond = 1'000'000'000;

// With its length in front: no two lists of parts make the same key.
void AppendPart(std::string_view part, std::string* key) {
  const auto size = static_cast<uint32_t>(part.size());
  key->append(reinterpret_cast<const char*>(&size), sizeof size);
  key->append(part);
}

void AppendPrincipal(const auth::Principal& principal, std::string* key) {
  for (const std::string* part : {&principal.issuer, &principal.client_id, &principal.subject, &principal.tenant}) {
    AppendPart(*part, key);
  }
  for (const auto* list : {&principal.scopes, &principal.groups}) {
    for (const std::string& part : *list) AppendPart(part, key);
    AppendPart({}, key);
  }
}

std::string_view Find(const CachedReply& reply, std::string_view name) {
  for (const auto& header : reply.headers) {
    if (header.first == name) return header.second;
  }
  return {};
}

// In a trace, where each name ends the trace at the gateway or explains why it goes on.
std::string_view NameOf(Answer answer) {
  switch (answer) {
    case Answer::kHit: return "hit";
    case Answer::kStale: return "stale";
    case Answer::kStaleIfError: return "stale_if_error";
    case Answer::kFly: return "miss";
    case Answer::kWait: return "coalesced";
    case Answer::kPass: return "pass";
    case Answer::kReload: return "revalidated";
    case Answer::kNothing: break;
  }
  return "only_if_cached";
}

ReplyCache::Wish WishOf(const RequestCacheControl& control) {
  ReplyCache::Wish wish;
  wish.reload = control.no_cache;
  wish.only_if_cached = control.only_if_cached;
  wish.fresh_only = control.refuses_stale();
  // A reply's age is told in whole seconds, and compared so.
  if (control.age_s_max != RequestCacheControl::kAnyAge) wish.age_ns_max = (control.age_s_max + 1) * kNsPerSecond - 1;
  wish.fresh_ns_min = control.fresh_s_min * kNsPerSecond;
  return wish;
}

// How long a reply may be kept, by its Cache-Control; false: it may not.
bool SetLifetime(bool shared, CachedReply* reply) {
  CacheControl control = ParseCacheControl(Find(*reply, "cache-control"));
  if (control.must_revalidate) control.stale_while_revalidate_s = control.stale_if_error_s = 0;
  const bool ever_given =
      control.fresh_s > 0 ||
      (control.fresh_s == 0 && (control.stale_while_revalidate_s > 0 || control.stale_if_error_s > 0));
  if (control.no_store || control.no_cache || (control.is_private && shared) || !ever_given) return false;
  reply->stored_ns = upstream::TimerQueue::Now();
  reply->fresh_until_ns = reply->stored_ns + control.fresh_s * kNsPerSecond;
  reply->stale_until_ns = reply->fresh_until_ns + control.stale_while_revalidate_s * kNsPerSecond;
  reply->error_until_ns = reply->fresh_until_ns + control.stale_if_error_s * kNsPerSecond;
  return true;
}

// What RFC 5861 calls an error: the server's fault, a 500, 502, 503 or 504.
bool IsServerFailure(int code) {
  return code == google::rpc::UNKNOWN || code == google::rpc::INTERNAL || code == google::rpc::UNAVAILABLE ||
         code == google::rpc::DEADLINE_EXCEEDED || code == google::rpc::DATA_LOSS;
}

}  // namespace

bool UnaryCall::MayUseCache() const {
  const http::RequestHead& head = request();
  if (head.has_body || route().http_body_out) return false;
  if (head.method != "GET" && head.method != "HEAD") return false;
  // Without a principal a token is a stranger's, and the service may know whose.
  return method_->cache_shared || principal() != nullptr || head.Find("authorization").empty();
}

void UnaryCall::MakeCacheKey() {
  cache_key_.clear();
  const uint64_t place[] = {(*snapshot_)->fingerprint(), static_cast<uint64_t>(route_number())};
  cache_key_.append(reinterpret_cast<const char*>(place), sizeof place);
  AppendPart(request().path, &cache_key_);
  AppendPart(request().query, &cache_key_);
  for (const std::string& name : method_->cache_vary) {
    for (const http::Header& header : request().headers) {
      if (header.name == name) AppendPart(header.value, &cache_key_);
    }
    AppendPart(name, &cache_key_);
  }
  if (!method_->cache_shared && principal() != nullptr) AppendPrincipal(*principal(), &cache_key_);
}

bool UnaryCall::AnswerFromCache() {
  if (env_.cache == nullptr) return false;
  if (alone_) {
    DeclaredMetadataOnly();
    return false;
  }
  const RequestCacheControl control = ParseRequestCacheControl(request());
  wish_ = WishOf(control);
  if (control.no_store || !MayUseCache()) return BypassCache(wish_);
  MakeCacheKey();
  ReplyCache::Found found;
  const Answer answer = env_.cache->Ask(cache_key_, wish_, this, &found);
  Annotate("cache", NameOf(answer));
  switch (answer) {
    case Answer::kStale:
      if (found.refresh) pool_->Take(&env_)->Refresh(*this);
      [[fallthrough]];
    case Answer::kHit:
    case Answer::kStaleIfError: ServeKept(found.reply, found.now_ns); return true;
    case Answer::kNothing: return AnswerNothing();
    case Answer::kWait:
      role_ = CacheRole::kWaiting;
      env_.timers->Arm(&wait_timer_, upstream::TimerQueue::Now() + TimeoutNs(false));
      return true;
    case Answer::kFly: role_ = CacheRole::kFlying; break;
    case Answer::kReload: role_ = CacheRole::kReloading; break;
    case Answer::kPass: break;
  }
  cache_generation_ = found.generation;
  DeclaredMetadataOnly();
  return false;
}

// The request is none that a cache answers: the service does, if the client lets it.
bool UnaryCall::BypassCache(const ReplyCache::Wish& wish) {
  if (wish.only_if_cached) {
    env_.cache->stats().only_if_cached.Add();
    return AnswerNothing();
  }
  env_.cache->stats().bypasses.Add();
  return false;
}

bool UnaryCall::AnswerNothing() {
  constexpr int kGatewayTimeout = 504;  // RFC 9111, 5.2.1.7
  Fail(absl::UnavailableError("only-if-cached, and no reply that would do is kept"), kGatewayTimeout);
  return true;
}

void UnaryCall::Refresh(const UnaryCall& asker) {
  if (no_client_ == nullptr) no_client_ = std::make_unique<DetachedExchange>();
  no_client_->Assign(asker.request());
  cache_key_ = asker.cache_key_;
  role_ = CacheRole::kFlying;
  wish_ = {};
  DeclaredMetadataOnly();
  BeginDetached(no_client_.get(), asker.snapshot_);
  Annotate("cache", "refresh");
  SendRequest();
}

void UnaryCall::OnLanded(bool ask_again) {
  role_ = CacheRole::kNone;
  wait_timer_.Disarm();
  alone_ = !ask_again;
  Dispatch();
}

void UnaryCall::OnFlightFailed(const google::rpc::Status& error) {
  role_ = CacheRole::kNone;
  wait_timer_.Disarm();
  FailWith(error);
}

void UnaryCall::OnWaitTimeout() {
  LeaveCache(Empty::kGone);
  Fail(absl::DeadlineExceededError("the deadline passed while another call for the same was under way"));
}

absl::Status UnaryCall::FillCache(std::string_view message) {
  env_.scratch.Clear();
  if (absl::Status status = ToJson(message, &env_.scratch); !status.ok()) return status;
  filling_ = std::make_unique<CachedReply>();
  filling_->json = env_.scratch.view();
  HeaderList headers;
  AppendStored(&headers);
  AppendValidators(message, &headers);
  for (const http::Header& header : headers) filling_->headers.emplace_back(header.name, header.value);
  return absl::OkStatus();
}

void UnaryCall::LandReply() {
  ReplyCache& cache = *env_.cache;
  const std::string key = std::move(cache_key_);
  const uint64_t generation = cache_generation_;
  std::unique_ptr<CachedReply> reply = std::move(filling_);
  const CacheRole role = std::exchange(role_, CacheRole::kNone);
  const bool keep = reply_status() == 200 && SetLifetime(method_->cache_shared, reply.get());
  if (detached()) {
    Finish(reply_status(), absl::StatusCode::kOk);
  } else {
    Serve(reply.get(), {});
  }
  if (role == CacheRole::kReloading) {
    if (keep) cache.Replace(key, generation, std::move(reply));
  } else if (keep) {
    cache.Land(key, std::move(reply));
  } else {
    cache.LandEmpty(key, Empty::kNotToBeKept);
  }
}

bool UnaryCall::LandError(const google::rpc::Status& error) {
  if (role_ != CacheRole::kFlying) return false;
  // A deadline that the client itself has set says nothing about the server.
  const bool impatient = error.code() == google::rpc::DEADLINE_EXCEEDED && !request().Find("grpc-timeout").empty();
  const bool failed = IsServerFailure(error.code()) && !impatient;
  role_ = CacheRole::kNone;
  if (failed) {
    env_.cache->LandEmpty(cache_key_, Empty::kFailed, std::make_shared<const google::rpc::Status>(error));
  } else {
    env_.cache->LandEmpty(cache_key_, impatient ? Empty::kGone : Empty::kError);
  }
  if (!IsServerFailure(error.code()) || wish_.fresh_only || detached()) return false;
  CachedReply* stale = env_.cache->FindForError(cache_key_);
  if (stale == nullptr) return false;
  ServeKept(stale, upstream::TimerQueue::Now());
  return true;
}

void UnaryCall::ServeKept(CachedReply* reply, int64_t now_ns) {
  char age[20];
  const char* end = std::to_chars(age, age + sizeof age, (now_ns - reply->stored_ns) / kNsPerSecond).ptr;
  SetReplyStatus(200);
  Serve(reply, {age, static_cast<size_t>(end - age)});
}

void UnaryCall::Serve(CachedReply* reply, std::string_view age) {
  HeaderList headers = {{"content-type", "application/json"}};
  for (const auto& [name, value] : reply->headers) headers.push_back({name, value});
  AppendCommonHeaders(&headers);
  for (const std::string& name : method_->cache_vary) headers.push_back({"vary", name});
  if (!age.empty()) headers.push_back({"age", age});
  std::string_view body = reply->json;
  if (body.size() >= env_.settings.coded_bytes_min) headers.push_back({"vary", "accept-encoding"});
  if (const std::string_view tag = Find(*reply, "etag");
      reply_status() == 200 && !tag.empty() && IsNotModified(request(), tag)) {
    if (!age.empty()) env_.cache->stats().not_modified.Add();
    SetReplyStatus(304);
    headers.erase(headers.begin());  // the type of a body that does not come
    body = {};
  } else if (body.size() >= env_.settings.coded_bytes_min) {
    const filter::ContentCoding coding = Compress(reply, &body);
    if (coding != filter::ContentCoding::kIdentity) headers.push_back({"content-encoding", filter::NameOf(coding)});
  }
  http::Exchange* exchange = exchange_;
  StartBody(headers).Append(body);
  bytes_out_ = body.size();
  Finish(reply_status(), absl::StatusCode::kOk);
  exchange->FinishBody();
}

// The coding that the client gets, and the body in it, which is made once and kept where there is room.
filter::ContentCoding UnaryCall::Compress(CachedReply* reply, std::string_view* body) {
  const filter::ContentCoding coding = CodingFor(reply->json.size());
  if (coding == filter::ContentCoding::kIdentity) return coding;
  std::string& kept = reply->coded[static_cast<size_t>(coding)];
  if (!kept.empty()) {
    *body = kept;
    return coding;
  }
  env_.scratch.Clear();
  if (!Encode(reply->json, coding, &env_.scratch) || env_.scratch.size() > reply->json.size()) {
    return filter::ContentCoding::kIdentity;
  }
  *body = env_.scratch.view();
  size_t bytes = body->size();
  for (const std::string& coded : reply->coded) bytes += coded.size();
  if (bytes <= reply->json.size()) kept = *body;
  return coding;
}

void UnaryCall::LeaveCache(ReplyCache::Empty why) {
  wait_timer_.Disarm();
  if (role_ == CacheRole::kFlying) env_.cache->LandEmpty(cache_key_, why);
  if (role_ == CacheRole::kWaiting) env_.cache->Leave(cache_key_, this);
  role_ = CacheRole::kNone;
}

}  // namespace stratus::gateway::proxy
