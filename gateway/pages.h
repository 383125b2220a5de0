// The gateway's own pages: health, the OpenAPI document and /docs.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "gateway/openapi/docs_page.h"
#include "gateway/proxy/builtin_pages.h"
#include "gateway/proxy/method_table.h"
#include "gateway/settings.h"

namespace stratus::gateway {

struct PagesOptions {
  Paths paths;
  std::string title = "API";
  std::string docs_dir;   // where Swagger UI is; empty: no /docs
  std::string token_url;  // of the issuer, for Authorize; may be empty
  bool auth = true;       // whether calls need tokens
  transcode::OutputOptions output;
  std::string openapi_overlay;  // merged into the document (openapi/overlay.h); may be empty
};

class Pages final : public proxy::BuiltinPages {
 public:
  static absl::StatusOr<std::shared_ptr<const Pages>> Create(const PagesOptions& options,
                                                             const std::shared_ptr<const proxy::Snapshot>& snapshot);

  std::optional<proxy::PageView> Find(const http::RequestHead& head) const override;

 private:
  Pages() = default;
  absl::Status BuildDocument(const PagesOptions& options, const proxy::Snapshot& snapshot);

  Paths paths_;
  std::string document_;
  std::string document_etag_;
  std::vector<http::Header> document_headers_;
  std::unique_ptr<const openapi::StaticPages> docs_;  // null: no /docs
};

}  // namespace stratus::gateway
