// One attempt at one request: a libcurl easy handle with our rules set on it, and what it collects.
//
// Rules: certificates verified, TLS 1.2 or newer, http and https alone, no redirect followed, no proxy (the
// environment's http_proxy is ignored), no cookies, no credentials from ~/.netrc, no decompression.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "lib/http_client/http_client.h"
#include "lib/http_client/url.h"

namespace stratus::http_client {

// How an attempt ended.
struct AttemptResult {
  // OK: response is whole, whatever its HTTP status.
  absl::Status status;
  Response response = {};
  // What it tells of the host, for the circuit breaker.
  bool host_failed = false;
  // Whether another try may end otherwise.
  bool retryable = false;
};

class Transfer {
 public:
  // `options`, `request` and `url` outlive it. `owner` comes back from CURLINFO_PRIVATE. The error is INVALID_ARGUMENT
  // for a request that cannot be sent, RESOURCE_EXHAUSTED for no memory.
  static absl::StatusOr<std::unique_ptr<Transfer>> Create(const Options& options, const Request& request,
                                                          const Url& url, void* owner);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* handle() const { return handle_.get(); }
  AttemptResult Finish(CURLcode code);

 private:
  Transfer(const Options& options, const Request& request, const Url& url);

  absl::Status SetMethod();
  absl::Status SetHeaders();
  bool LeaveOutDefaults();
  bool AppendSessionToken();
  absl::Status SetSigning();
  bool SetRules(void* owner);
  bool AppendHeader(const std::string& line);
  absl::Status Failure(CURLcode code) const;
  static size_t OnBody(char* data, size_t size, size_t count, void* self);
  static size_t OnHeader(char* data, size_t size, size_t count, void* self);

  struct FreeHandle {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  const Options& options_;
  const Request& request_;
  const Url& url_;
  std::unique_ptr<curl_slist, FreeList> header_lines_;
  std::unique_ptr<CURL, FreeHandle> handle_;
  Response response_;
  size_t header_bytes_ = 0;
  bool over_limit_ = false;
};

}  // namespace stratus::http_client
