// What a token check costs a call: in full, and from each cache. One thread, a token as Cognito makes it.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/auth/cognito_authenticator.h"
#include "lib/auth/testing/token_maker.h"

namespace stratus::auth {
namespace {

constexpr char kIssuer[] = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E";
constexpr char kClient[] = "2lh1bq3example7k9v0r5s8u4t";
constexpr char kKeyId[] = "Xy7vJm0o2Qw+8sJ1c9dYfL6kTzBhR3nP5aUeGiVxW4M=";

CognitoAuthenticator& Authenticator() {
  static auto* const authenticator = [] {
    auto source = std::make_unique<testing::FakeKeySource>();
    source->Serve(testing::Jwks({&testing::SharedKey(kKeyId)}));
    CognitoOptions options;
    options.issuers = {{.issuer = kIssuer, .jwks_url = ""}};
    options.client_ids = {kClient};
    return std::make_unique<CognitoAuthenticator>(options, std::move(source)).release();
  }();
  return *authenticator;
}

std::string Header(int i) {
  return absl::StrCat("Bearer ", testing::SharedKey(kKeyId).Sign(
                                     testing::AccessClaims(kIssuer, kClient, "stratus/weather.read", absl::Now(),
                                                           absl::StrCat(R"(,"event_id":")", i, "\""))));
}

// Each of `headers` in turn.
void CheckInTurn(benchmark::State& state, const std::vector<std::string>& headers) {
  const Policy policy{.kind = Policy::Kind::kRequired,
                      .any_scope = {"stratus/weather.read", "test/weatherforcastapi"},
                      .any_group = {}};
  size_t i = 0;
  for (auto _ : state) {
    const std::string_view value = headers[i];
    if (++i == headers.size()) i = 0;
    const Outcome outcome = Authenticator().Check({&value, 1}, policy);
    if (!outcome.allowed()) std::abort();
    benchmark::DoNotOptimize(outcome);
  }
  state.counters["token_bytes"] = static_cast<double>(headers[0].size() - 7);
}

std::vector<std::string> Headers(int count) {
  std::vector<std::string> headers;
  for (int i = 0; i < count; ++i) headers.push_back(Header(i));
  return headers;
}

// More tokens than the cache holds, in turn: each has gone when its turn comes again.
void FullCheck(benchmark::State& state) {
  static const auto headers = Headers(20000);
  CheckInTurn(state, headers);
}
BENCHMARK(FullCheck);

void CachedCheckOfOneToken(benchmark::State& state) {
  static const auto headers = Headers(1);
  CheckInTurn(state, headers);
}
BENCHMARK(CachedCheckOfOneToken);

// More tokens than a thread remembers, so that nearly all are found by their hash.
void CachedCheckOfManyTokens(benchmark::State& state) {
  static const auto headers = Headers(1000);
  CheckInTurn(state, headers);
}
BENCHMARK(CachedCheckOfManyTokens);

}  // namespace
}  // namespace stratus::auth
