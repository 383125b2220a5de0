// Templates and paths from one input, a line each: `METHOD template` lines until an empty one, then paths. Checks what
// must hold for any of them: captures lie inside the path, and a matched path matches again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gateway/route/router.h"

namespace {

using stratus::gateway::route::Capture;
using stratus::gateway::route::Match;
using stratus::gateway::route::Outcome;
using stratus::gateway::route::Router;

std::string_view TakeLine(std::string_view* rest) {
  const size_t end = rest->find('\n');
  const std::string_view line = rest->substr(0, end);
  rest->remove_prefix(end == rest->npos ? rest->size() : end + 1);
  return line;
}

void Require(bool holds) {
  if (!holds) std::abort();
}

void TryPath(const Router& router, std::string_view path) {
  Match match;
  std::string allow;
  const Outcome outcome = router.Find("GET", path, &match, &allow);
  Require((outcome == Outcome::kWrongMethod) == !allow.empty());
  if (outcome != Outcome::kFound) return;
  Require(match.captures.size() == router.variables(match.route).size());
  for (const Capture& capture : match.captures) {
    Require(capture.raw.data() >= path.data() && capture.raw.data() + capture.raw.size() <= path.data() + path.size());
    std::string value;
    if (Decode(capture, &value)) Require(value.size() <= capture.raw.size());
  }
  Match head;
  Require(router.Find("HEAD", path, &head) == Outcome::kFound);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  Router router;
  while (!rest.empty()) {
    const std::string_view line = TakeLine(&rest);
    if (line.empty()) break;
    const size_t space = line.find(' ');
    if (space == line.npos) continue;
    const auto added = router.Add(line.substr(0, space), line.substr(space + 1), line);
    if (added.ok()) Require(!router.Add(line.substr(0, space), line.substr(space + 1), line).ok());
  }
  while (!rest.empty()) TryPath(router, TakeLine(&rest));
  return 0;
}
