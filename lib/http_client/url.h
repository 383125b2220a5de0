// A URL as the client accepts it: http or https, no credentials in it.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace stratus::http_client {

class Url {
 public:
  // INVALID_ARGUMENT says what is wrong, without the query.
  static absl::StatusOr<Url> Parse(const std::string& text);

  // What libcurl sends to: the very parse that was checked, so that no second parser can disagree.
  CURLU* handle() const { return handle_.get(); }
  // `host:port`, lower case, the port always there.
  const std::string& authority() const { return authority_; }
  // `http://host:port/path`: fit for errors and logs.
  const std::string& display() const { return display_; }

 private:
  struct Free {
    void operator()(CURLU* handle) const { curl_url_cleanup(handle); }
  };
  Url() = default;

  std::unique_ptr<CURLU, Free> handle_;
  std::string authority_;
  std::string display_;
};

}  // namespace stratus::http_client
