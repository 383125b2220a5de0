// Replies and inputs in DigitalOcean's shapes.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/http_server/http_server.h"

namespace stratus::sandbox::digitalocean {

using Json = nlohmann::ordered_json;

// One call: `ids` is what stands at the `*`s of its route. `body` is an object where there is one, else null.
struct Call {
  const http_server::Request& request;
  std::vector<std::string> ids;
  const Json& body;
};

// {"id", "message"}; Api adds the request_id.
http_server::Response Refuse(int status, std::string_view message);
http_server::Response NotFound();
http_server::Response NoContent();

// `status` with {name: value}.
http_server::Response Reply(int status, std::string_view name, Json value);

// The page that the query asks for (`page`, `per_page` of 1 to 200, 20 by default; others count as the nearest) of
// `count` items, each made by `item` when it is on the page: {name: [...], "links": {...}, "meta": {"total": count}}.
http_server::Response Page(const http_server::Request& request, std::string_view name, size_t count,
                           const std::function<Json(size_t)>& item);

// Members of a body. The first one of a wrong type is kept as the refusal; unknown ones are nobody's business, as with
// the real API.
class Fields {
 public:
  explicit Fields(const Json& body) : body_(body) {}

  bool Has(std::string_view name) const;
  std::string Text(std::string_view name);  // empty: absent or null
  bool Flag(std::string_view name);         // false: absent or null
  std::vector<std::string> Texts(std::string_view name);
  // As Texts, and numbers are taken as well, as text.
  std::vector<std::string> Ids(std::string_view name);

  const std::optional<http_server::Response>& refusal() const { return refusal_; }

 private:
  const Json* Find(std::string_view name) const;
  void Complain(std::string_view name, std::string_view expected);

  const Json& body_;
  std::optional<http_server::Response> refusal_;
};

// Nothing where the text is no whole number above 0.
std::optional<int64_t> ParseId(std::string_view text);

}  // namespace stratus::sandbox::digitalocean
