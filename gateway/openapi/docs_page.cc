#include "gateway/openapi/docs_page.h"

#include <openssl/sha.h>

#include <array>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gateway/openapi/docs_assets.h"
#include "lib/core/status.h"

namespace stratus::gateway::openapi {
namespace {

using core::ToAbsl;

constexpr char kRevalidate[] = "no-cache";
// The URLs in the page carry Swagger UI's version: a new one is a new URL.
constexpr char kForADay[] = "public, max-age=86400";

absl::StatusOr<std::string> ReadFile(const std::string& folder, const std::string& name) {
  const std::string path = absl::StrCat(folder, "/", name);
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  if (!in || !(content << in.rdbuf())) {
    return absl::NotFoundError(absl::StrCat(
        "cannot read ", path, ": /docs needs Swagger UI's files; scripts/fetch_swagger_ui.py lays them there"));
  }
  return std::move(content).str();
}

// Names the content: the first 16 bytes of its SHA-256.
std::string ETagOf(const std::string& body) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest.data());
  const absl::string_view head(reinterpret_cast<const char*>(digest.data()), 16);
  return absl::StrCat("\"", absl::BytesToHexString(head), "\"");
}

// Whether a coding of Accept-Encoding is gzip (or `*`) and not refused by `q=0`.
bool AcceptsGzip(std::string_view accept_encoding) {
  for (absl::string_view coding : absl::StrSplit(ToAbsl(accept_encoding), ',')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(coding, absl::MaxSplits(';', 1));
    const absl::string_view name = absl::StripAsciiWhitespace(parts.first);
    if (name != "gzip" && name != "*") continue;
    const absl::string_view weight = absl::StripAsciiWhitespace(parts.second);
    return weight != "q=0" && weight != "q=0.0" && weight != "q=0.00" && weight != "q=0.000";
  }
  return false;
}

struct File {
  std::string body;
  std::string etag;
  const char* content_type;
  std::vector<http::Header> headers;
};

}  // namespace

bool Page::MatchedBy(std::string_view if_none_match) const {
  for (absl::string_view candidate : absl::StrSplit(ToAbsl(if_none_match), ',')) {
    candidate = absl::StripAsciiWhitespace(candidate);
    if (candidate == "*") return true;
    // If-None-Match compares weakly (RFC 9110, section 13.1.2).
    if (candidate.substr(0, 2) == "W/") candidate.remove_prefix(2);
    if (!candidate.empty() && core::ToStd(candidate) == etag) return true;
  }
  return false;
}

struct StaticPages::Impl {
  std::string docs_path;
  std::string security_policy;
  absl::flat_hash_map<std::string, std::unique_ptr<File>> plain;  // by name below docs_path; the page itself: ""
  absl::flat_hash_map<std::string, std::unique_ptr<File>> gzipped;

  void Add(const std::string& name, std::string body, const char* content_type, const char* cache_control,
           bool is_gzip = false) {
    auto file = std::make_unique<File>();
    file->body = std::move(body);
    file->etag = ETagOf(file->body);
    file->content_type = content_type;
    file->headers = {{"content-type", content_type},
                     {"etag", file->etag},
                     {"cache-control", cache_control},
                     {"content-security-policy", security_policy},
                     {"x-content-type-options", "nosniff"},
                     {"referrer-policy", "no-referrer"},
                     {"vary", "accept-encoding"}};
    if (is_gzip) file->headers.push_back({"content-encoding", "gzip"});
    (is_gzip ? gzipped : plain)[name] = std::move(file);
  }

  absl::Status AddFromFolder(const std::string& folder, const std::string& name, const char* content_type) {
    absl::StatusOr<std::string> body = ReadFile(folder, name);
    if (!body.ok()) return body.status();
    Add(name, *std::move(body), content_type, kForADay);
    // A folder without the compressed ones serves as well.
    if (absl::StatusOr<std::string> gzip = ReadFile(folder, name + ".gz"); gzip.ok()) {
      Add(name, *std::move(gzip), content_type, kForADay, /*is_gzip=*/true);
    }
    return absl::OkStatus();
  }

  const File* Lookup(std::string_view name, bool gzip) const {
    if (gzip) {
      if (const auto found = gzipped.find(ToAbsl(name)); found != gzipped.end()) return found->second.get();
    }
    const auto found = plain.find(ToAbsl(name));
    return found == plain.end() ? nullptr : found->second.get();
  }
};

StaticPages::StaticPages(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StaticPages::~StaticPages() = default;

absl::StatusOr<std::unique_ptr<const StaticPages>> StaticPages::Load(const PagesOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->docs_path = std::string(absl::StripSuffix(options.docs_path, "/"));
  impl->security_policy = ContentSecurityPolicy(options.token_url);
  constexpr std::pair<const char*, const char*> kFiles[] = {
      {"swagger-ui.css", "text/css; charset=utf-8"},
      {"swagger-ui-bundle.js", "text/javascript; charset=utf-8"},
      {"favicon-32x32.png", "image/png"},
  };
  for (const auto& [name, content_type] : kFiles) {
    if (absl::Status status = impl->AddFromFolder(options.folder, name, content_type); !status.ok()) return status;
  }
  absl::StatusOr<std::string> version = ReadFile(options.folder, "VERSION");
  if (!version.ok()) return version.status();
  const DocsAssetOptions assets{options.title, impl->docs_path, options.openapi_path,
                                std::string(absl::StripAsciiWhitespace(*version))};
  impl->Add("", IndexHtml(assets), "text/html; charset=utf-8", kRevalidate);
  impl->Add("initializer.js", InitializerScript(assets), "text/javascript; charset=utf-8", kRevalidate);
  return std::unique_ptr<const StaticPages>(new StaticPages(std::move(impl)));
}

std::optional<Page> StaticPages::Find(std::string_view path, std::string_view accept_encoding) const {
  if (path.substr(0, impl_->docs_path.size()) != impl_->docs_path) return std::nullopt;
  path.remove_prefix(impl_->docs_path.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  if (!path.empty()) path.remove_prefix(1);
  const File* file = impl_->Lookup(path, AcceptsGzip(accept_encoding));
  if (file == nullptr) return std::nullopt;
  return Page{file->body, file->content_type, file->etag, file->headers};
}

}  // namespace stratus::gateway::openapi
