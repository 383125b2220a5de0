#include "services/provisioning/egress/record.h"

#include <algorithm>
#include <charconv>

namespace stratus::provisioning::egress {
namespace {

void AppendField(std::string_view name, const std::string& value, std::string* line) {
  if (!value.empty()) line->append(" ").append(name).append("=").append(value);
}

std::string_view TakeWord(std::string_view* text) {
  const size_t end = std::min(text->find(' '), text->size());
  const std::string_view word = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return word;
}

bool SetField(std::string_view word, Record* record) {
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = word.substr(0, equals);
  const std::string_view value = word.substr(equals + 1);
  if (name == "count") {
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), record->count);
    return error == std::errc() && end == value.data() + value.size();
  }
  if (name == "target") record->target = value;
  if (name == "address") record->address = value;
  if (name == "class") record->address_class = value;
  return true;
}

}  // namespace

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kConnected: return "connected";
    case Outcome::kHost: return "host";
    case Outcome::kAddress: return "address";
    case Outcome::kUnresolved: return "unresolved";
    case Outcome::kUnreachable: return "unreachable";
    case Outcome::kMalformed: return "malformed";
    case Outcome::kTooMany: return "too_many";
  }
  return "";
}

std::string ToLine(const Record& record) {
  std::string line(OutcomeName(record.outcome));
  AppendField("count", std::to_string(record.count), &line);
  AppendField("target", record.target, &line);
  AppendField("address", record.address, &line);
  AppendField("class", record.address_class, &line);
  return line;
}

std::optional<Record> ParseRecord(std::string_view line) {
  const std::string_view name = TakeWord(&line);
  const auto* outcome =
      std::find_if(kOutcomes.begin(), kOutcomes.end(), [&](Outcome known) { return OutcomeName(known) == name; });
  if (outcome == kOutcomes.end()) return std::nullopt;
  Record record;
  record.outcome = *outcome;
  while (!line.empty()) {
    if (!SetField(TakeWord(&line), &record)) return std::nullopt;
  }
  return record;
}

}  // namespace stratus::provisioning::egress
