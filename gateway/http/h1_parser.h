// One HTTP/1.x request after another: a head, then its body. Beast's basic_parser reads the grammar; the rules of
// RFC 9112 that guard against request smuggling and that Beast leaves to its user are kept here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "gateway/http/exchange.h"

namespace stratus::gateway::http {

// Why a request is refused. The connection answers with it and closes.
struct Refusal {
  int status;
  std::string_view reason;  // a whole sentence for the client, without what the client sent
};

// What a head says beside RequestHead.
struct H1Head {
  RequestHead request;
  bool keep_alive = false;
  bool expects_continue = false;
  bool asterisk = false;  // `OPTIONS *`: request.path is `/`
};

class H1Parser {
 public:
  class BodySink {
   public:
    virtual void OnBodyPiece(std::string_view piece) = 0;
    // A chunk begins, with so many bytes of extensions.
    virtual void OnChunk(size_t extension_bytes) = 0;

   protected:
    ~BodySink() = default;
  };

  explicit H1Parser(size_t headers_max);
  ~H1Parser();
  H1Parser(const H1Parser&) = delete;
  H1Parser& operator=(const H1Parser&) = delete;

  // Parses a head that HeadScanner found, `size` bytes with the empty line. The bytes are changed (names become lower
  // case) and must stay where they are while `head` is used. Null when all is well.
  const Refusal* ParseHead(char* bytes, size_t size, H1Head* head);

  // Parses body bytes after a head with a body. `*used` of them are done with; the rest must come again, in front of
  // what follows them.
  const Refusal* ParseBody(std::string_view input, BodySink* sink, size_t* used);
  // No more body is to come.
  bool body_done() const;
  // Bytes of a body with Content-Length that have not come yet; UINT64_MAX when the body is chunked.
  uint64_t body_remaining() const;

 private:
  class Message;
  std::unique_ptr<Message> message_;
};

}  // namespace stratus::gateway::http
