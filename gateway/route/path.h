// A request's path cut into segments, without allocation.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "gateway/route/template.h"

namespace stratus::gateway::route {

struct PathSegment {
  std::string_view raw;
  bool escaped;  // holds a `%`
};

class Path {
 public:
  // `path` must outlive this. False when it matches nothing whatever the templates are: it does not begin with `/`, or
  // a segment is empty. `/` has no segments.
  bool Split(std::string_view path);

  // Takes what follows the last colon of the last segment off the path: its verb, percent-decoded into `buffer` when it
  // has escapes. Nothing, and no change, when there is none or it does not fit.
  std::optional<std::string_view> TakeVerb(char* buffer, size_t size);
  // Undoes TakeVerb.
  void PutVerbBack() { SetEnd(whole_end_); }

  // How many segments there are; those from Template::kSegmentsMax on are counted only.
  size_t count() const { return count_; }
  const PathSegment& operator[](size_t i) const { return segments_[i]; }

  // The text from segment `begin` through segment `end - 1`; begin < end <= count().
  std::string_view Slice(size_t begin, size_t end) const;
  // The text from segment `begin` to the path's end (less a taken verb); empty when begin == count().
  std::string_view SliceFrom(size_t begin) const;

 private:
  void SetEnd(const char* end);

  PathSegment segments_[Template::kSegmentsMax];
  size_t count_ = 0;
  const char* last_ = nullptr;  // where the last segment begins
  const char* end_ = nullptr;
  const char* whole_end_ = nullptr;
};

}  // namespace stratus::gateway::route
