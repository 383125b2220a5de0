#include "services/sandbox/digitalocean/reply.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox::digitalocean {
namespace {

constexpr int64_t kPerPageMax = 200;
constexpr int64_t kPerPage = 20;

// The words that the API has for its statuses.
std::string_view IdOf(int status) {
  switch (status) {
    case 400: return "bad_request";
    case 401: return "Unauthorized";
    case 403: return "forbidden";
    case 404: return "not_found";
    case 409: return "conflict";
    case 412: return "precondition_failed";
    case 415: return "unsupported_media_type";
    case 422: return "unprocessable_entity";
    case 429: return "too_many_requests";
    case 503: return "service_unavailable";
    default: return "server_error";
  }
}

int64_t Number(const http_server::Request& request, std::string_view name, int64_t standard, int64_t max) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(request.Parameter(name), &value)) return standard;
  return std::clamp<int64_t>(value, 1, max);
}

// The address of another page: the same query with its `page` replaced.
std::string PageUrl(const http_server::Request& request, int64_t page) {
  std::string query = absl::StrCat("page=", page);
  for (const absl::string_view pair : absl::StrSplit(request.query, '&', absl::SkipEmpty())) {
    if (!absl::StartsWith(pair, "page=")) absl::StrAppend(&query, "&", pair);
  }
  return absl::StrCat("http://", core::ToAbsl(request.Header("host")), request.path, "?", query);
}

}  // namespace

http_server::Response Refuse(int status, std::string_view message) {
  return JsonReply(status, {{"id", IdOf(status)}, {"message", message}});
}

http_server::Response NotFound() { return Refuse(404, "The resource you were accessing could not be found."); }

http_server::Response NoContent() {
  http_server::Response response;
  response.status = 204;
  return response;
}

http_server::Response Reply(int status, std::string_view name, Json value) {
  Json body;
  body[std::string(name)] = std::move(value);
  return JsonReply(status, body);
}

http_server::Response Page(const http_server::Request& request, std::string_view name, size_t count,
                           const std::function<Json(size_t)>& item) {
  const int64_t per_page = Number(request, "per_page", kPerPage, kPerPageMax);
  const int64_t last = std::max<int64_t>((static_cast<int64_t>(count) + per_page - 1) / per_page, 1);
  const int64_t page = Number(request, "page", 1, INT32_MAX);
  Json items = Json::array();
  const int64_t end = std::min<int64_t>(page * per_page, static_cast<int64_t>(count));
  for (int64_t i = (page - 1) * per_page; i < end; ++i) items.push_back(item(static_cast<size_t>(i)));
  Json pages = Json::object();
  if (page > 1) {
    pages["first"] = PageUrl(request, 1);
    pages["prev"] = PageUrl(request, std::min(page - 1, last));
  }
  if (page < last) {
    pages["next"] = PageUrl(request, page + 1);
    pages["last"] = PageUrl(request, last);
  }
  Json body;
  body[std::string(name)] = std::move(items);
  body["links"] = pages.empty() ? Json::object() : Json{{"pages", std::move(pages)}};
  body["meta"] = {{"total", count}};
  return JsonReply(200, body);
}

const Json* Fields::Find(std::string_view name) const {
  if (!body_.is_object()) return nullptr;
  const auto found = body_.find(std::string(name));
  return found == body_.end() || found->is_null() ? nullptr : &*found;
}

bool Fields::Has(std::string_view name) const { return Find(name) != nullptr; }

void Fields::Complain(std::string_view name, std::string_view expected) {
  if (!refusal_) refusal_ = Refuse(422, absl::StrCat(core::ToAbsl(name), " must be ", core::ToAbsl(expected)));
}

std::string Fields::Text(std::string_view name) {
  const Json* value = Find(name);
  if (value == nullptr) return {};
  if (!value->is_string()) return Complain(name, "a string"), std::string();
  return value->get<std::string>();
}

bool Fields::Flag(std::string_view name) {
  const Json* value = Find(name);
  if (value == nullptr) return false;
  if (!value->is_boolean()) return Complain(name, "a boolean"), false;
  return value->get<bool>();
}

std::vector<std::string> Fields::Texts(std::string_view name) {
  std::vector<std::string> texts;
  const Json* value = Find(name);
  if (value == nullptr) return texts;
  if (!value->is_array()) return Complain(name, "an array of strings"), texts;
  for (const Json& item : *value) {
    if (!item.is_string()) return Complain(name, "an array of strings"), texts;
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

std::vector<std::string> Fields::Ids(std::string_view name) {
  std::vector<std::string> ids;
  const Json* value = Find(name);
  if (value == nullptr) return ids;
  if (!value->is_array()) return Complain(name, "an array of ids"), ids;
  for (const Json& item : *value) {
    if (!item.is_string() && !item.is_number_integer()) return Complain(name, "an array of ids"), ids;
    ids.push_back(item.is_string() ? item.get<std::string>() : item.dump());
  }
  return ids;
}

std::optional<int64_t> ParseId(std::string_view text) {
  int64_t id = 0;
  if (!absl::SimpleAtoi(core::ToAbsl(text), &id) || id <= 0) return std::nullopt;
  return id;
}

}  // namespace stratus::sandbox::digitalocean
