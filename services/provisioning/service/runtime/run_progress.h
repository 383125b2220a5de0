// How far a run's steps have come and been stored: written with the events themselves, so that whoever takes the run
// over goes on at the very line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace stratus::provisioning::service {

inline constexpr std::string_view kProgressBlob = "progress";

struct RunProgress {
  int number = 0;           // of the newest step: 1, 2, ...
  std::string step;         // its name: `1-apply`
  int64_t offset = 0;       // in its events.jsonl: what lies before it is stored
  std::string data_dir_id;  // where its work folder is
  absl::Time began = absl::InfinitePast();
};

std::string ToText(const RunProgress& progress);
// DATA_LOSS: not one of ours.
absl::StatusOr<RunProgress> ProgressFromText(std::string_view text);

}  // namespace stratus::provisioning::service
