// What a step's event stream tells, gathered line by line: what watchers and the ledger get, and what the run's end
// needs to know.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/provisioning/engine/redact.h"
#include "services/provisioning/store/rows.h"
#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::provisioning::service {

// What has to be stored of the lines read since the last time.
struct StepBatch {
  std::vector<v1::RunEvent> events;
  std::map<std::string, store::LedgerRow> ledger;  // by LedgerKey, the latest of each

  bool empty() const { return events.empty() && ledger.empty(); }
};

// With U+FFFD for what is no UTF-8: a message that holds anything else cannot be read again.
std::string ValidUtf8(std::string_view text);

class StepFold {
 public:
  // Past so many events a step stores what counts alone: no log lines and no progress of what is under way.
  static constexpr int kEventsMax = 20'000;
  static constexpr size_t kDiagnosticsMax = 50;
  static constexpr size_t kChangesMax = 10'000;
  static constexpr size_t kRawBytesMax = 64 << 20;

  // `redactor` outlives it. `raw`: the lines are not a stream but a text of the engine's (show), to be kept as it is.
  StepFold(const engine::Redactor* redactor, bool raw) : redactor_(*redactor), raw_wanted_(raw) {}

  // One line. What is to be stored goes to `batch`, or nowhere when it is null: the line was stored before.
  void Add(std::string_view line, StepBatch* batch);

  const std::vector<v1::Diagnostic>& errors() const { return errors_; }
  const std::vector<v1::ResourceChange>& planned() const { return planned_; }
  const std::vector<v1::ResourceChange>& drift() const { return drift_; }
  // Of the plan; nullopt: the engine has not finished planning.
  const std::optional<v1::PlanSummary>& plan_summary() const { return plan_summary_; }
  // The text, where a text was wanted.
  const std::string& raw() const { return raw_; }
  // Whether anything was begun.
  bool touched() const { return touched_; }

 private:
  void Note(const v1::RunEvent& event, std::string_view summary_of);
  void AddLog(std::string_view line, StepBatch* batch);
  void Keep(v1::RunEvent event, StepBatch* batch);

  const engine::Redactor& redactor_;
  const bool raw_wanted_;
  int events_ = 0;
  bool touched_ = false;
  std::map<std::string, absl::Time> began_;  // by LedgerKey
  std::vector<v1::Diagnostic> errors_;
  std::vector<v1::ResourceChange> planned_;
  std::vector<v1::ResourceChange> drift_;
  std::optional<v1::PlanSummary> plan_summary_;
  std::string raw_;
};

}  // namespace stratus::provisioning::service
