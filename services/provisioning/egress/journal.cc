#include "services/provisioning/egress/journal.h"

#include <unistd.h>

#include <string>
#include <utility>

namespace stratus::provisioning::egress {

void Journal::Add(Record record) {
  const auto index = static_cast<size_t>(record.outcome);
  record.count += held_[index] ? held_[index]->count : 0;
  if (lines_ >= kLinesAPeriodMax) {
    held_[index] = std::move(record);
    return;
  }
  ++lines_;
  held_[index].reset();
  Write(record);
}

void Journal::EndPeriod() {
  lines_ = 0;
  for (std::optional<Record>& record : held_) {
    if (record) Write(*record);
    record.reset();
  }
}

void Journal::Write(const Record& record) {
  const std::string line = ToLine(record) + "\n";
  if (written_bytes_ + line.size() > kFileBytesMax) return;
  written_bytes_ += line.size();
  // A disk that is full costs records, not connections.
  [[maybe_unused]] const ssize_t done = write(fd_, line.data(), line.size());
}

}  // namespace stratus::provisioning::egress
