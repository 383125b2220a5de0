#include "services/provisioning/service/runtime/run_progress.h"

#include <nlohmann/json.hpp>

namespace stratus::provisioning::service {

std::string ToText(const RunProgress& progress) {
  return nlohmann::json{{"number", progress.number},
                        {"step", progress.step},
                        {"offset", progress.offset},
                        {"data_dir_id", progress.data_dir_id},
                        {"began_ms", absl::ToUnixMillis(progress.began)}}
      .dump();
}

absl::StatusOr<RunProgress> ProgressFromText(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto is = [&json](const char* key, auto member) { return json.contains(key) && (json.at(key).*member)(); };
  using Json = nlohmann::json;
  if (!json.is_object() || !is("number", &Json::is_number_integer) || !is("step", &Json::is_string) ||
      !is("offset", &Json::is_number_integer) || !is("data_dir_id", &Json::is_string) ||
      !is("began_ms", &Json::is_number_integer)) {
    return absl::DataLossError("the run's stored progress cannot be read");
  }
  RunProgress progress;
  progress.number = json["number"].get<int>();
  progress.step = json["step"].get<std::string>();
  progress.offset = json["offset"].get<int64_t>();
  progress.data_dir_id = json["data_dir_id"].get<std::string>();
  progress.began = absl::FromUnixMillis(json["began_ms"].get<int64_t>());
  return progress;
}

}  // namespace stratus::provisioning::service
