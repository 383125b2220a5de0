// A fresh certificate, signed by itself, for tests of TLS.
#pragma once

#include <string>

#include "gateway/http/tls_context.h"

namespace stratus::gateway::http::testing {

// Two PEM files that go when this does.
class TestCertificate {
 public:
  // For the name and the address 127.0.0.1.
  explicit TestCertificate(const std::string& name = "localhost");
  ~TestCertificate();
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  const TlsFiles& files() const { return files_; }
  // Puts this pair in the place of another, whose paths stay.
  void Replace(const TestCertificate& other) const;

 private:
  TlsFiles files_;
};

}  // namespace stratus::gateway::http::testing
