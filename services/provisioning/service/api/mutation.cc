#include "services/provisioning/service/api/mutation.h"

#include <openssl/evp.h>

#include <memory>
#include <optional>

#include "absl/strings/escaping.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "services/provisioning/service/api/audit_events.h"
#include "services/provisioning/service/audit_log.h"

namespace stratus::provisioning::service {
namespace {

using google::protobuf::Message;

// SHA-256 of the deterministic serialization, request_id left out.
std::string PayloadHash(const Message& request) {
  const std::unique_ptr<Message> payload(request.New());
  payload->CopyFrom(request);
  if (const auto* field = payload->GetDescriptor()->FindFieldByName("request_id")) {
    payload->GetReflection()->ClearField(payload.get(), field);
  }
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    payload->SerializeToCodedStream(&coded);
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size));
}

// The remembered reply; nullopt: the id is new.
absl::StatusOr<std::optional<std::string>> Recall(store::Transaction& transaction, const Mutation& mutation,
                                                  const std::string& request_id, const std::string& payload_hash) {
  auto row = transaction.GetIdempotency(mutation.caller.tenant, mutation.method, request_id);
  if (!row.ok()) return row.status();
  if (!row->has_value()) return std::nullopt;
  if ((*row)->payload_hash == payload_hash) return std::move((*row)->reply);
  return core::InvalidField("request_id", "was used before with another request: take a new one");
}

void Log(const Mutation& mutation, const std::string& request_id, const absl::Status& result, bool repeated) {
  core::Log(core::Severity::kInfo, "audit",
            {{"method", mutation.method},
             {"tenant", mutation.caller.tenant},
             {"principal", mutation.caller.principal.name()},
             {"resource", mutation.resource},
             {"code", core::CodeName(result.code())},
             {"repeated", repeated},
             {"idempotency_key", request_id},
             {"requestId", mutation.caller.call_id},
             {"traceId", mutation.caller.trace_id}});
}

v1::AuditEvent EventOf(const ApiParts& parts, const Mutation& mutation, const std::string& request_id,
                       const absl::Status& result) {
  v1::AuditEvent event =
      EventOf(mutation.caller, mutation.method, mutation.resource, result, mutation.request, parts.clock->Now());
  event.set_idempotency_key(request_id);
  return event;
}

struct Made {
  std::string reply;
  std::string audit_line;
  bool repeated = false;
};

using Body = absl::FunctionRef<absl::StatusOr<std::string>(store::Transaction&)>;

absl::StatusOr<Made> MutateIn(store::Transaction& transaction, const ApiParts& parts, const Mutation& mutation,
                              const std::string& request_id, Body body) {
  const std::string payload_hash = request_id.empty() ? "" : PayloadHash(mutation.request);
  if (!request_id.empty()) {
    auto recalled = Recall(transaction, mutation, request_id, payload_hash);
    if (!recalled.ok()) return recalled.status();
    if (recalled->has_value()) return Made{.reply = **std::move(recalled), .audit_line = "", .repeated = true};
  }
  absl::StatusOr<std::string> reply = body(transaction);
  if (!reply.ok()) return reply.status();
  if (!request_id.empty()) {
    const absl::Status kept =
        transaction.PutIdempotency({.tenant = mutation.caller.tenant,
                                    .method = std::string(mutation.method),
                                    .request_id = request_id,
                                    .payload_hash = payload_hash,
                                    .reply = *reply,
                                    .expires = parts.clock->Now() + parts.settings.idempotency_lifetime});
    if (!kept.ok()) return kept;
  }
  if (mutation.trial) return Made{.reply = *std::move(reply), .audit_line = ""};
  auto line = transaction.AppendAudit(mutation.caller.tenant, EventOf(parts, mutation, request_id, absl::OkStatus()));
  if (!line.ok()) return line.status();
  return Made{.reply = *std::move(reply), .audit_line = *std::move(line)};
}

}  // namespace

absl::StatusOr<std::string> MutateBytes(const ApiParts& parts, const Mutation& mutation, Body body) {
  const absl::StatusOr<std::string> request_id = RequestIdOf(mutation.caller, mutation.request_id);
  if (!request_id.ok()) return request_id.status();
  Made made;
  const absl::Status status = parts.store->Transact([&](store::Transaction& transaction) -> absl::Status {
    absl::StatusOr<Made> once = MutateIn(transaction, parts, mutation, *request_id, body);
    made = once.ok() ? *std::move(once) : Made();
    return once.status();
  });
  Log(mutation, *request_id, status, made.repeated);
  if (status.ok()) {
    parts.audit->Copy(made.audit_line);
    return std::move(made.reply);
  }
  if (IsRefusal(status)) {
    parts.audit->AppendRefusal(mutation.caller.tenant, EventOf(parts, mutation, *request_id, status));
  }
  return status;
}

}  // namespace stratus::provisioning::service
