#include "services/provisioning/engine/finder_match.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"

namespace stratus::provisioning::engine {
namespace {

using config::v1::FinderMatch;
using config::v1::FinderResource;
using nlohmann::json;

absl::Status Misshapen(const FinderResource& resource, std::string_view what) {
  return absl::InternalError(
      absl::StrCat("the list of ", resource.type(), " is not as described: an item has ", core::ToAbsl(what)));
}

// Null where the item has no such field.
const json* At(const json& item, const std::string& pointer) {
  const json::json_pointer path(pointer);
  return item.contains(path) ? &item.at(path) : nullptr;
}

// A scalar as text, so that an id planned as "42" equals the number that the API gives.
std::string Text(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::set<std::string> LowerCaseSet(const json& value) {
  std::set<std::string> texts;
  if (!value.is_array()) return {absl::AsciiStrToLower(Text(value))};
  for (const json& element : value) texts.insert(absl::AsciiStrToLower(Text(element)));
  return texts;
}

bool Contains(const json& array, const std::string& element) {
  return std::any_of(array.begin(), array.end(), [&](const json& value) { return Text(value) == element; });
}

bool Equal(const FinderMatch& match, const json& planned, const json& is) {
  switch (match.compare()) {
    case FinderMatch::COMPARE_IGNORE_CASE: return LowerCaseSet(planned) == LowerCaseSet(is);
    case FinderMatch::COMPARE_SSH_PUBLIC_KEY:
      return NormalizedPublicKey(Text(planned)) == NormalizedPublicKey(Text(is));
    case FinderMatch::COMPARE_CONTAINS: return planned == json(Contains(is, match.element()));
    default: return planned == is || (planned.is_primitive() && is.is_primitive() && Text(planned) == Text(is));
  }
}

// Null where the plan leaves the attribute open.
const json* Planned(const json& planned, const std::string& attribute) {
  const auto found = planned.find(attribute);
  return found == planned.end() || found->is_null() ? nullptr : &*found;
}

absl::StatusOr<bool> FieldMatches(const FinderResource& resource, const FinderMatch& match, const json& planned,
                                  const json& item) {
  bool seen = false;
  for (const std::string& field : match.fields()) {
    const json* is = At(item, field);
    if (is == nullptr) continue;
    seen = true;
    if (Equal(match, planned, *is)) return true;
  }
  if (!seen) return Misshapen(resource, absl::StrCat("no ", match.fields(0)));
  return false;
}

absl::StatusOr<bool> MadeInTime(const FinderResource& resource, absl::Time started, const json& item) {
  if (!resource.has_creation()) return true;
  const json* field = At(item, resource.creation().field());
  absl::Time created;
  std::string error;
  if (field == nullptr || !field->is_string() ||
      !absl::ParseTime(absl::RFC3339_full, field->get<std::string>(), &created, &error)) {
    return Misshapen(resource, absl::StrCat("no timestamp at ", resource.creation().field()));
  }
  const auto duration = [](const google::protobuf::Duration& value) {
    return absl::Seconds(value.seconds()) + absl::Nanoseconds(value.nanos());
  };
  return created >= started - duration(resource.creation().before()) &&
         created <= started + duration(resource.creation().after());
}

}  // namespace

std::string NormalizedPublicKey(std::string_view text) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(core::ToAbsl(text), absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty());
  return words.size() < 2 ? std::string(absl::StripAsciiWhitespace(core::ToAbsl(text)))
                          : absl::StrCat(words[0], " ", words[1]);
}

absl::Status CheckPlanned(const FinderResource& resource, const json& planned) {
  for (const FinderMatch& match : resource.match()) {
    if (!match.required() || Planned(planned, match.attribute()) != nullptr) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("a ", resource.type(), " cannot be looked for: the plan leaves `", match.attribute(), "` open"));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Matches(const FinderResource& resource, const json& planned, absl::Time started,
                             const json& item) {
  for (const FinderMatch& match : resource.match()) {
    const json* value = Planned(planned, match.attribute());
    if (value == nullptr) continue;
    const absl::StatusOr<bool> equal = FieldMatches(resource, match, *value, item);
    if (!equal.ok() || !*equal) return equal;
  }
  return MadeInTime(resource, started, item);
}

absl::StatusOr<std::string> ImportId(const FinderResource& resource, const json& item) {
  const json* id = At(item, resource.import_id());
  if (id == nullptr || !(id->is_string() || id->is_number_integer()) || Text(*id).empty()) {
    return Misshapen(resource, absl::StrCat("no id at ", resource.import_id()));
  }
  return Text(*id);
}

}  // namespace stratus::provisioning::engine
