// A reply as bytes. Most of a weather reply is the same for every caller of a place, so it is serialised once and kept;
// only its provenance (how old, stale or not) is made anew for each call.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"

namespace stratus::weather {

struct EncodedReply {
  // The serialised message is body followed by tail.
  std::shared_ptr<const std::string> body;
  std::string tail;

  // How long a copy of it is as good as another call, and after that does while the next call is under way or fails.
  // Zero: it is not to be kept.
  absl::Duration fresh_for = absl::ZeroDuration();
  absl::Duration usable_for = absl::ZeroDuration();  // after fresh_for

  // What a watcher compares.
  absl::Time fetched_at = absl::UnixEpoch();
  bool stale = false;

  // `Message` is the method's reply type.
  template <typename Message>
  bool Parse(Message* message) const {
    return message->ParseFromString(*body) && message->MergeFromString(tail);
  }
};

}  // namespace stratus::weather
