// Certificates and what TLS we speak: 1.2 and newer, forward secrecy only. Shared by all workers.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/core/mutex.h"

struct ssl_st;
struct ssl_ctx_st;

namespace stratus::gateway::http {

struct SslDeleter {
  void operator()(ssl_st* ssl) const;
};
using SslPtr = std::unique_ptr<ssl_st, SslDeleter>;
using SslContext = std::shared_ptr<ssl_ctx_st>;

// What OpenSSL has against the last thing it was asked for, and forgets it. Never holds key material.
std::string TakeTlsErrors();

struct TlsFiles {
  std::string certificate;  // PEM: the chain, leaf first
  std::string key;          // PEM, without a pass phrase
};

// The server's side. Any thread.
class TlsServerContext {
 public:
  // INVALID_ARGUMENT when a file cannot be read, or the key is not the certificate's.
  static absl::StatusOr<std::shared_ptr<TlsServerContext>> Load(TlsFiles files);

  // For a new connection, offering h2 and http/1.1, with the certificate as it is on disk: the files are looked at once
  // a second at most. A pair that does not load leaves the old one in use, with a log line.
  SslPtr NewSession();
  // How often NewSession looks; for tests.
  void SetLookInterval(absl::Duration interval);

 private:
  explicit TlsServerContext(TlsFiles files) : files_(std::move(files)) {}
  void LookAgain() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const TlsFiles files_;
  core::Mutex mutex_;
  SslContext context_ ABSL_GUARDED_BY(mutex_);
  std::string seen_ ABSL_GUARDED_BY(mutex_);  // sizes and times of the files
  absl::Time look_at_ ABSL_GUARDED_BY(mutex_);
  absl::Duration interval_ ABSL_GUARDED_BY(mutex_) = absl::Seconds(1);
};

struct TlsClientOptions {
  std::string ca_file;      // PEM; empty: the system's
  std::string server_name;  // what the certificate must be for; empty: the host that is connected to
  TlsFiles own;             // our certificate, where the server asks for one; may be empty
};

// The client's side, verifying. Immutable; any thread.
class TlsClientContext {
 public:
  static absl::StatusOr<std::shared_ptr<const TlsClientContext>> Load(const TlsClientOptions& options);

  // For a connection to `host` (a name or an address), offering h2 alone.
  SslPtr NewSession(const std::string& host) const;

 private:
  TlsClientContext(SslContext context, std::string server_name)
      : context_(std::move(context)), server_name_(std::move(server_name)) {}

  const SslContext context_;
  const std::string server_name_;
};

}  // namespace stratus::gateway::http
