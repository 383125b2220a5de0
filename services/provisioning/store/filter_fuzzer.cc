// Arbitrary filters and page tokens: what a stranger says must never get into the text of a statement.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "services/provisioning/store/filter_sql.h"
#include "services/provisioning/store/page_token.h"

namespace {

using namespace stratus::provisioning::store;  // NOLINT(google-build-using-namespace): one function, one library

// Literals of a statement stand in quotes: with none in it, every value is a parameter.
void CheckText(std::string_view sql) {
  if (sql.find_first_of("'\"\\;") != std::string_view::npos || sql.find("--") != std::string_view::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  SqlBuilder of_stacks, of_runs;
  if (const auto filter = CompileStackFilter(text, &of_stacks); filter.ok()) CheckText(filter->condition);
  if (const auto filter = CompileRunFilter(text, &of_runs); filter.ok()) CheckText(*filter);
  if (const auto position = ReadPageToken({"query"}, text); position.ok()) {
    if (!ReadPageToken({"query"}, MakePageToken({"query"}, *position)).ok()) std::abort();
  }
  return 0;
}
