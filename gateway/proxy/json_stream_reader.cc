#include "gateway/proxy/json_stream_reader.h"

#include <emmintrin.h>

namespace stratus::gateway::proxy {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

// The place of the first `"` or `\` from `at` on, or the end. Most of a body lies inside strings.
size_t FindQuoteOrEscape(std::string_view bytes, size_t at) {
  constexpr size_t kBlock = 16;
  for (; at + kBlock <= bytes.size(); at += kBlock) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + at));
    const __m128i found =
        _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
    if (const int bits = _mm_movemask_epi8(found); bits != 0) return at + static_cast<size_t>(__builtin_ctz(bits));
  }
  while (at < bytes.size() && bytes[at] != '"' && bytes[at] != '\\') ++at;
  return at;
}

}  // namespace

void JsonStreamReader::Reset(Form form, size_t value_bytes_max) {
  form_ = form;
  value_bytes_max_ = value_bytes_max;
  Release();
  depth_ = 0;
  reason_ = {};
  place_ = Place::kStart;
  in_array_ = in_string_ = escaped_ = scalar_ = delivered_ = false;
}

void JsonStreamReader::Release() {
  partial_.Clear();
  partial_.Shrink(kBufferKept);
}

JsonStreamReader::Result JsonStreamReader::Next(std::string_view* piece, std::string_view* value) {
  if (delivered_) {
    partial_.Clear();
    delivered_ = false;
  }
  return form_ == Form::kLines ? NextLine(piece, value) : NextValue(piece, value);
}

JsonStreamReader::Result JsonStreamReader::NextLine(std::string_view* piece, std::string_view* value) {
  while (!piece->empty()) {
    const size_t end = piece->find('\n');
    const std::string_view line = piece->substr(0, end);
    piece->remove_prefix(end == std::string_view::npos ? piece->size() : end + 1);
    if (end == std::string_view::npos) return Keep(line);
    if (const Result result = Deliver(line, value); result != Result::kValue) return result;
    *value = Trim(*value);
    if (!value->empty()) return Result::kValue;
    partial_.Clear();
    delivered_ = false;
  }
  return Result::kNeedMore;
}

JsonStreamReader::Result JsonStreamReader::NextValue(std::string_view* piece, std::string_view* value) {
  while (!piece->empty()) {
    if (place_ == Place::kRestOfValue) {
      const std::string_view taken = piece->substr(0, ScanValue(*piece));
      piece->remove_prefix(taken.size());
      return place_ == Place::kRestOfValue ? Keep(taken) : Deliver(taken, value);
    }
    bool consumed = true;
    if (!IsSpace(piece->front()) && !Step(piece->front(), &consumed)) return Result::kMalformed;
    if (consumed) piece->remove_prefix(1);
  }
  return Result::kNeedMore;
}

bool JsonStreamReader::Step(char c, bool* consumed) {
  const bool start = place_ == Place::kStart;
  *consumed = true;
  switch (place_) {
    case Place::kStart:
      if (c == '[') {
        in_array_ = true;
        place_ = Place::kFirstElement;
        return true;
      }
      break;
    case Place::kFirstElement:
      if (c == ']') {
        place_ = Place::kNothing;
        return true;
      }
      break;
    case Place::kComma:
      if (c != ',' && c != ']') return Malformed("a comma or the closing bracket of the array is expected");
      place_ = c == ',' ? Place::kElement : Place::kNothing;
      return true;
    case Place::kNothing: return Malformed("there is text behind the array");
    default: break;
  }
  *consumed = false;
  if (in_array_ && (c == ',' || c == ']')) return Malformed("an element of the array is missing");
  if (!in_array_ && !start && c == ',') return Malformed("values that stand in no array are separated by spaces");
  return BeginValue(c);
}

bool JsonStreamReader::BeginValue(char c) {
  place_ = Place::kRestOfValue;
  depth_ = 0;
  in_string_ = escaped_ = false;
  scalar_ = c != '{' && c != '[' && c != '"';
  return true;
}

size_t JsonStreamReader::ScanValue(std::string_view bytes) {
  const Place behind = in_array_ ? Place::kComma : Place::kSequence;
  size_t i = 0;
  while (i < bytes.size()) {
    const char c = bytes[i];
    if (scalar_) {
      if (IsSpace(c) || (in_array_ && (c == ',' || c == ']'))) {
        place_ = behind;
        return i;
      }
      ++i;
      continue;
    }
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
        ++i;
        continue;
      }
      i = FindQuoteOrEscape(bytes, i);
      if (i == bytes.size()) return i;
      escaped_ = bytes[i] == '\\';
      in_string_ = escaped_;  // else it was the closing quote
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      --depth_;  // a value begins with an opening bracket, so there is one to close
    }
    ++i;
    if (depth_ == 0 && !in_string_) {
      place_ = behind;
      return i;
    }
  }
  return i;
}

JsonStreamReader::Result JsonStreamReader::Keep(std::string_view bytes) {
  if (partial_.size() + bytes.size() > value_bytes_max_) return Result::kTooLong;
  partial_.Append(bytes);
  return Result::kNeedMore;
}

JsonStreamReader::Result JsonStreamReader::Deliver(std::string_view rest, std::string_view* value) {
  if (partial_.size() + rest.size() > value_bytes_max_) return Result::kTooLong;
  *value = rest;
  if (!partial_.empty()) {
    partial_.Append(rest);
    delivered_ = true;
    *value = partial_.view();
  }
  return Result::kValue;
}

JsonStreamReader::Result JsonStreamReader::End(std::string_view* value) {
  if (delivered_) {
    partial_.Clear();
    delivered_ = false;
  }
  if (form_ == Form::kValues) {
    if (in_array_ && place_ != Place::kNothing) {
      Malformed("the body ends before the array does");
      return Result::kMalformed;
    }
    if (place_ == Place::kRestOfValue && !scalar_) {
      Malformed("the body ends in the middle of a value");
      return Result::kMalformed;
    }
  }
  *value = Trim(partial_.view());
  delivered_ = true;
  place_ = Place::kNothing;
  return value->empty() ? Result::kNeedMore : Result::kValue;
}

bool JsonStreamReader::Malformed(std::string_view reason) {
  reason_ = reason;
  return false;
}

}  // namespace stratus::gateway::proxy
