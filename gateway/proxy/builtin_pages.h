// Pages that the gateway itself answers, such as /health. They win over path templates.
#pragma once

#include <optional>
#include <string_view>

#include "absl/types/span.h"
#include "gateway/http/exchange.h"

namespace stratus::gateway::proxy {

// Views live as long as the BuiltinPages.
struct PageView {
  int status = 200;
  std::string_view body;
  absl::Span<const http::Header> headers;  // content-type among them
  bool health_check = false;
};

// Safe from any thread.
class BuiltinPages {
 public:
  virtual ~BuiltinPages() = default;
  // Nothing when the request's path is none of the pages'. Asked for every request, so quick to say no; allocates
  // nothing.
  virtual std::optional<PageView> Find(const http::RequestHead& head) const = 0;
};

}  // namespace stratus::gateway::proxy
