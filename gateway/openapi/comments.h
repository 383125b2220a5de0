// Comments of .proto files, as prose for the document.
#pragma once

#include <string>
#include <string_view>

#include "google/protobuf/descriptor.h"

namespace stratus::gateway::openapi {

// Removes what is not prose: the blank after `//`, lines for linters (`buf:lint:ignore`), parts that AIP-192 marks as
// internal (`(-- ... --)`), blank lines at the ends.
std::string CleanComment(std::string_view raw);

// The comment before a declaration, or else the one behind it; empty where the descriptor set carries none.
template <typename Descriptor>
std::string CommentOf(const Descriptor* descriptor) {
  google::protobuf::SourceLocation location;
  if (!descriptor->GetSourceLocation(&location)) return "";
  const std::string leading = CleanComment(location.leading_comments);
  return leading.empty() ? CleanComment(location.trailing_comments) : leading;
}

// The first paragraph as one line, for a `summary`: without its full stop, and up to the first sentence's end.
std::string SummaryOf(std::string_view comment);

}  // namespace stratus::gateway::openapi
