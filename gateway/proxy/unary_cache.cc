// UnaryCall where replies are kept (RFC 9111). Who may call was decided before, as for any other call; what is kept
// belongs to one principal with all that a service might decide by, unless its rule says that it is for all.
#include <charconv>
#include <cstring>
#include <utility>

#include "gateway/proxy/cache_control.h"
#include "gateway/proxy/unary_call.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

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

// How long a reply may be kept, by its Cache-Control; false: it may not.
bool SetLifetime(bool shared, CachedReply* reply) {
  const CacheControl control = ParseCacheControl(Find(*reply, "cache-control"));
  if (control.no_store || control.no_cache || control.fresh_s <= 0 || (control.is_private && shared)) return false;
  reply->stored_ns = upstream::TimerQueue::Now();
  reply->fresh_until_ns = reply->stored_ns + control.fresh_s * kNsPerSecond;
  reply->stale_until_ns = reply->fresh_until_ns + control.stale_while_revalidate_s * kNsPerSecond;
  return true;
}

}  // namespace

bool UnaryCall::MayUseCache() const {
  const http::RequestHead& head = request();
  if (alone_ || env_.cache == nullptr || head.has_body || route().http_body_out) return false;
  if (head.method != "GET" && head.method != "HEAD") return false;
  const CacheControl control = ParseCacheControl(head.Find("cache-control"));
  if (control.no_store || control.no_cache) return false;
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
  if (!MayUseCache()) {
    if (env_.cache != nullptr) ReplyCache::Count(env_.cache->stats().bypasses);
    return false;
  }
  MakeCacheKey();
  CachedReply* reply = nullptr;
  switch (env_.cache->Ask(cache_key_, this, &reply)) {
    case ReplyCache::Answer::kHit:
    case ReplyCache::Answer::kStale: Serve(reply, true); return true;
    case ReplyCache::Answer::kWait:
      role_ = CacheRole::kWaiting;
      env_.timers->Arm(&wait_timer_, upstream::TimerQueue::Now() + TimeoutNs(false));
      return true;
    case ReplyCache::Answer::kFly: break;
  }
  role_ = CacheRole::kFlying;
  DeclaredMetadataOnly();
  return false;
}

void UnaryCall::OnLanded(bool ask_again) {
  role_ = CacheRole::kNone;
  wait_timer_.Disarm();
  alone_ = !ask_again;
  Dispatch();
}

void UnaryCall::OnWaitTimeout() {
  env_.cache->Leave(cache_key_, this);
  role_ = CacheRole::kNone;
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
  std::unique_ptr<CachedReply> reply = std::move(filling_);
  role_ = CacheRole::kNone;
  const bool keep = reply_status() == 200 && cache.FitsIn(*reply) && SetLifetime(method_->cache_shared, reply.get());
  Serve(reply.get(), false);
  if (!keep) reply.reset();
  cache.Land(key, std::move(reply), false);
}

void UnaryCall::Serve(CachedReply* reply, bool kept) {
  HeaderList headers = {{"content-type", "application/json"}};
  for (const auto& [name, value] : reply->headers) headers.push_back({name, value});
  AppendCommonHeaders(&headers);
  for (const std::string& name : method_->cache_vary) headers.push_back({"vary", name});
  char age[20];
  if (kept) {
    const int64_t seconds = (upstream::TimerQueue::Now() - reply->stored_ns) / kNsPerSecond;
    const char* end = std::to_chars(age, age + sizeof age, seconds).ptr;
    headers.push_back({"age", {age, static_cast<size_t>(end - age)}});
  }
  std::string_view body = reply->json;
  if (body.size() >= env_.settings.gzip_bytes_min) headers.push_back({"vary", "accept-encoding"});
  if (const std::string_view tag = Find(*reply, "etag");
      reply_status() == 200 && !tag.empty() && IsNotModified(request(), tag)) {
    SetReplyStatus(304);
    headers.erase(headers.begin());  // the type of a body that does not come
    body = {};
  } else if (body.size() >= env_.settings.gzip_bytes_min && Compress(reply)) {
    headers.push_back({"content-encoding", "gzip"});
    body = reply->gzip;
  }
  http::Exchange* exchange = exchange_;
  StartBody(headers).Append(body);
  bytes_out_ = body.size();
  Finish(reply_status(), absl::StatusCode::kOk);
  exchange->FinishBody();
}

// Whether the client gets gzip, which is made once and kept.
bool UnaryCall::Compress(CachedReply* reply) {
  if (!WantsGzip(reply->json.size())) return false;
  if (!reply->gzip.empty()) return true;
  env_.scratch.Clear();
  if (!Gzip(reply->json, &env_.scratch) || env_.scratch.size() > reply->json.size()) return false;
  reply->gzip = env_.scratch.view();
  return true;
}

void UnaryCall::LeaveCache(bool ask_again) {
  wait_timer_.Disarm();
  if (role_ == CacheRole::kFlying) env_.cache->Land(cache_key_, nullptr, ask_again);
  if (role_ == CacheRole::kWaiting) env_.cache->Leave(cache_key_, this);
  role_ = CacheRole::kNone;
}

}  // namespace stratus::gateway::proxy
