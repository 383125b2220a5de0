#include "services/weather/service/report_entry.h"

#include <algorithm>

namespace stratus::weather {

// With no bytes when nothing is kept.
ReportEntry::Rendition ReportEntry::Find(std::string_view view, absl::Time now) const {
  core::MutexLock lock(mutex_);
  for (const View& kept : views_) {
    if (kept.name == view && now < kept.rendition.valid_until) return kept.rendition;
  }
  return {nullptr, absl::InfinitePast()};
}

void ReportEntry::Keep(std::string_view view, Rendition rendition) const {
  core::MutexLock lock(mutex_);
  const auto same = std::find_if(views_.begin(), views_.end(), [view](const View& kept) { return kept.name == view; });
  if (same != views_.end()) views_.erase(same);
  if (views_.size() == kViewsMax) views_.erase(views_.begin());
  views_.push_back({std::string(view), std::move(rendition)});
}

}  // namespace stratus::weather
