// A cached report and the replies already made from it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "lib/core/mutex.h"
#include "services/weather/domain/model.h"

namespace stratus::weather {

class ReportEntry {
 public:
  explicit ReportEntry(SourceReport report) : report_(std::move(report)) {}

  const SourceReport& report() const { return report_; }

  struct Rendition {
    std::shared_ptr<const std::string> bytes;
    absl::Time valid_until;
  };

  // The serialised reply kept under `view`, if it is still right at `now`; else what `make` gives, kept from now on.
  // `make` returns {bytes, valid until} and may run twice at the same time for one view.
  template <typename Make>
  Rendition Rendered(std::string_view view, absl::Time now, const Make& make) const {
    Rendition rendition = Find(view, now);
    if (rendition.bytes != nullptr) return rendition;
    auto [text, valid_until] = make();
    rendition = {std::make_shared<const std::string>(std::move(text)), valid_until};
    Keep(view, rendition);
    return rendition;
  }

 private:
  // Enough for the few views that callers of one place use; each is some kilobytes.
  static constexpr size_t kViewsMax = 8;

  struct View {
    std::string name;
    Rendition rendition;
  };

  Rendition Find(std::string_view view, absl::Time now) const;
  void Keep(std::string_view view, Rendition rendition) const;

  const SourceReport report_;
  mutable core::Mutex mutex_;
  mutable std::vector<View> views_ ABSL_GUARDED_BY(mutex_);  // oldest first
};

}  // namespace stratus::weather
