// /docs: Swagger UI over the gateway's own /openapi.json, from files that scripts/fetch_swagger_ui.py laid in a folder.
// Nothing is asked of any other host.
//
//   auto pages = StaticPages::Load({.folder = docs_dir, .title = "Stratus"});   // at start; reads every file
//   if (auto page = (*pages)->Find(head.path)) ...                              // any thread, allocates nothing
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gateway/http/exchange.h"

namespace stratus::gateway::openapi {

// One representation of a page. Views live as long as the StaticPages.
struct Page {
  std::string_view body;
  std::string_view content_type;
  std::string_view etag;                   // strong, with its quotes
  absl::Span<const http::Header> headers;  // all there are, ready to send: content-type and etag among them

  // 304 is due: the client holds this representation. `if_none_match` is the header's value; empty: none.
  bool MatchedBy(std::string_view if_none_match) const;
};

struct PagesOptions {
  std::string folder;  // of swagger-ui.css, swagger-ui-bundle.js, favicon-32x32.png, VERSION, and .gz of the first two
  std::string docs_path = "/docs";
  std::string openapi_path = "/openapi.json";
  std::string title = "API";
  // The issuer's token endpoint, as in DocumentOptions: the page's content security policy lets the browser call it.
  std::string token_url;
};

class StaticPages {
 public:
  // NOT_FOUND names the file that is missing and how to get it.
  static absl::StatusOr<std::unique_ptr<const StaticPages>> Load(const PagesOptions& options);
  ~StaticPages();

  // `docs_path` (also with a slash at the end) and the files below it. `accept_encoding` is the request's header: a
  // compressed body is chosen when it names gzip.
  std::optional<Page> Find(std::string_view path, std::string_view accept_encoding = {}) const;

 private:
  struct Impl;
  explicit StaticPages(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace stratus::gateway::openapi
