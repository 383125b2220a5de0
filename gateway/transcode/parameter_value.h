// One parameter's text as wire format.
#pragma once

#include <string_view>

#include "gateway/transcode/buffer.h"
#include "gateway/transcode/scalar_text.h"
#include "gateway/transcode/tables.h"

namespace stratus::gateway::transcode {

// Appends the field with its tag; a repeated field's one element. Zeros are written too: behind a body, they overrule
// what it says. A message is refused unless its JSON is a string, number or bool.
Reason AppendParameter(const FieldTable& field, std::string_view text, Buffer* out);

// Appends one entry of a map field.
Reason AppendMapParameter(const FieldTable& field, std::string_view key, std::string_view text, Buffer* out);

}  // namespace stratus::gateway::transcode
