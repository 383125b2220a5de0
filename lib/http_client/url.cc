#include "lib/http_client/url.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace stratus::http_client {
namespace {

// Longer ones are refused by common servers anyway.
constexpr size_t kUrlBytesMax = 16 << 10;

std::string Part(CURLU* handle, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, part, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, void (*)(void*)> owned(text, curl_free);
  return text;
}

}  // namespace

absl::StatusOr<Url> Url::Parse(const std::string& text) {
  if (text.size() > kUrlBytesMax) return absl::InvalidArgumentError("the URL is over 16 KiB");
  if (text.find('\0') != std::string::npos) return absl::InvalidArgumentError("the URL holds a NUL");
  Url url;
  url.handle_.reset(curl_url());
  if (!url.handle_) return absl::ResourceExhaustedError("no memory for a URL");
  CURLU* handle = url.handle_.get();
  if (const CURLUcode code = curl_url_set(handle, CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER);
      code != CURLUE_OK) {
    return absl::InvalidArgumentError(absl::StrCat("not a usable URL: ", curl_url_strerror(code)));
  }
  const std::string scheme = Part(handle, CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") {
    return absl::InvalidArgumentError(absl::StrCat("scheme '", scheme, "': only http and https are allowed"));
  }
  url.authority_ = absl::StrCat(absl::AsciiStrToLower(Part(handle, CURLUPART_HOST)), ":",
                                Part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT));
  url.display_ = absl::StrCat(scheme, "://", url.authority_, Part(handle, CURLUPART_PATH));
  return url;
}

}  // namespace stratus::http_client
