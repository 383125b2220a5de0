// The exchange of a call that no client waits for: holds a copy of the request that gave rise to it, and throws away
// what is answered.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/http/exchange.h"
#include "gateway/loop/memory_budget.h"

namespace stratus::gateway::proxy {

class DetachedExchange final : public http::Exchange {
 public:
  // Copies the head, but for the client's deadline: it is not the client who waits.
  void Assign(const http::RequestHead& head) {
    bytes_.clear();
    size_t size = head.path.size() + head.query.size() + head.authority.size() + head.peer.size() + head.method.size();
    for (const http::Header& header : head.headers) size += header.name.size() + header.value.size();
    bytes_.reserve(size);  // nothing moves below
    headers_.clear();
    for (const http::Header& header : head.headers) {
      if (header.name != "grpc-timeout") headers_.push_back({Copy(header.name), Copy(header.value)});
    }
    head_ = head;
    head_.method = Copy(head.method);
    head_.path = Copy(head.path);
    head_.query = Copy(head.query);
    head_.authority = Copy(head.authority);
    head_.peer = Copy(head.peer);
    head_.headers = headers_;
  }

  // http::Exchange
  const http::RequestHead& request() const override { return head_; }
  void SetHandler(http::Handler*) override {}
  void AllowPauses() override {}
  void BodyConsumed(size_t) override {}
  bool HasRoom(size_t more) override { return MemoryBudget::HasRoom(more); }
  Buffer& StartBody(int, absl::Span<const http::Header>) override { return Empty(); }
  void FinishBody() override { Empty(); }
  void AbandonBody() override { Empty(); }
  void SendShared(int, absl::Span<const http::Header>, std::shared_ptr<const void>, std::string_view) override {}
  void StartStream(int, absl::Span<const http::Header>) override {}
  Buffer& stream_buffer() override { return Empty(); }
  void Flush() override { Empty(); }
  void EndStream(absl::Span<const http::Header>) override { Empty(); }
  void Abort() override { Empty(); }
  size_t backlog() const override { return 0; }

 private:
  std::string_view Copy(std::string_view text) {
    const size_t at = bytes_.size();
    bytes_.append(text);
    return std::string_view(bytes_).substr(at);
  }
  Buffer& Empty() {
    sink_.Clear();
    sink_.Shrink(0);
    return sink_;
  }

  http::RequestHead head_;
  std::string bytes_;
  std::vector<http::Header> headers_;
  Buffer sink_;
};

}  // namespace stratus::gateway::proxy
