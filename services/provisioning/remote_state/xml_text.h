// The text of an element in the small, flat XML of AWS's answers.
#pragma once

#include <string>
#include <string_view>

namespace stratus::provisioning::remote_state {

// Of the first `<NAME>...</`; empty without one. Entities stay as they are: what is read here has none.
inline std::string_view XmlText(std::string_view xml, std::string_view name) {
  const std::string open = std::string("<").append(name).append(">");
  const size_t begin = xml.find(open);
  if (begin == xml.npos) return "";
  const size_t end = xml.find("</", begin);
  return end == xml.npos ? "" : xml.substr(begin + open.size(), end - begin - open.size());
}

}  // namespace stratus::provisioning::remote_state
