#include "lib/program/config_page.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "lib/core/redact.h"
#include "lib/telemetry/json_writer.h"

namespace stratus::program {
namespace {

constexpr size_t kNamesMax = 1000;

std::string ValueOf(const CLI::Option& option) {
  if (option.count() > 0) return absl::StrJoin(option.results(), ",");
  const bool is_switch = option.get_expected_min() == 0;
  return is_switch ? "false" : option.get_default_str();
}

}  // namespace

ConfigPage::ConfigPage(std::string_view program, std::string_view version, const CLI::App& app)
    : program_(program), version_(version), started_(absl::Now()) {
  for (const CLI::Option* option : app.get_options()) {
    if (option == app.get_help_ptr()) continue;
    flags_.emplace_back(option->get_name(), core::Redacted(ValueOf(*option)));
  }
}

Environment ConfigPage::Noting(Environment environment) const {
  return [environment = std::move(environment), asked = asked_](std::string_view name) {
    std::optional<std::string> value = environment(name);
    core::MutexLock lock(asked->mutex);
    if (asked->set.size() < kNamesMax) asked->set[std::string(name)] = value.has_value() && !value->empty();
    return value;
  };
}

void ConfigPage::AddSection(std::string name, std::string json) {
  sections_.emplace_back(std::move(name), std::move(json));
}

std::string ConfigPage::Json() const {
  std::string out;
  {
    telemetry::JsonObject page(&out);
    page.Text("program", program_);
    page.Text("version", version_);
    page.Text("started", absl::FormatTime(absl::RFC3339_sec, started_, absl::UTCTimeZone()));
    page.Raw("flags", [&] {
      telemetry::JsonObject flags(&out);
      for (const auto& [name, value] : flags_) flags.Text(name, value);
    });
    page.Raw("environment", [&] {
      core::MutexLock lock(asked_->mutex);
      telemetry::JsonObject environment(&out);
      for (const auto& [name, set] : asked_->set) environment.Text(name, set ? "set" : "unset");
    });
    for (const auto& [name, json] : sections_) page.Raw(name, [&out, &text = json] { out += text; });
  }
  return out;
}

}  // namespace stratus::program
