#include "services/provisioning/service/api/audit_events.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/empty.pb.h"
#include "google/protobuf/field_mask.pb.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/service/audit_log.h"

namespace stratus::provisioning::service {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Fields of requests, and of the stack or run within, whose values an auditor wants and that hold no secret.
constexpr std::array<std::string_view, 7> kTold = {"plan_hash",       "state_version",           "force", "kind",
                                                   "approval_policy", "other_approver_required", "module"};
constexpr std::array<std::string_view, 2> kWithin = {"stack", "run"};

template <size_t n>
bool IsOneOf(const std::array<std::string_view, n>& names, const FieldDescriptor& field) {
  return std::find(names.begin(), names.end(), field.name()) != names.end();
}

std::string ValueOf(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL: return reflection.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_STRING: return reflection.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* value = field.enum_type()->FindValueByNumber(reflection.GetEnumValue(message, &field));
      return value == nullptr ? "" : value->name();
    }
    default: return "";
  }
}

void Tell(const Message& message, bool whole, std::vector<std::string>* told) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->is_repeated()) continue;
    if (IsOneOf(kTold, *field)) told->push_back(absl::StrCat(field->name(), "=", ValueOf(message, *field)));
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || !whole) continue;
    const Message& inner = message.GetReflection()->GetMessage(message, field);
    if (IsOneOf(kWithin, *field)) Tell(inner, /*whole=*/false, told);
    if (const auto* mask = dynamic_cast<const google::protobuf::FieldMask*>(&inner); mask != nullptr) {
      told->push_back(absl::StrCat("update_mask=", absl::StrJoin(mask->paths(), ",")));
    }
  }
}

}  // namespace

v1::AuditEvent EventOf(const Caller& caller, std::string_view method, std::string_view resource,
                       const absl::Status& result, const Message& request, absl::Time now) {
  std::vector<std::string> told;
  Tell(request, /*whole=*/true, &told);
  v1::AuditEvent event;
  *event.mutable_time() = domain::ToProto(now);
  *event.mutable_principal() = caller.principal;
  event.set_method(std::string(method));
  event.set_resource(AuditText(resource));
  event.set_code(std::string(core::CodeName(result.code())));
  event.set_detail(AuditText(absl::StrJoin(told, " ")));
  event.set_client_address(caller.client_address);
  event.set_request_id(caller.call_id);
  event.set_trace_id(caller.trace_id);
  return event;
}

bool IsRefusal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kResourceExhausted: return true;
    default: return false;
  }
}

absl::Status AuditRead(const ApiParts& parts, const Caller& caller, std::string_view method,
                       const std::string& resource) {
  core::Log(core::Severity::kInfo, "audit",
            {{"method", method},
             {"tenant", caller.tenant},
             {"principal", caller.principal.name()},
             {"resource", resource},
             {"code", "OK"},
             {"requestId", caller.call_id},
             {"traceId", caller.trace_id}});
  return parts.audit->Append(caller.tenant, EventOf(caller, method, resource, absl::OkStatus(),
                                                    google::protobuf::Empty(), parts.clock->Now()));
}

absl::StatusOr<v1::ListAuditEventsResponse> AuditReads::List(const Caller& caller,
                                                             const v1::ListAuditEventsRequest& request) {
  domain::Violations violations;
  store::AuditQuery query;
  query.tenant = caller.tenant;
  query.filter = request.filter();
  query.page = {domain::CheckPageSize(request.page_size(), &violations), request.page_token()};
  if (request.filter().size() > domain::kFilterMax) {
    violations.Add("filter", absl::StrCat("must be at most ", domain::kFilterMax, " characters"));
  }
  if (absl::Status status = violations.ToStatus(); !status.ok()) return status;
  auto listed = parts_.store->ListAuditEvents(query);
  if (!listed.ok()) return listed.status();
  v1::ListAuditEventsResponse response;
  for (v1::AuditEvent& event : listed->rows) response.add_audit_events()->Swap(&event);
  response.set_next_page_token(listed->next_page_token);
  return response;
}

}  // namespace stratus::provisioning::service
