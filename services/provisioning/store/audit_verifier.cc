#include "services/provisioning/store/audit_verifier.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/store/audit_line.h"
#include "services/provisioning/store/audit_table.h"

namespace stratus::provisioning::store {
namespace {

constexpr size_t kWaitingMax = 100'000;

absl::Status Broken(std::string_view where, std::string_view why) {
  return absl::DataLossError(absl::StrCat(core::ToAbsl(where), ": ", core::ToAbsl(why)));
}

std::string Place(std::string_view tenant, int64_t sequence) {
  return absl::StrCat("tenant ", core::ToAbsl(tenant), ", record ", sequence);
}

}  // namespace

absl::Status AuditVerifier::Extend(const std::string& tenant, Chain* chain) {
  while (!chain->waiting.empty()) {
    const auto after = chain->waiting.find(chain->last + 1);
    const auto before = after == chain->waiting.end() ? chain->waiting.find(chain->first - 1) : chain->waiting.end();
    if (after != chain->waiting.end()) {
      if (after->second.previous != chain->last_hash) {
        return Broken(Place(tenant, after->first), "it does not follow the record before it");
      }
      ++chain->last;
      chain->last_hash = after->second.hash;
      chain->waiting.erase(after);
    } else if (before != chain->waiting.end()) {
      if (before->second.hash != chain->first_previous) {
        return Broken(Place(tenant, before->first + 1), "it does not follow the record before it");
      }
      --chain->first;
      chain->first_previous = before->second.previous;
      chain->waiting.erase(before);
    } else {
      return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

absl::Status AuditVerifier::Add(std::string_view line, std::string_view where) {
  absl::StatusOr<AuditRecord> record = ReadAuditLine(line);
  if (!record.ok()) return Broken(where, core::ToStd(record.status().message()));
  ++records_;
  const int64_t sequence = record->event.sequence();
  Chain& chain = chains_[record->tenant];
  if (chain.last == 0) {
    const bool first = sequence == 1;
    if (sequence < 1 || (first && record->previous_hash != kFirstPrevious)) {
      return Broken(where, "it is not the first record of a chain");
    }
    if (from_start_ && !first) return Broken(where, absl::StrCat("the records before ", sequence, " are missing"));
    chain = {sequence, record->previous_hash, sequence, record->hash, {}};
    return absl::OkStatus();
  }
  const bool twice = (sequence >= chain.first && sequence <= chain.last) ||
                     !chain.waiting.emplace(sequence, Link{record->previous_hash, record->hash}).second;
  if (twice) return Broken(where, absl::StrCat("there are two records ", sequence, " of the tenant ", record->tenant));
  if (absl::Status status = Extend(record->tenant, &chain); !status.ok()) return status;
  return chain.waiting.size() <= kWaitingMax ? absl::OkStatus() : Finish();
}

absl::Status AuditVerifier::CheckHead(std::string_view tenant, int64_t sequence, std::string_view hash) const {
  const auto found = chains_.find(tenant);
  const int64_t last = found == chains_.end() ? 0 : found->second.last;
  if (last < sequence) return Broken(Place(tenant, last + 1), "it is missing, with all that came after it");
  if (last > sequence) return Broken(Place(tenant, sequence + 1), "it was added past the chain's end");
  if (last > 0 && found->second.last_hash != hash) {
    return Broken(Place(tenant, last), "the chain's head is not this record's");
  }
  return absl::OkStatus();
}

absl::Status AuditVerifier::Finish() const {
  for (const auto& [tenant, chain] : chains_) {
    if (!chain.waiting.empty()) return Broken(Place(tenant, chain.last + 1), "it is missing");
  }
  return absl::OkStatus();
}

namespace {

absl::Status VerifySnapshot(Connection& connection, AuditVerifier* verifier) {
  absl::Status status = EachAuditRow(connection, [&](const KeptAudit& row) {
    const std::string where = Place(row.tenant, row.sequence);
    if (absl::Status added = verifier->Add(row.line, where); !added.ok()) return added;
    const absl::StatusOr<AuditRecord> record = ReadAuditLine(row.line);
    if (!record.ok()) return record.status();
    const bool same = record->tenant == row.tenant && record->event.sequence() == row.sequence &&
                      MakeBeside(record->event) == row.beside;
    return same ? absl::OkStatus() : Broken(where, "its columns are not those of its line");
  });
  if (status.ok()) status = verifier->Finish();
  std::set<std::string, std::less<>> heads;
  if (status.ok()) {
    status = EachAuditHead(connection, [&](std::string_view tenant, int64_t sequence, std::string_view hash) {
      heads.emplace(tenant);
      return verifier->CheckHead(tenant, sequence, hash);
    });
  }
  if (status.ok() && heads.size() < verifier->tenants()) return absl::DataLossError("a chain's head is missing");
  return status;
}

}  // namespace

absl::Status VerifyStoredAudit(Connection& connection, AuditVerifier* verifier) {
  if (absl::Status begun = connection.BeginSnapshot(); !begun.ok()) return begun;
  absl::Status status = VerifySnapshot(connection, verifier);
  connection.Rollback();
  return status;
}

}  // namespace stratus::provisioning::store
