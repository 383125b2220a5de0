// Whatever a run asks for: a target that was read is one that resolvers take for the same name, and reads the same
// again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "services/provisioning/egress/http_request.h"
#include "services/provisioning/egress/policy.h"

using namespace stratus::provisioning::egress;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto url = ParseHttpUrl(text); url && ToText(*ParseTarget(ToText(url->target), 0)) != ToText(url->target))
    abort();
  if (const auto target = ParseTarget(text, 443)) {
    const auto again = ParseTarget(ToText(*target), 0);
    if (!again || again->host != target->host || again->port != target->port) abort();
    if (target->host.find_first_of(std::string_view(" \r\n\0/@%", 7)) != std::string_view::npos) abort();
  }
  if (const auto pattern = ParsePattern(text); pattern && ToText(*ParsePattern(ToText(*pattern))) != ToText(*pattern))
    abort();
  if (const auto policy = ParsePolicy(text); policy && !ParsePolicy(ToText(*policy))) abort();
  return 0;
}
