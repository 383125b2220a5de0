#include "gateway/http/testing/test_service.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "boost/asio/post.hpp"

namespace stratus::gateway::http::testing {
namespace {

constexpr size_t kPiece = 16 << 10;
const Header kText[] = {{"content-type", "text/plain"}};

void Answer(Exchange* exchange, int status, std::string_view body) {
  exchange->StartBody(status, kText).Append(body);
  exchange->FinishBody();
}

std::string Describe(const RequestHead& head) {
  constexpr std::string_view kProtocols[] = {"HTTP/1.0", "HTTP/1.1", "HTTP/2"};
  std::string text;
  const auto line = [&text](std::string_view name, std::string_view value) {
    text.append(name).append("=").append(value).append("\n");
  };
  line("protocol", kProtocols[static_cast<int>(head.protocol)]);
  line("method", head.method);
  line("path", head.path);
  line("query", head.query);
  line("authority", head.authority);
  line("peer", head.peer.substr(0, head.peer.find_last_of(':')));
  line("has_body", head.has_body ? "yes" : "no");
  line("content_length", std::to_string(head.content_length));
  for (const Header& header : head.headers) line(std::string("header ") + std::string(header.name), header.value);
  return text;
}

}  // namespace

class TestService::Call final : public Handler {
 public:
  Call(TestService* service, Exchange* exchange)
      : service_(service), exchange_(exchange), path_(exchange->request().path) {
    service_->calls_.insert(this);
  }
  ~Call() { service_->calls_.erase(this); }

  void Begin() {
    exchange_->SetHandler(this);
    if (path_ == "/echo" && !exchange_->request().has_body) return Finish("");
    if (path_.starts_with("/stream/")) return BeginStream();
    if (path_ == "/pieces") return Piece(3);
    if (path_ == "/later") return Later([this] { Finish("later"); });
    if (path_ == "/abort") return Later([this] { exchange_->Abort(), delete this; });
    if (path_ == "/abort-stream") return AbortStream();
    if (path_ == "/patient") exchange_->AllowPauses();
    Record("begin");
  }

  void OnBody(std::string_view piece) override {
    Record("body");
    size_ += piece.size();
    if (path_ == "/echo") body_ += piece;
    if (path_ == "/hoard" && !released_) {
      hoarded_ += piece.size();
    } else {
      exchange_->BodyConsumed(piece.size());
    }
  }
  void OnBodyEnd() override {
    Record("end");
    ended_ = true;
    if (path_ == "/echo") return Finish(body_);
    if (path_ == "/hoard" && released_) Finish(std::to_string(size_));
  }
  void OnAbort() override {
    Record("abort");
    delete this;
  }
  void OnDrained() override {
    Record("drained");
    if (path_.starts_with("/stream/")) Pour();
  }

  void Release() {
    if (path_ != "/hoard") return;
    released_ = true;
    exchange_->BodyConsumed(std::exchange(hoarded_, 0));
    if (ended_) Finish(std::to_string(size_));
  }

 private:
  void Record(std::string_view event) { service_->log_->Add(path_ + " " + std::string(event)); }

  void Finish(std::string_view body) {
    Answer(exchange_, 200, body);
    delete this;
  }

  template <typename Action>
  void Later(Action action) {
    boost::asio::post(service_->loop_, [service = service_, call = this, action] {
      if (service->calls_.contains(call)) action();
    });
  }

  void BeginStream() {
    left_ = std::strtoul(path_.c_str() + std::string_view("/stream/").size(), nullptr, 10);
    exchange_->StartStream(200, kText);
    Pour();
  }
  void Pour() {
    while (left_ > 0) {
      if (exchange_->backlog() > Exchange::kBacklogHigh) return Record("backlog");
      const size_t size = std::min(left_, kPiece);
      exchange_->stream_buffer().Append(std::string(size, 's'));
      exchange_->Flush();
      left_ -= size;
    }
    Record("poured");
    exchange_->EndStream();
    delete this;
  }

  void Piece(int left) {
    if (left == 3) exchange_->StartStream(200, kText);
    exchange_->stream_buffer().Append("piece");
    exchange_->Flush();
    Later([this, left] {
      if (left > 1) return Piece(left - 1);
      exchange_->EndStream();
      delete this;
    });
  }

  void AbortStream() {
    exchange_->StartStream(200, kText);
    exchange_->stream_buffer().Append("partial");
    exchange_->Flush();
    exchange_->stream_buffer().Append("never flushed");
    Later([this] { exchange_->Abort(), delete this; });
  }

  TestService* const service_;
  Exchange* const exchange_;
  const std::string path_;
  std::string body_;
  size_t size_ = 0;
  size_t hoarded_ = 0;
  size_t left_ = 0;
  bool released_ = false;
  bool ended_ = false;
};

TestService::~TestService() {
  while (!calls_.empty()) delete *calls_.begin();
}

void TestService::Release() {
  const std::set<Call*> calls = calls_;
  for (Call* call : calls) call->Release();
}

void TestService::OnRequest(Exchange* exchange) {
  const std::string_view path = exchange->request().path;
  if (path == "/hello") return Answer(exchange, 200, "hello");
  if (path == "/head") return Answer(exchange, 200, Describe(exchange->request()));
  if (path == "/early") return Answer(exchange, 413, "too much");
  if (path.starts_with("/status/")) return Answer(exchange, std::atoi(path.data() + 8), "text");
  if (path == "/none") return;
  if (path == "/abandon") {
    exchange->StartBody(200, kText).Append("never sent");
    exchange->AbandonBody();
    return Answer(exchange, 502, "instead");
  }
  if (path == "/split") {
    const Header headers[] = {{"x-good", "kept"}, {"x-bad", "a\r\nx-injected: b"}};
    exchange->StartBody(200, headers).Append("whole");
    return exchange->FinishBody();
  }
  if (path == "/trailers" || path == "/trailers-only") {
    exchange->StartStream(200, kText);
    if (path == "/trailers-only") {
      const Header not_found[] = {{"grpc-status", "5"}};
      return exchange->EndStream(not_found);
    }
    exchange->stream_buffer().Append("body");
    const Header fine[] = {{"grpc-status", "0"}, {"grpc-message", "fine"}};
    return exchange->EndStream(fine);
  }
  (new Call(this, exchange))->Begin();  // deletes itself with the exchange
}

}  // namespace stratus::gateway::http::testing
