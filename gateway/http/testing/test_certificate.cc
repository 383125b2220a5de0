#include "gateway/http/testing/test_certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace stratus::gateway::http::testing {
namespace {

constexpr long kLifetimeSeconds = 3600;

template <typename Write>
void WriteFile(const std::string& path, Write write) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"), std::fclose);
  if (file == nullptr || write(file.get()) != 1) std::abort();
}

void AddExtension(X509* certificate, int kind, const std::string& value) {
  const std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()), X509_EXTENSION_free);
  X509_add_ext(certificate, extension.get(), -1);
}

}  // namespace

TestCertificate::TestCertificate(const std::string& name) {
  static std::atomic<int> made{0};
  const char* folder = std::getenv("TMPDIR");
  const std::string base = std::string(folder != nullptr ? folder : "/tmp") + "/stratus_tls." +
                           std::to_string(::getpid()) + "." + std::to_string(made++);
  files_ = {base + ".crt", base + ".key"};
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kLifetimeSeconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kLifetimeSeconds);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate.get(), subject);
  AddExtension(certificate.get(), NID_subject_alt_name, "DNS:" + name + ",IP:127.0.0.1");
  AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  WriteFile(files_.certificate, [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
  WriteFile(files_.key, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

TestCertificate::~TestCertificate() {
  std::remove(files_.certificate.c_str());
  std::remove(files_.key.c_str());
}

void TestCertificate::Replace(const TestCertificate& other) const {
  std::rename(files_.certificate.c_str(), other.files_.certificate.c_str());
  std::rename(files_.key.c_str(), other.files_.key.c_str());
}

}  // namespace stratus::gateway::http::testing
