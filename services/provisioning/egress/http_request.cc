#include "services/provisioning/egress/http_request.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>

namespace stratus::provisioning::egress {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view kScheme = "http://";
constexpr uint16_t kHttpPort = 80;

bool IsForTheProxy(http::field name) {
  switch (name) {
    case http::field::host:
    case http::field::connection:
    case http::field::keep_alive:
    case http::field::proxy_authorization:
    case http::field::proxy_connection:
    case http::field::te:
    case http::field::upgrade: return true;
    default: return false;
  }
}

bool IsNamed(boost::beast::string_view connection, boost::beast::string_view name) {
  return http::token_list(connection).exists(name);
}

std::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

std::optional<HttpUrl> ParseHttpUrl(std::string_view url) {
  if (url.size() <= kScheme.size() ||
      !boost::beast::iequals({url.data(), kScheme.size()}, {kScheme.data(), kScheme.size()})) {
    return std::nullopt;
  }
  url.remove_prefix(kScheme.size());
  const size_t end = std::min(url.find_first_of("/?#"), url.size());
  auto target = ParseTarget(url.substr(0, end), kHttpPort);
  std::string path(url.substr(end));
  if (!target || path.find('#') != std::string::npos) return std::nullopt;
  if (!path.starts_with('/')) path.insert(0, "/");
  return HttpUrl{*std::move(target), std::move(path)};
}

std::string OriginHead(const http::request<http::empty_body>& request, const Target& target, const std::string& path) {
  std::string head(View(request.method_string()));
  head.append(" ").append(path).append(" HTTP/1.1\r\nHost: ");
  head.append(target.port == kHttpPort ? ToText(target).substr(0, ToText(target).rfind(':')) : ToText(target));
  head.append("\r\nConnection: close\r\n");
  const auto connection = request[http::field::connection];
  for (const auto& field : request) {
    if (IsForTheProxy(field.name()) || IsNamed(connection, field.name_string())) continue;
    head.append(View(field.name_string())).append(": ").append(View(field.value())).append("\r\n");
  }
  return head + "\r\n";
}

std::string RefusalText(int status, const std::string& sentence) {
  std::string phrase = sentence;
  std::replace_if(
      phrase.begin(), phrase.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return "HTTP/1.1 " + std::to_string(status) + " " + phrase +
         "\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " + std::to_string(phrase.size() + 1) +
         "\r\n\r\n" + phrase + "\n";
}

}  // namespace stratus::provisioning::egress
