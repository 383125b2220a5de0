#include "gateway/openapi/docs_assets.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/core/log.h"

namespace stratus::gateway::openapi {
namespace {

constexpr char kIndex[] = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$TITLE</title>
<link rel="stylesheet" href="$DOCS/swagger-ui.css?v=$VERSION">
<link rel="icon" type="image/png" sizes="32x32" href="$DOCS/favicon-32x32.png?v=$VERSION">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript. The API is described at <a href="$OPENAPI">$OPENAPI</a>.</noscript>
<script src="$DOCS/swagger-ui-bundle.js?v=$VERSION"></script>
<script src="$DOCS/initializer.js"></script>
</body>
</html>
)";

// The token that a person pastes stays in this browser (persistAuthorization), across reloads.
constexpr char kInitializer[] = R"(window.ui = SwaggerUIBundle({
  url: $OPENAPI,
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
)";

std::string EscapeHtml(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

// `https://host:port` of a URL; empty when it has none.
std::string OriginOf(const std::string& url) {
  const size_t scheme = url.find("://");
  if (scheme == url.npos) return "";
  const std::string origin = url.substr(0, url.find_first_of("/?#", scheme + 3));
  return origin.find_first_of(" ;,'\"\r\n") == origin.npos ? origin : "";
}

}  // namespace

std::string IndexHtml(const DocsAssetOptions& options) {
  return absl::StrReplaceAll(kIndex, {{"$TITLE", EscapeHtml(options.title)},
                                      {"$DOCS", EscapeHtml(options.docs_path)},
                                      {"$OPENAPI", EscapeHtml(options.openapi_path)},
                                      {"$VERSION", EscapeHtml(options.version)}});
}

std::string InitializerScript(const DocsAssetOptions& options) {
  std::string url;
  core::AppendJsonString(&url, options.openapi_path);
  return absl::StrReplaceAll(kInitializer, {{"$OPENAPI", url}});
}

std::string ContentSecurityPolicy(const std::string& token_url) {
  const std::string origin = OriginOf(token_url);
  return absl::StrCat(
      "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
      "connect-src 'self'",
      origin.empty() ? "" : " ", origin, "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

}  // namespace stratus::gateway::openapi
