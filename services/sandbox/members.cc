#include "services/sandbox/members.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::sandbox {

http_server::Response Refuse(const absl::Status& status) {
  return JsonReply(core::HttpStatusOf(status.code()), {{"message", std::string(status.message())}});
}

absl::StatusOr<Members> Members::Parse(const http_server::Request& request) {
  const std::string type = absl::AsciiStrToLower(core::ToAbsl(request.Header("content-type")));
  if (!absl::StartsWith(type, "application/json")) {
    return absl::InvalidArgumentError("the content type must be application/json");
  }
  Json json = Json::parse(request.body, nullptr, false);
  if (!json.is_object()) return absl::InvalidArgumentError("the body must be a JSON object");
  return Members(std::move(json));
}

std::string Members::Text(const char* name) {
  const Json value = Take(name);
  if (value.is_null()) return {};
  if (!value.is_string()) return Complain(name, "a string"), std::string();
  return value.get<std::string>();
}

int64_t Members::Number(const char* name, int64_t standard) {
  const Json value = Take(name);
  if (value.is_null()) return standard;
  if (!value.is_number_integer()) return Complain(name, "a whole number"), standard;
  return value.get<int64_t>();
}

bool Members::Flag(const char* name) {
  const Json value = Take(name);
  if (value.is_null()) return false;
  if (!value.is_boolean()) return Complain(name, "true or false"), false;
  return value.get<bool>();
}

std::vector<std::string> Members::Texts(const char* name) {
  const Json value = Take(name);
  std::vector<std::string> texts;
  if (value.is_null()) return texts;
  if (!value.is_array()) return Complain(name, "an array of strings"), texts;
  for (const Json& item : value) {
    if (!item.is_string()) return Complain(name, "an array of strings"), texts;
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

std::string Members::Object(const char* name) {
  const Json value = Take(name);
  if (value.is_null()) return {};
  if (!value.is_object()) return Complain(name, "an object"), std::string();
  return ToText(value);
}

absl::Status Members::Done() {
  if (status_.ok() && !json_.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("unknown member '", json_.begin().key(), "'"));
  }
  return status_;
}

Json Members::Take(const char* name) {
  const auto found = json_.find(name);
  if (found == json_.end()) return {};
  Json value = std::move(*found);
  json_.erase(found);
  return value;
}

void Members::Complain(const char* name, const char* expected) {
  status_.Update(absl::InvalidArgumentError(absl::StrCat("'", name, "' must be ", expected)));
}

}  // namespace stratus::sandbox
