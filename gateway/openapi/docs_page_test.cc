#include "gateway/openapi/docs_page.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stratus::gateway::openapi {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A folder as scripts/fetch_swagger_ui.py leaves it, with short contents.
class DocsPage : public ::testing::Test {
 protected:
  DocsPage() {
    std::string name = ::testing::TempDir() + "docs_page_XXXXXX";
    folder_ = mkdtemp(name.data());
    Write("swagger-ui.css", "css");
    Write("swagger-ui.css.gz", "css, compressed");
    Write("swagger-ui-bundle.js", "js");
    Write("favicon-32x32.png", "png");
    Write("VERSION", "v5.0.1\n");
    options_.folder = folder_;
    options_.title = "Weather & more";
  }
  ~DocsPage() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& content) {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << content;
  }
  void LoadPages() {
    auto pages = StaticPages::Load(options_);
    ASSERT_TRUE(pages.ok()) << pages.status();
    pages_ = *std::move(pages);
  }
  Page Get(std::string_view path, std::string_view accept_encoding = {}) {
    const auto page = pages_->Find(path, accept_encoding);
    EXPECT_TRUE(page.has_value()) << path;
    return page.value_or(Page{});
  }
  static std::string HeaderOf(const Page& page, std::string_view name) {
    for (const http::Header& header : page.headers) {
      if (header.name == name) return std::string(header.value);
    }
    return "(none)";
  }

  std::string folder_;
  PagesOptions options_;
  std::unique_ptr<const StaticPages> pages_;
};

TEST_F(DocsPage, ServesThePageWithOrWithoutASlash) {
  LoadPages();
  const Page page = Get("/docs");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(Get("/docs/").body, page.body);
  const std::string html(page.body);
  EXPECT_THAT(html, HasSubstr("<title>Weather &amp; more</title>"));
  EXPECT_THAT(html, HasSubstr("src=\"/docs/swagger-ui-bundle.js?v=v5.0.1\""));
  EXPECT_THAT(html, Not(HasSubstr("<script>")));
  EXPECT_THAT(html, Not(HasSubstr("http")));
}

TEST_F(DocsPage, StartsSwaggerUiOnTheConfiguredDocument) {
  options_.docs_path = "/help/api/";
  options_.openapi_path = "/spec\".json";
  LoadPages();
  EXPECT_THAT(std::string(Get("/help/api").body), HasSubstr("href=\"/help/api/swagger-ui.css"));
  const std::string script(Get("/help/api/initializer.js").body);
  EXPECT_THAT(script, HasSubstr("url: \"/spec\\\".json\""));
  EXPECT_THAT(script, HasSubstr("persistAuthorization: true"));
  EXPECT_FALSE(pages_->Find("/docs").has_value());
}

TEST_F(DocsPage, KnowsItsFilesAndNoOthers) {
  LoadPages();
  EXPECT_EQ(Get("/docs/swagger-ui.css").body, "css");
  EXPECT_EQ(Get("/docs/swagger-ui.css").content_type, "text/css; charset=utf-8");
  EXPECT_EQ(Get("/docs/swagger-ui-bundle.js").content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(Get("/docs/favicon-32x32.png").content_type, "image/png");
  for (const char* path : {"/", "/doc", "/docsx", "/docs//", "/docs/VERSION", "/docs/../docs",
                           "/docs/swagger-ui.css.gz", "/docs/%2e%2e/x", "/docs/swagger-ui.css/"}) {
    EXPECT_FALSE(pages_->Find(path).has_value()) << path;
  }
}

TEST_F(DocsPage, SendsTheCompressedFileToThoseWhoTakeIt) {
  LoadPages();
  for (const char* accept : {"gzip", "br, gzip;q=0.5", "deflate , gzip", "*"}) {
    const Page page = Get("/docs/swagger-ui.css", accept);
    EXPECT_EQ(page.body, "css, compressed") << accept;
    EXPECT_EQ(HeaderOf(page, "content-encoding"), "gzip");
    EXPECT_EQ(HeaderOf(page, "vary"), "accept-encoding");
    EXPECT_NE(page.etag, Get("/docs/swagger-ui.css").etag);
  }
  for (const char* accept : {"", "br", "gzip;q=0", "gzip; q=0.0", "xgzip"}) {
    EXPECT_EQ(Get("/docs/swagger-ui.css", accept).body, "css") << accept;
  }
  EXPECT_EQ(Get("/docs/swagger-ui-bundle.js", "gzip").body, "js");
  EXPECT_EQ(HeaderOf(Get("/docs/swagger-ui-bundle.js", "gzip"), "content-encoding"), "(none)");
}

TEST_F(DocsPage, NamesContentByETag) {
  LoadPages();
  const Page page = Get("/docs/swagger-ui.css");
  const std::string etag(page.etag);
  EXPECT_EQ(etag.size(), 34u);
  EXPECT_EQ(HeaderOf(page, "etag"), etag);
  EXPECT_NE(etag, Get("/docs/swagger-ui-bundle.js").etag);
  EXPECT_TRUE(page.MatchedBy(etag));
  EXPECT_TRUE(page.MatchedBy("\"x\", W/" + etag));
  EXPECT_TRUE(page.MatchedBy("*"));
  EXPECT_FALSE(page.MatchedBy(""));
  EXPECT_FALSE(page.MatchedBy("\"x\""));
  EXPECT_FALSE(page.MatchedBy(etag.substr(1)));
}

TEST_F(DocsPage, LetsCachesKeepFilesButAskForThePage) {
  LoadPages();
  EXPECT_EQ(HeaderOf(Get("/docs"), "cache-control"), "no-cache");
  EXPECT_EQ(HeaderOf(Get("/docs/initializer.js"), "cache-control"), "no-cache");
  EXPECT_EQ(HeaderOf(Get("/docs/swagger-ui.css"), "cache-control"), "public, max-age=86400");
}

TEST_F(DocsPage, ForbidsForeignAndInlineScripts) {
  LoadPages();
  const std::string policy = HeaderOf(Get("/docs"), "content-security-policy");
  EXPECT_THAT(policy, HasSubstr("default-src 'none'; script-src 'self';"));
  EXPECT_THAT(policy, HasSubstr("connect-src 'self';"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
  EXPECT_EQ(HeaderOf(Get("/docs"), "x-content-type-options"), "nosniff");
}

TEST_F(DocsPage, LetsTheBrowserFetchATokenFromTheIssuer) {
  options_.token_url = "https://auth.example.com:8443/oauth2/token?x=1";
  LoadPages();
  EXPECT_THAT(HeaderOf(Get("/docs"), "content-security-policy"),
              HasSubstr("connect-src 'self' https://auth.example.com:8443;"));
  options_.token_url = "https://evil; script-src *";
  LoadPages();
  EXPECT_THAT(HeaderOf(Get("/docs"), "content-security-policy"), HasSubstr("connect-src 'self';"));
}

TEST_F(DocsPage, SaysWhichFileIsMissing) {
  for (const char* name : {"swagger-ui.css", "swagger-ui-bundle.js", "VERSION"}) {
    const std::string path = folder_ + "/" + name;
    std::filesystem::rename(path, path + ".away");
    const absl::Status status = StaticPages::Load(options_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(status.message()), HasSubstr(path));
    EXPECT_THAT(std::string(status.message()), HasSubstr("fetch_swagger_ui.py"));
    std::filesystem::rename(path + ".away", path);
  }
}

}  // namespace
}  // namespace stratus::gateway::openapi
