#include "services/provisioning/engine/finder_listing.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/finder_match.h"

namespace stratus::provisioning::engine {
namespace {

using config::v1::FinderResource;
using nlohmann::json;

constexpr int kPagesMax = 500;
constexpr size_t kItemsMax = 50'000;
constexpr int kReadingsMax = 4;

// Where it was asked, without the query.
std::string Place(const std::string& url) { return url.substr(0, url.find('?')); }

absl::Status CheckStatus(const std::string& url, const http_client::Response& response) {
  if (response.status == 200) return absl::OkStatus();
  const std::string message = absl::StrCat("GET ", Place(url), " answered with HTTP status ", response.status);
  if (response.status == 401 || response.status == 403) return absl::FailedPreconditionError(message);
  if (response.status == 429 || response.status >= 500) return absl::UnavailableError(message);
  return absl::InternalError(message);
}

struct PageOfItems {
  json items;
  int64_t total = 0;
  bool last = false;
};

struct Reading {
  json items = json::array();
  std::vector<std::string> ids;
  int pages = 0;
  bool adds_up = false;  // to the total that the last page states
};

class Reader {
 public:
  Reader(http_client::Client* client, const FinderResource& resource, const std::string& base_url,
         const std::string& token, absl::Time deadline)
      : client_(client), resource_(resource), token_(token), deadline_(deadline) {
    url_ = JoinUrl(base_url, resource.list());
    absl::StrAppend(&url_, absl::StrContains(url_, '?') ? "&" : "?", resource.page_parameter(), "=");
  }

  absl::StatusOr<Reading> ReadAll() {
    Reading reading;
    for (reading.pages = 1; reading.pages <= kPagesMax && reading.items.size() <= kItemsMax; ++reading.pages) {
      absl::StatusOr<PageOfItems> page = ReadPage(reading.pages);
      if (!page.ok()) return page.status();
      for (json& item : page->items) {
        absl::StatusOr<std::string> id = ImportId(resource_, item);
        if (!id.ok()) return id.status();
        reading.ids.push_back(*std::move(id));
        reading.items.push_back(std::move(item));
      }
      if (!page->last) continue;
      reading.adds_up = static_cast<int64_t>(reading.items.size()) == page->total;
      return reading;
    }
    return absl::ResourceExhaustedError(absl::StrCat("the list at ", Place(url_), " is too long to be read"));
  }

  absl::Status Unsteady() const {
    return absl::UnavailableError(absl::StrCat("the list at ", Place(url_), " changes while it is read"));
  }

 private:
  absl::StatusOr<PageOfItems> ReadPage(int number) {
    const std::string url = absl::StrCat(url_, number);
    const absl::StatusOr<http_client::Response> response =
        client_->Fetch({.url = url,
                        .headers = {{"authorization", "Bearer " + token_}, {"accept", "application/json"}},
                        .deadline = deadline_});
    if (!response.ok()) return response.status();
    if (absl::Status status = CheckStatus(url, *response); !status.ok()) return status;
    const json body = json::parse(response->body, nullptr, false);
    const json::json_pointer items(resource_.items());
    const json::json_pointer total(resource_.total());
    const json::json_pointer next(resource_.next_page());
    if (!body.is_object() || !body.contains(items) || !body.at(items).is_array() || !body.contains(total) ||
        !body.at(total).is_number_integer()) {
      return absl::InternalError(absl::StrCat("GET ", Place(url), " did not answer with a list of ", resource_.type()));
    }
    const bool last = !body.contains(next) || body.at(next).is_null() || body.at(next) == "";
    return PageOfItems{body.at(items), body.at(total).get<int64_t>(), last};
  }

  http_client::Client* const client_;
  const FinderResource& resource_;
  const std::string token_;
  const absl::Time deadline_;
  std::string url_;
};

}  // namespace

std::string JoinUrl(std::string_view base, std::string_view path) {
  const size_t scheme = base.find("://");
  const size_t authority = scheme == base.npos ? 0 : scheme + 3;
  const std::string_view bare = base.substr(0, base.find_first_of("?#"));
  const size_t root = bare.find('/', authority);
  if (root == bare.npos) {
    return absl::StrCat(core::ToAbsl(bare), path.starts_with('/') ? "" : "/", core::ToAbsl(path));
  }
  const size_t keep = path.starts_with('/') ? root : bare.rfind('/') + 1;
  return absl::StrCat(core::ToAbsl(bare.substr(0, keep)), core::ToAbsl(path));
}

absl::StatusOr<json> FetchAll(http_client::Client* client, const FinderResource& resource, const std::string& base_url,
                              const std::string& token, absl::Time deadline) {
  Reader reader(client, resource, base_url, token, deadline);
  std::vector<std::string> before;
  for (int i = 0; i < kReadingsMax; ++i) {
    absl::StatusOr<Reading> reading = reader.ReadAll();
    if (!reading.ok()) return reading.status();
    const bool steady = reading->pages == 1 || (i > 0 && reading->ids == before);
    if (reading->adds_up && steady) return std::move(reading->items);
    before = std::move(reading->ids);
  }
  return reader.Unsteady();
}

}  // namespace stratus::provisioning::engine
