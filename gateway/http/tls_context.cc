#include "gateway/http/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/core/log.h"
#include "lib/core/status.h"

namespace stratus::gateway::http {
namespace {

// ALPN's wire form: each name behind its length.
constexpr unsigned char kServerProtocols[] = "\x02h2\x08http/1.1";
constexpr unsigned char kClientProtocols[] = "\x02h2";
constexpr char kCiphersOfTls12[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

int SelectProtocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                   unsigned int offered_size, void*) {
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, out_size, kServerProtocols, sizeof(kServerProtocols) - 1, offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

SslContext NewContext(const SSL_METHOD* method) {
  SslContext context(SSL_CTX_new(method), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), kCiphersOfTls12);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  // An idle connection keeps no record buffers.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

absl::Status UseFiles(SSL_CTX* context, const TlsFiles& files) {
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("the certificate ", files.certificate, ": ", TakeTlsErrors()));
  }
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("the key ", files.key, ": ", TakeTlsErrors()));
  }
  return absl::OkStatus();
}

absl::StatusOr<SslContext> LoadServer(const TlsFiles& files) {
  SslContext context = NewContext(TLS_server_method());
  if (absl::Status status = UseFiles(context.get(), files); !status.ok()) return status;
  SSL_CTX_set_alpn_select_cb(context.get(), SelectProtocol, nullptr);
  return context;
}

std::string Fingerprint(const TlsFiles& files) {
  std::string all;
  for (const std::string* file : {&files.certificate, &files.key}) {
    struct stat found {};
    if (::stat(file->c_str(), &found) != 0) found = {};
    absl::StrAppend(&all, found.st_ino, ".", found.st_size, ".", found.st_mtim.tv_sec, ".", found.st_mtim.tv_nsec, ";");
  }
  return all;
}

}  // namespace

void SslDeleter::operator()(ssl_st* ssl) const { SSL_free(ssl); }

std::string TakeTlsErrors() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "unknown error" : reason;
}

absl::StatusOr<std::shared_ptr<TlsServerContext>> TlsServerContext::Load(TlsFiles files) {
  std::shared_ptr<TlsServerContext> server(new TlsServerContext(std::move(files)));  // the constructor is private
  core::MutexLock lock(server->mutex_);
  server->seen_ = Fingerprint(server->files_);
  auto context = LoadServer(server->files_);
  if (!context.ok()) return context.status();
  server->context_ = *std::move(context);
  return server;
}

SslPtr TlsServerContext::NewSession() {
  core::MutexLock lock(mutex_);
  if (absl::Now() >= look_at_) LookAgain();
  SslPtr session(SSL_new(context_.get()));
  SSL_set_accept_state(session.get());
  return session;
}

void TlsServerContext::SetLookInterval(absl::Duration interval) {
  core::MutexLock lock(mutex_);
  interval_ = interval;
  look_at_ = absl::InfinitePast();
}

void TlsServerContext::LookAgain() {
  look_at_ = absl::Now() + interval_;
  std::string now = Fingerprint(files_);
  if (now == seen_) return;
  seen_ = std::move(now);
  auto context = LoadServer(files_);
  if (context.ok()) {
    context_ = *std::move(context);
    core::Log(core::Severity::kInfo, "certificate loaded again", {{"file", files_.certificate}});
  } else {
    core::Log(core::Severity::kError, "the new certificate is refused: the old one stays",
              {{"error", core::ToStd(context.status().message())}});
  }
}

absl::StatusOr<std::shared_ptr<const TlsClientContext>> TlsClientContext::Load(const TlsClientOptions& options) {
  SslContext context = NewContext(TLS_client_method());
  ERR_clear_error();
  const int trusted = options.ca_file.empty()
                          ? SSL_CTX_set_default_verify_paths(context.get())
                          : SSL_CTX_load_verify_locations(context.get(), options.ca_file.c_str(), nullptr);
  if (trusted != 1) {
    return absl::InvalidArgumentError(absl::StrCat("the CA certificates ", options.ca_file, ": ", TakeTlsErrors()));
  }
  if (!options.own.certificate.empty()) {
    if (absl::Status status = UseFiles(context.get(), options.own); !status.ok()) return status;
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context.get(), kClientProtocols, sizeof(kClientProtocols) - 1);
  return std::shared_ptr<const TlsClientContext>(new TlsClientContext(std::move(context), options.server_name));
}

SslPtr TlsClientContext::NewSession(const std::string& host) const {
  const std::string& name = server_name_.empty() ? host : server_name_;
  SslPtr session(SSL_new(context_.get()));
  SSL_set_connect_state(session.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session.get()), name.c_str()) != 1) {
    SSL_set1_host(session.get(), name.c_str());
    SSL_set_tlsext_host_name(session.get(), name.c_str());
  }
  ERR_clear_error();
  return session;
}

}  // namespace stratus::gateway::http
