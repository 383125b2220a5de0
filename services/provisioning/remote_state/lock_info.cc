#include "services/provisioning/remote_state/lock_info.h"

#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/core/status.h"

namespace stratus::provisioning::remote_state {
namespace {

// The members stay in their order, which is that of the engine's struct.
using Json = nlohmann::ordered_json;

constexpr char kMaker[] = "stratus";

std::string Text(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// As Go writes JSON.
std::string Dump(const Json& info) {
  return absl::StrReplaceAll(info.dump(-1, ' ', false, Json::error_handler_t::replace),
                             {{"<", "\\u003c"}, {">", "\\u003e"}, {"&", "\\u0026"}});
}

std::string MarkText(const LockMark& mark) {
  return absl::StrCat(kMaker, " stack=", mark.stack_uid, " run=", mark.run_uid, " epoch=", mark.epoch);
}

}  // namespace

std::string LockIdOf(std::string_view lock_info) { return Text(Json::parse(lock_info, nullptr, false), "ID"); }

std::optional<LockMark> MarkOf(std::string_view lock_info) {
  const std::string info = Text(Json::parse(lock_info, nullptr, false), "Info");
  const std::vector<absl::string_view> words = absl::StrSplit(info, ' ');
  LockMark mark;
  if (words.size() < 4 || words[0] != kMaker) return std::nullopt;
  absl::string_view stack = words[1], run = words[2], epoch = words[3];
  if (!absl::ConsumePrefix(&stack, "stack=") || !absl::ConsumePrefix(&run, "run=") ||
      !absl::ConsumePrefix(&epoch, "epoch=") || !absl::SimpleAtoi(epoch, &mark.epoch)) {
    return std::nullopt;
  }
  mark.stack_uid = std::string(stack);
  mark.run_uid = std::string(run);
  return mark;
}

std::string WithMark(std::string_view lock_info, const LockMark& mark, std::string_view path) {
  Json info = Json::parse(lock_info, nullptr, false);
  if (!info.is_object()) return std::string(lock_info);
  const std::string said = Text(info, "Info");
  info["Info"] = said.empty() ? MarkText(mark) : absl::StrCat(MarkText(mark), " ", said);
  info["Path"] = std::string(path);
  return Dump(info);
}

std::string NewLockInfo(std::string_view id, std::string_view operation, absl::Time created) {
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", created, absl::UTCTimeZone());
  return Dump({{"ID", id},
               {"Operation", operation},
               {"Info", ""},
               {"Who", kMaker},
               {"Version", ""},
               {"Created", time},
               {"Path", ""}});
}

std::string RefusalAsLockInfo(std::string_view reason) {
  return Dump({{"ID", ""},
               {"Operation", ""},
               {"Info", reason},
               {"Who", kMaker},
               {"Version", ""},
               {"Created", "0001-01-01T00:00:00Z"},
               {"Path", ""}});
}

}  // namespace stratus::provisioning::remote_state
