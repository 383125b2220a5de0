#include "gateway/http/tls_transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "boost/asio/post.hpp"

namespace stratus::gateway::http {
namespace {

// What is encrypted before it is written at once.
constexpr size_t kBatchBytes = 64 << 10;
// Read while idle; more is taken by TryRead when this was full.
constexpr size_t kInputBytes = 2048;
constexpr size_t kBulkBytes = 16 << 10;

// OpenSSL works on memory: `input_` holds what came from the peer, `output_` what has to go there. Counted by its owner
// and by each handler of its own in the loop.
class TlsTransport final : public Transport, private TransportEvents {
 public:
  TlsTransport(boost::asio::io_context& loop, TransportPtr inner, SslPtr session, std::shared_ptr<std::string> why,
               std::atomic<uint64_t>* failures)
      : loop_(loop),
        inner_(std::move(inner)),
        ssl_(std::move(session)),
        input_(BIO_new(BIO_s_mem())),
        output_(BIO_new(BIO_s_mem())),
        why_(std::move(why)),
        failures_(failures) {
    SSL_set_bio(ssl_.get(), input_, output_);  // which owns them from now on
    inner_->SetEvents(this);
  }

  void SetEvents(TransportEvents* events) override { events_ = events; }

  void Read(char* to, size_t room) override {
    to_ = to;
    room_ = room;
    reading_ = true;
    const bool ready = SSL_pending(ssl_.get()) > 0 || BIO_pending(input_) > 0 || ended_;
    if (error_ != 0 || (established_ && ready)) {
      Post(&TlsTransport::Deliver);
    } else {
      Proceed();
    }
  }

  ssize_t TryRead(char* to, size_t room) override {
    for (;;) {
      const ssize_t got = Decrypt(to, room);
      if (got != -EAGAIN || inner_reading_ || ended_) return got;
      std::array<char, kBulkBytes> bulk;
      const ssize_t raw = inner_->TryRead(bulk.data(), bulk.size());
      if (raw <= 0) return -EAGAIN;  // an end or an error comes again with the next Read
      BIO_write(input_, bulk.data(), static_cast<int>(raw));
    }
  }

  void WakeAt(size_t) override {}  // handshakes and alerts must be read as they come

  ssize_t TryWrite(std::string_view bytes) override {
    if (!established_ && error_ == 0) Proceed();
    if (error_ != 0) return error_;
    if (!established_ || !FlushOutput()) return error_ != 0 ? error_ : -EAGAIN;
    // Encrypted before, and only now gone.
    size_t sent = std::min(std::exchange(owed_, size_t{0}), bytes.size());
    while (sent < bytes.size()) {
      const size_t size = std::min(bytes.size() - sent, kBatchBytes);
      ERR_clear_error();
      if (SSL_write(ssl_.get(), bytes.data() + sent, static_cast<int>(size)) <= 0) return Fail();
      if (!FlushOutput()) {
        // The caller offers these bytes again; they count as sent once their ciphertext has gone.
        owed_ = size;
        break;
      }
      sent += size;
    }
    if (error_ != 0) return error_;
    return sent == 0 && !bytes.empty() ? -EAGAIN : static_cast<ssize_t>(sent);
  }

  void AwaitWritable() override {
    awaiting_ = true;
    if (error_ != 0) {
      Post(&TlsTransport::Notify);
    } else if (established_) {
      AwaitInner();
    } else {
      Proceed();
    }
  }

  void ShutdownWrite() override {
    if (established_ && error_ == 0) {
      SSL_shutdown(ssl_.get());  // close_notify
      FlushOutput();
    }
    inner_->ShutdownWrite();
  }

  // A batch counts as sent only when all of it has gone: most of one may have.
  int64_t Unacknowledged() const override {
    return inner_->Unacknowledged() + BIO_pending(output_) - static_cast<int64_t>(owed_);
  }
  void ResetOnDispose() override { inner_->ResetOnDispose(); }
  bool secure() const override { return true; }

  std::string_view application_protocol() const override {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }

  void Dispose() override {
    events_ = nullptr;
    inner_.reset();
    Release();
  }

 private:
  ~TlsTransport() = default;

  // TransportEvents of the inner one
  void OnRead(ssize_t result) override {
    inner_reading_ = false;
    if (result > 0) {
      BIO_write(input_, raw_.data(), static_cast<int>(result));
    } else {
      ended_ = true;
      end_ = result;
    }
    if (established_) {
      Deliver();
    } else {
      Proceed();
    }
  }

  void OnWritable() override {
    inner_awaiting_ = false;
    FlushOutput();
    if (established_) {
      Notify();
    } else {
      Proceed();
    }
  }

  // Takes the handshake as far as it goes, and reads on where it, or the caller, waits for input.
  void Proceed() {
    if (!established_ && error_ == 0) {
      ERR_clear_error();
      const int done = SSL_do_handshake(ssl_.get());
      const bool failed = done != 1 && SSL_get_error(ssl_.get(), done) != SSL_ERROR_WANT_READ;
      if (!FlushOutput() && error_ == 0) AwaitInner();
      if (failed || (done != 1 && ended_)) Fail();
      established_ = done == 1;
      if (error_ != 0 || established_) {
        if (awaiting_) Post(&TlsTransport::Notify);
        if (reading_) Post(&TlsTransport::Deliver);
        return;
      }
    }
    if (inner_reading_ || ended_ || error_ != 0) return;
    inner_reading_ = true;
    inner_->Read(raw_.data(), raw_.size());
  }

  void Deliver() {
    if (!reading_ || events_ == nullptr) return;
    const ssize_t got = TryRead(to_, room_);
    if (got == -EAGAIN) return Proceed();
    reading_ = false;
    events_->OnRead(got);
  }

  void Notify() {
    if (!awaiting_ || events_ == nullptr) return;
    awaiting_ = false;
    events_->OnWritable();
  }

  // Decrypted bytes, -EAGAIN when there are none, 0 at the end, or an error.
  ssize_t Decrypt(char* to, size_t room) {
    if (error_ != 0) return error_;
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), to, static_cast<int>(room));
    // Reading may have to answer: a key update, an alert.
    const int why = got > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), got);
    if (!FlushOutput() && error_ == 0) AwaitInner();
    if (got > 0) return got;
    if (why == SSL_ERROR_ZERO_RETURN) return 0;
    if (why != SSL_ERROR_WANT_READ) return Fail();
    return ended_ ? end_ : -EAGAIN;
  }

  // False when some of the output has to wait.
  bool FlushOutput() {
    char* bytes = nullptr;
    long left = BIO_get_mem_data(output_, &bytes);
    while (left > 0 && error_ == 0) {
      const ssize_t sent = inner_->TryWrite({bytes, static_cast<size_t>(left)});
      if (sent == -EAGAIN) return false;
      if (sent < 0) {
        error_ = sent;
        return false;
      }
      Drop(static_cast<size_t>(sent));
      output_peak_ = std::max(output_peak_, left);
      left = BIO_get_mem_data(output_, &bytes);
    }
    if (left == 0 && output_peak_ > static_cast<long>(kBulkBytes)) ShrinkOutput();
    return error_ == 0;
  }

  // A memory BIO never gives memory back by itself.
  void ShrinkOutput() {
    output_ = BIO_new(BIO_s_mem());
    SSL_set0_wbio(ssl_.get(), output_);
    output_peak_ = 0;
  }

  void Drop(size_t count) {
    std::array<char, kBulkBytes> thrown_away;
    while (count > 0) {
      const int taken = BIO_read(output_, thrown_away.data(), static_cast<int>(std::min(count, thrown_away.size())));
      if (taken <= 0) return;
      count -= static_cast<size_t>(taken);
    }
  }

  void AwaitInner() {
    if (std::exchange(inner_awaiting_, true)) return;
    inner_->AwaitWritable();
  }

  ssize_t Fail() {
    if (why_ != nullptr) {
      *why_ = ended_ && ERR_peek_error() == 0 ? "the peer closed the connection" : TakeTlsErrors();
      const long verdict = SSL_get_verify_result(ssl_.get());
      if (verdict != X509_V_OK) *why_ += std::string(": ") + X509_verify_cert_error_string(verdict);
    }
    if (failures_ != nullptr && !established_) failures_->fetch_add(1, std::memory_order_relaxed);
    ERR_clear_error();
    return error_ = -EPROTO;
  }

  // A loop that ends drops its handlers without running them: they let go in their destructor.
  class Ref {
   public:
    explicit Ref(TlsTransport* to) : to_(to) { ++to_->references_; }
    Ref(const Ref& other) : Ref(other.to_) {}
    Ref(Ref&& other) noexcept : to_(std::exchange(other.to_, nullptr)) {}
    Ref& operator=(Ref) = delete;
    ~Ref() {
      if (to_ != nullptr) to_->Release();
    }
    TlsTransport* operator->() const { return to_; }
    TlsTransport& operator*() const { return *to_; }

   private:
    TlsTransport* to_;
  };

  void Post(void (TlsTransport::*step)()) {
    boost::asio::post(loop_, [self = Ref(this), step] {
      if (self->events_ != nullptr) ((*self).*step)();
    });
  }

  void Release() {
    if (--references_ == 0) delete this;
  }

  boost::asio::io_context& loop_;
  TransportPtr inner_;
  const SslPtr ssl_;
  BIO* const input_;
  BIO* output_;
  long output_peak_ = 0;
  const std::shared_ptr<std::string> why_;
  std::atomic<uint64_t>* const failures_;
  TransportEvents* events_ = nullptr;
  int references_ = 1;
  char* to_ = nullptr;  // of the Read under way
  size_t room_ = 0;
  ssize_t error_ = 0;  // a negated errno that every call gives from now on
  ssize_t end_ = 0;    // what the inner transport ended with
  size_t owed_ = 0;    // bytes whose ciphertext waits, and that TryWrite has not counted
  bool established_ = false;
  bool reading_ = false;   // Read is under way
  bool awaiting_ = false;  // AwaitWritable is under way
  bool inner_reading_ = false;
  bool inner_awaiting_ = false;
  bool ended_ = false;
  std::array<char, kInputBytes> raw_;
};

}  // namespace

TransportPtr MakeTlsTransport(boost::asio::io_context& loop, TransportPtr inner, SslPtr session,
                              std::shared_ptr<std::string> why, std::atomic<uint64_t>* failures) {
  // Frees itself: see its comment.
  return TransportPtr(new TlsTransport(loop, std::move(inner), std::move(session), std::move(why), failures));
}

}  // namespace stratus::gateway::http
