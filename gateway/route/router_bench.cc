// What a match costs, with few routes and with many: the two columns should not differ by more than the caches do.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "gateway/route/router.h"

namespace stratus::gateway::route {
namespace {

Router RouterOf(int routes) {
  Router router;
  for (int i = 0; i < routes; i += 5) {
    const std::string base = absl::StrCat("/v1/resources", i);
    (void)router.Add("GET", base, "List");
    (void)router.Add("GET", absl::StrCat(base, "/{id}"), "Get");
    (void)router.Add("POST", absl::StrCat(base, "/{id}:cancel"), "Cancel");
    (void)router.Add("GET", absl::StrCat(base, ":today"), "Today");
    (void)router.Add("GET", absl::StrCat(base, "/{id}/files/{path=**}"), "File");
  }
  return router;
}

// Asks for a different resource each time, so that many routes also mean many cache lines.
void Find(benchmark::State& state, const char* method, const char* tail) {
  const int routes = static_cast<int>(state.range(0));
  const Router router = RouterOf(routes);
  std::vector<std::string> paths;
  for (int i = 0; i < routes; i += 5) paths.push_back(absl::StrCat("/v1/resources", i, tail));
  Match match;
  size_t next = 0;
  for (auto _ : state) {
    const Outcome outcome = router.Find(method, paths[next], &match);
    if (outcome != Outcome::kFound) state.SkipWithError("no match");
    if (++next == paths.size()) next = 0;
  }
}

BENCHMARK_CAPTURE(Find, literal, "GET", "")->Arg(10)->Arg(10'000);
BENCHMARK_CAPTURE(Find, verb, "GET", ":today")->Arg(10)->Arg(10'000);
BENCHMARK_CAPTURE(Find, variable, "GET", "/0195fd1e-3f4c")->Arg(10)->Arg(10'000);
BENCHMARK_CAPTURE(Find, variable_and_verb, "POST", "/0195fd1e-3f4c:cancel")->Arg(10)->Arg(10'000);
BENCHMARK_CAPTURE(Find, rest, "GET", "/0195fd1e-3f4c/files/a/b/c.txt")->Arg(10)->Arg(10'000);
BENCHMARK_CAPTURE(Find, head, "HEAD", "")->Arg(10)->Arg(10'000);

}  // namespace
}  // namespace stratus::gateway::route
