// The heads of plain requests, which a proxy takes in absolute form and passes on in origin form, and of refusals.
#pragma once

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "services/provisioning/egress/allow_list.h"

namespace stratus::provisioning::egress {

struct HttpUrl {
  Target target;
  std::string path;  // with its query; never empty
};

// `http://HOST[:PORT][/PATH][?QUERY]`; nullopt: anything else.
std::optional<HttpUrl> ParseHttpUrl(std::string_view url);

// The head for the upstream: its own Host, nothing that is meant for the proxy, and `Connection: close`, since the
// connection is for this request alone: what follows on it was not judged.
std::string OriginHead(const boost::beast::http::request<boost::beast::http::empty_body>& request, const Target& target,
                       const std::string& path);

// A whole reply. The sentence is its reason phrase too: printable ASCII alone is kept.
std::string RefusalText(int status, const std::string& sentence);

}  // namespace stratus::provisioning::egress
