// Cuts a request body that streams JSON into its values: one a line (NDJSON), or an array's elements, or values one
// behind another. Only as much of the grammar is looked at as the cutting takes; whether a value is JSON is for its
// parser to say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/transcode/buffer.h"

namespace stratus::gateway::proxy {

class JsonStreamReader {
 public:
  enum class Form : uint8_t {
    kLines,   // application/x-ndjson: a value is a line; blank lines are passed over
    kValues,  // application/json: an array is a list of values, anything else a sequence of them
  };
  enum class Result : uint8_t { kValue, kNeedMore, kTooLong, kMalformed };

  // Starts anew. A value of more than `value_bytes_max` bytes is kTooLong.
  void Reset(Form form, size_t value_bytes_max);
  // Gives back what a large value took. Reset comes before the next piece.
  void Release();

  // Takes what it can from `piece`, which shrinks. kValue: `value` holds one, valid until the next call; one that lies
  // whole in one piece is not copied. kMalformed: reason() says why.
  Result Next(std::string_view* piece, std::string_view* value);
  // The body has ended. kValue: `value` holds one more, the last; kNeedMore: there is none, and all is in order.
  Result End(std::string_view* value);

  // Plain words, of the last kMalformed.
  std::string_view reason() const { return reason_; }

 private:
  // What is expected next.
  enum class Place : uint8_t { kStart, kSequence, kFirstElement, kElement, kComma, kNothing, kRestOfValue };
  static constexpr size_t kBufferKept = 64 << 10;

  Result NextLine(std::string_view* piece, std::string_view* value);
  Result NextValue(std::string_view* piece, std::string_view* value);
  // Goes on between values, by one character that is no space. False: malformed.
  bool Step(char c, bool* consumed);
  bool BeginValue(char c);
  // How many of the bytes belong to the value; place_ changes when it is complete.
  size_t ScanValue(std::string_view bytes);
  Result Keep(std::string_view bytes);
  // `rest` completes a value.
  Result Deliver(std::string_view rest, std::string_view* value);
  bool Malformed(std::string_view reason);

  size_t value_bytes_max_ = 0;
  Buffer partial_;  // what there is of a value that came in several pieces
  size_t depth_ = 0;
  std::string_view reason_;
  Form form_ = Form::kValues;
  Place place_ = Place::kStart;
  bool in_array_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  bool scalar_ = false;     // a number or a literal: what stands behind it ends it
  bool delivered_ = false;  // partial_ is the value that the caller has got
};

}  // namespace stratus::gateway::proxy
