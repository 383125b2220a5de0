// The file of records that stratus-egress leaves for the service. A run may ask as often as it likes: what comes thick
// and fast is counted and written together, and the file has an end.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "services/provisioning/egress/record.h"

namespace stratus::provisioning::egress {

class Journal {
 public:
  static constexpr int kLinesAPeriodMax = 16;
  static constexpr size_t kFileBytesMax = size_t{4} << 20;

  // `fd` is open to append to, and outlives the journal.
  explicit Journal(int fd) : fd_(fd) {}

  // Writes a line, or holds it back when the period has had its lines.
  void Add(Record record);
  // A period is over (or all is): what was held back is written, a line an outcome.
  void EndPeriod();

 private:
  void Write(const Record& record);

  const int fd_;
  size_t written_bytes_ = 0;
  int lines_ = 0;                                                  // of this period
  std::array<std::optional<Record>, kOutcomes.size()> held_ = {};  // by outcome
};

}  // namespace stratus::provisioning::egress
