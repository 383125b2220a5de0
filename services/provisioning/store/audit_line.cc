#include "services/provisioning/store/audit_line.h"

#include <openssl/evp.h>

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "lib/core/status.h"

namespace stratus::provisioning::store {
namespace {

constexpr size_t kHashHex = 64;
constexpr std::string_view kHashKey = R"(,"hash":")";
constexpr std::string_view kEnd = R"("})";

std::string Sha256Hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size));
}

std::string Quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string MakeAuditLine(std::string_view tenant, std::string_view previous_hash, v1::AuditEvent event) {
  event.clear_name();
  event.clear_hash();
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(event, &json).ok()) json.clear();  // ReadAuditLine refuses it
  std::string line =
      absl::StrCat(R"({"tenant":)", Quoted(tenant), R"(,"previousHash":)", Quoted(previous_hash), R"(,"event":)", json);
  const std::string hash = Sha256Hex(line);
  absl::StrAppend(&line, core::ToAbsl(kHashKey), hash, core::ToAbsl(kEnd));
  return line;
}

absl::StatusOr<AuditRecord> ReadAuditLine(std::string_view line) {
  constexpr size_t kTail = kHashKey.size() + kHashHex + kEnd.size();
  if (line.size() < kTail || !line.ends_with(kEnd) || !line.substr(line.size() - kTail).starts_with(kHashKey)) {
    return absl::DataLossError("it is not a record of the audit log, or was cut");
  }
  AuditRecord record;
  record.hash = line.substr(line.size() - kEnd.size() - kHashHex, kHashHex);
  if (Sha256Hex(line.substr(0, line.size() - kTail)) != record.hash) {
    return absl::DataLossError("it was changed: its hash is not that of its text");
  }
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("event")) return absl::DataLossError("it is not a record of the audit log");
  record.tenant = json.value("tenant", "");
  record.previous_hash = json.value("previousHash", "");
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // of a newer program
  const auto parsed = google::protobuf::util::JsonStringToMessage(json["event"].dump(), &record.event, options);
  if (!parsed.ok()) return absl::DataLossError("its event cannot be read");
  record.event.set_name(absl::StrCat("auditEvents/", record.event.sequence()));
  record.event.set_hash(record.hash);
  return record;
}

}  // namespace stratus::provisioning::store
