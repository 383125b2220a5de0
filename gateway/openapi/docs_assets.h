// The two files of /docs that are ours: the page, and the script that starts Swagger UI on it.
#pragma once

#include <string>

namespace stratus::gateway::openapi {

struct DocsAssetOptions {
  std::string title;
  std::string docs_path;     // where the files are, without a slash at the end
  std::string openapi_path;  // what Swagger UI loads
  std::string version;       // of Swagger UI: it goes into the files' URLs, so that caches drop old ones
};

std::string IndexHtml(const DocsAssetOptions& options);
std::string InitializerScript(const DocsAssetOptions& options);

// Scripts from here alone, and none inline. Swagger UI needs inline styles, and data: URLs for its icons. `token_url`,
// when not empty, may be called too.
std::string ContentSecurityPolicy(const std::string& token_url);

}  // namespace stratus::gateway::openapi
