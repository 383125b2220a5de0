// An issuer in miniature for tests: makes RSA keys, JWKS documents and tokens, good ones and every kind of bad one.
//
//   testing::SigningKey key("kid-1");
//   std::string token = key.Sign(testing::AccessClaims(issuer, client, "a/read", now));
//   testing::FakeKeySource source;   source.Serve(testing::Jwks({&key}));
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/auth/key_source.h"
#include "lib/core/mutex.h"

struct evp_pkey_st;

namespace stratus::auth::testing {

class SigningKey {
 public:
  // Generating takes some tens of milliseconds at 2048 bits: share keys between tests (SharedKey).
  explicit SigningKey(std::string key_id, int bits = 2048);

  const std::string& key_id() const { return key_id_; }

  // RS256 with the header {"alg":"RS256","kid":KEY_ID}; `claims_json` is any text.
  std::string Sign(std::string_view claims_json) const;
  // RS256 bytes over whatever the header claims.
  std::string Sign(std::string_view header_json, std::string_view claims_json) const;
  // RS256 over the two encoded parts as they are given.
  std::string SignRaw(std::string_view signing_input) const;
  // RSASSA-PSS with SHA-256, under any header.
  std::string SignPss(std::string_view header_json, std::string_view claims_json) const;

  // The public key as one member of a JWKS. `extra` is put in as it is, such as `,"x5c":[]`; an `alg` or `use` of "" is
  // left out.
  std::string Jwk(std::string_view use = "sig", std::string_view alg = "RS256", std::string_view extra = "") const;
  // SubjectPublicKeyInfo, as an attacker would have it.
  std::string PublicPem() const;

 private:
  struct FreeKey {
    void operator()(evp_pkey_st* key) const;
  };
  std::string Number(const char* name) const;

  std::string key_id_;
  std::unique_ptr<evp_pkey_st, FreeKey> key_;
};

// One key of 2048 bits a process and name, made at first use.
const SigningKey& SharedKey(const std::string& key_id);

// {"keys":[...]}
std::string Jwks(const std::vector<const SigningKey*>& keys);

// HMAC-SHA256 over the parts with any secret: the HS/RS confusion.
std::string SignHs256(std::string_view secret, std::string_view header_json, std::string_view claims_json);

// The claims of a client_credentials access token of one hour. `extra` is put in as it is, such as `,"nbf":1`.
std::string AccessClaims(std::string_view issuer, std::string_view client_id, std::string_view scope, absl::Time now,
                         std::string_view extra = "");

// A source that answers from what the test has set. Safe from any thread.
class FakeKeySource final : public KeySource {
 public:
  ~FakeKeySource() override;

  void Fetch(Callback done) override;

  // Answers every fetch from now on at once.
  void Serve(absl::StatusOr<std::string> document);
  // Holds fetches from now on until Release.
  void Hold();
  // Answers the fetches that are held; later ones are held again.
  void Release(absl::StatusOr<std::string> document);

  int fetches() const;
  int held() const;

 private:
  mutable core::Mutex mu_;
  absl::StatusOr<std::string> document_ ABSL_GUARDED_BY(mu_) = absl::UnavailableError("no document set");
  bool holding_ ABSL_GUARDED_BY(mu_) = false;
  int fetches_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<Callback> held_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stratus::auth::testing
