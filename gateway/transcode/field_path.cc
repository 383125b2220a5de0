#include "absl/strings/str_cat.h"
#include "gateway/transcode/tables.h"
#include "gateway/transcode/transcode.h"
#include "lib/core/status.h"

namespace stratus::gateway::transcode {

absl::StatusOr<FieldPath> ResolvePath(const MessageTable& message, std::string_view dotted) {
  FieldPath path;
  const MessageTable* within = &message;
  std::string_view rest = dotted;
  for (;;) {
    const size_t dot = rest.find('.');
    const std::string_view name = rest.substr(0, dot);
    const FieldTable* const field = within->ByName(name);
    if (field == nullptr) {
      return core::InvalidField(dotted, absl::StrCat("no field ", core::ToAbsl(name), " in ", within->full_name));
    }
    path.fields.push_back(field);
    if (dot == std::string_view::npos) return path;
    if (field->kind != Kind::kMessage || field->shape != Shape::kSingular) {
      return core::InvalidField(dotted,
                                absl::StrCat(core::ToAbsl(name), " is not a singular message: it has no parts"));
    }
    within = field->message;
    rest = rest.substr(dot + 1);
  }
}

}  // namespace stratus::gateway::transcode
