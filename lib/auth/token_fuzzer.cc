// Arbitrary bytes through everything that a stranger's token passes: the extractor, the parser, the rules, the
// signature.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lib/auth/base64url.h"
#include "lib/auth/extractor.h"
#include "lib/auth/jwks.h"
#include "lib/auth/testing/token_maker.h"
#include "lib/auth/verifier.h"

namespace {

using namespace stratus::auth;  // NOLINT(google-build-using-namespace): one function, one library

const RsaPublicKey& Key() {
  static const auto* const keys = new KeySet(*ParseJwks(testing::Jwks({&testing::SharedKey("one")})));
  return *keys->by_id.at("one");
}

void CheckToken(std::string_view token) {
  static const ClaimNames names{.scope = "scope", .roles = "roles", .tenant = "tenant"};
  static const Verifier verifier{VerifierOptions{.issuers = {"i"}, .client_ids = {"c"}}};
  ParsedToken parsed;
  if (!ParseToken(token, names, &parsed).ok()) return;
  // The text is canonical: encoding what was read gives it back.
  const std::string_view signature = token.substr(parsed.signing_input.size() + 1);
  if (EncodeBase64Url(parsed.signature) != signature) std::abort();
  (void)verifier.CheckHeader(parsed.header).ok();
  (void)verifier.CheckClaims(parsed.claims, absl::FromUnixSeconds(1'700'000'000)).ok();
  // Nobody can sign with this process's fresh key.
  if (verifier.CheckSignature(parsed, Key()).ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Extraction extraction = ExtractBearer({&text, 1});
  if (extraction.kind == Extraction::Kind::kToken) CheckToken(extraction.token);
  CheckToken(text);
  // Split by lines and encoded here, so that the JSON is reached without the fuzzer having to find base64url first.
  const size_t line = text.find('\n');
  if (line != std::string_view::npos) {
    CheckToken(EncodeBase64Url(text.substr(0, line)) + "." + EncodeBase64Url(text.substr(line + 1)) + ".c2ln");
  }
  (void)ParseJwks(text).ok();
  return 0;
}
