#include "gateway/pages.h"

#include "absl/strings/str_cat.h"
#include "gateway/openapi/document.h"
#include "gateway/openapi/overlay.h"
#include "lib/core/log.h"
#include "lib/core/status.h"

namespace stratus::gateway {
namespace {

constexpr char kVersion[] = "1";
constexpr http::Header kHealthHeaders[] = {{"content-type", "application/json"}, {"cache-control", "no-store"}};

// FNV-1a: the same document has the same tag in every replica and after every restart.
uint64_t Fingerprint(std::string_view text) {
  uint64_t hash = 14695981039346656037ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return hash;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Pages>> Pages::Create(const PagesOptions& options,
                                                           const std::shared_ptr<const proxy::Snapshot>& snapshot) {
  std::shared_ptr<Pages> pages(new Pages);
  pages->paths_ = options.paths;
  if (absl::Status status = pages->BuildDocument(options, *snapshot); !status.ok()) return status;
  if (!options.docs_dir.empty() && !options.paths.docs.empty() && !options.paths.openapi.empty()) {
    openapi::PagesOptions docs;
    docs.folder = options.docs_dir;
    docs.docs_path = options.paths.docs;
    docs.openapi_path = options.paths.openapi;
    docs.title = options.title;
    docs.token_url = options.token_url;
    auto loaded = openapi::StaticPages::Load(docs);
    if (!loaded.ok()) return loaded.status();
    pages->docs_ = *std::move(loaded);
  }
  return pages;
}

absl::Status Pages::BuildDocument(const PagesOptions& options, const proxy::Snapshot& snapshot) {
  openapi::DocumentOptions document;
  document.title = options.title;
  document.version = kVersion;
  document.token_url = options.token_url;
  document.health_path = options.paths.health;
  document.preserve_proto_field_names = options.output.preserve_proto_field_names;
  document.enums_as_integers = options.output.enums_as_integers;
  if (options.auth) {
    document.policy = [&snapshot](std::string_view path) -> const auth::Policy& {
      return snapshot.policies().Find(path);
    };
  }
  openapi::Document built = openapi::Build(snapshot.services(), document);
  for (const std::string& warning : built.warnings) core::Log(core::Severity::kWarning, warning);
  document_ = std::move(built.json);
  if (!options.openapi_overlay.empty()) {
    auto merged = openapi::ApplyOverlay(document_, options.openapi_overlay);
    if (!merged.ok()) return merged.status();
    document_ = *std::move(merged);
  }
  document_etag_ = absl::StrCat("\"", absl::Hex(Fingerprint(document_)), "\"");
  document_headers_ = {{"content-type", "application/json"}, {"etag", document_etag_}, {"cache-control", "no-cache"}};
  return absl::OkStatus();
}

std::optional<proxy::PageView> Pages::Find(const http::RequestHead& head) const {
  if (!paths_.health.empty() && head.path == paths_.health) {
    return proxy::PageView{200, R"({"status":"ok"})", kHealthHeaders, true};
  }
  if (!paths_.openapi.empty() && head.path == paths_.openapi) {
    const bool unchanged = head.Find("if-none-match") == document_etag_;
    return proxy::PageView{unchanged ? 304 : 200, unchanged ? std::string_view() : document_, document_headers_};
  }
  if (docs_ == nullptr || head.path.substr(0, paths_.docs.size()) != paths_.docs) return std::nullopt;
  const std::optional<openapi::Page> page = docs_->Find(head.path, head.Find("accept-encoding"));
  if (!page.has_value()) return std::nullopt;
  const bool unchanged = page->MatchedBy(head.Find("if-none-match"));
  return proxy::PageView{unchanged ? 304 : 200, unchanged ? std::string_view() : page->body, page->headers};
}

}  // namespace stratus::gateway
