#include "services/weather/service/report_entry.h"

#include <algorithm>

namespace stratus::weather {

std::shared_ptr<const std::string> ReportEntry::Find(std::string_view view, absl::Time now) const {
  core::MutexLock lock(mutex_);
  for (const View& kept : views_) {
    if (kept.name == view && now < kept.valid_until) return kept.bytes;
  }
  return nullptr;
}

void ReportEntry::Keep(std::string_view view, std::shared_ptr<const std::string> bytes, absl::Time valid_until) const {
  core::MutexLock lock(mutex_);
  const auto same = std::find_if(views_.begin(), views_.end(), [view](const View& kept) { return kept.name == view; });
  if (same != views_.end()) views_.erase(same);
  if (views_.size() == kViewsMax) views_.erase(views_.begin());
  views_.push_back({std::string(view), std::move(bytes), valid_until});
}

}  // namespace stratus::weather
