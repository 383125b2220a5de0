// stratus-audit: whether the provisioning service's audit log is whole.
//
//   DATABASE_URL=postgresql://... stratus-audit verify
//   stratus-audit verify --data-dir=DIR
//   stratus-audit verify --file=audit.log.1 --file=audit.log
//
// Exit code 0: it is; 1: it is not, and the first broken record is named; 2: it could not be read.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/store/audit_verifier.h"
#include "services/provisioning/store/database_url.h"

namespace {

using namespace stratus;
using provisioning::store::AuditVerifier;

constexpr absl::Duration kBusyTimeout = absl::Seconds(10);
constexpr size_t kLineBytesMax = 64 << 10;

absl::Status VerifyFile(const std::string& path, AuditVerifier* verifier) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::UnavailableError(absl::StrCat("cannot read ", path));
  std::string line;
  for (int64_t number = 1; std::getline(file, line); ++number) {
    const std::string where = absl::StrCat(path, ":", number);
    if (line.size() > kLineBytesMax) return absl::DataLossError(absl::StrCat(where, ": it is too long for a record"));
    if (absl::Status status = verifier->Add(line, where); !status.ok()) return status;
  }
  return file.bad() ? absl::UnavailableError(absl::StrCat("cannot read ", path)) : absl::OkStatus();
}

absl::Status VerifyStore(const std::string& url, AuditVerifier* verifier) {
  auto database = provisioning::store::OpenDatabase(url, 1, kBusyTimeout);
  if (!database.ok()) return database.status();
  auto connection = (*database)->Reader();
  if (!connection.ok()) return connection.status();
  return VerifyStoredAudit(**connection, verifier);
}

absl::StatusOr<std::string> StoreUrl(const std::string& data_dir) {
  const char* url = std::getenv("DATABASE_URL");
  if (data_dir.empty() && url != nullptr && *url != '\0') return std::string(url);
  const std::string path = absl::StrCat(data_dir.empty() ? ".run/data" : data_dir, "/provisioning.db");
  std::error_code error;
  if (std::filesystem::exists(path, error)) return absl::StrCat("sqlite:", path);
  return absl::UnavailableError(absl::StrCat(path,
                                             " is not there: name a store by DATABASE_URL or --data-dir, or "
                                             "copies by --file"));
}

absl::Status Verify(const std::string& data_dir, const std::vector<std::string>& files, AuditVerifier* verifier) {
  if (files.empty()) {
    const absl::StatusOr<std::string> url = StoreUrl(data_dir);
    return url.ok() ? VerifyStore(*url, verifier) : url.status();
  }
  for (const std::string& file : files) {
    if (absl::Status status = VerifyFile(file, verifier); !status.ok()) return status;
  }
  return verifier->Finish();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Verifies the audit log of the provisioning service", "stratus-audit");
  app.require_subcommand(1);
  CLI::App* verify = app.add_subcommand("verify", "Reads every record, and names the first that is broken");
  std::string data_dir;
  std::vector<std::string> files;
  CLI::Option* folder = verify->add_option("--data-dir", data_dir, "The service's data folder, with its own database");
  verify
      ->add_option(
          "--file", files,
          "A copy that --audit-file made; repeatable: those of all replicas, and those that were rotated away, "
          "make one log")
      ->excludes(folder);
  CLI11_PARSE(app, argc, argv);

  AuditVerifier verifier(/*from_start=*/files.empty());
  const absl::Status status = Verify(data_dir, files, &verifier);
  if (status.ok()) {
    std::cout << "whole: " << verifier.records() << " records of " << verifier.tenants() << " tenants\n";
    return 0;
  }
  std::cerr << "stratus-audit: " << core::ToStd(status.message()) << "\n";
  return absl::IsDataLoss(status) ? 1 : 2;
}
