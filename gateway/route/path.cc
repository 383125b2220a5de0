#include "gateway/route/path.h"

#include <cstring>

#include "gateway/route/percent.h"

namespace stratus::gateway::route {
namespace {

std::string_view Between(const char* begin, const char* end) { return {begin, static_cast<size_t>(end - begin)}; }

}  // namespace

bool Path::Split(std::string_view path) {
  if (path.empty() || path.front() != '/') return false;
  end_ = whole_end_ = path.data() + path.size();
  count_ = 0;
  if (path.size() == 1) return true;
  const bool any_escape = path.find('%') != path.npos;
  const char* begin = path.data() + 1;
  while (true) {
    const void* slash = std::memchr(begin, '/', static_cast<size_t>(end_ - begin));
    const char* end = slash == nullptr ? end_ : static_cast<const char*>(slash);
    if (begin == end) return false;
    if (count_ < Template::kSegmentsMax) {
      const std::string_view raw = Between(begin, end);
      segments_[count_] = {raw, any_escape && raw.find('%') != raw.npos};
    }
    ++count_;
    last_ = begin;
    if (slash == nullptr) return true;
    begin = end + 1;
  }
}

std::optional<std::string_view> Path::TakeVerb(char* buffer, size_t size) {
  if (count_ == 0) return std::nullopt;
  const std::string_view last = Between(last_, end_);
  const size_t colon = last.rfind(':');
  if (colon == last.npos || colon == 0) return std::nullopt;
  const std::optional<std::string_view> verb = PercentDecodeTo(last.substr(colon + 1), buffer, size);
  if (!verb || verb->empty()) return std::nullopt;
  SetEnd(last_ + colon);
  return verb;
}

void Path::SetEnd(const char* end) {
  end_ = end;
  if (count_ == 0 || count_ > Template::kSegmentsMax) return;
  segments_[count_ - 1].raw = Between(last_, end);
}

std::string_view Path::Slice(size_t begin, size_t end) const {
  const std::string_view last = segments_[end - 1].raw;
  return Between(segments_[begin].raw.data(), last.data() + last.size());
}

std::string_view Path::SliceFrom(size_t begin) const {
  return Between(begin == count_ ? end_ : segments_[begin].raw.data(), end_);
}

}  // namespace stratus::gateway::route
