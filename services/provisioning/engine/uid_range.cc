#include "services/provisioning/engine/uid_range.h"

#include <filesystem>
#include <functional>
#include <set>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/files.h"

namespace stratus::provisioning::engine {
namespace {

namespace fs = std::filesystem;

constexpr size_t kListBytesMax = size_t{64} << 20;
constexpr uint64_t kUidsMin = 16;
constexpr uint64_t kUidMax = 0xFFFFFFFD;  // above are `none` and the overflow of 32 bits

struct Line {
  std::string name;
  uint64_t first = 0;
  uint64_t count = 1;
};

// Of `NAME:x:NUMBER:...`, or, with `ranges`, of `NAME:FIRST:COUNT`. A file that is not there lists nothing.
absl::Status ForEachLine(const std::string& path, bool ranges, const std::function<absl::Status(const Line&)>& visit) {
  const auto text = ReadFile(path, kListBytesMax);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) return text.status();
  for (absl::string_view row : absl::StrSplit(*text, '\n')) {
    const std::vector<std::string> fields = absl::StrSplit(row, ':');
    if (fields.size() < 3) continue;
    Line line{.name = fields[0]};
    if (!absl::SimpleAtoi(fields[ranges ? 1 : 2], &line.first)) continue;
    if (ranges && !absl::SimpleAtoi(fields[2], &line.count)) continue;
    if (absl::Status status = visit(line); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckMapped(const UidRange& range, const std::string& uid_map) {
  const auto text = ReadFile(uid_map, kListBytesMax);
  if (!text.ok()) return text.status();
  for (absl::string_view row : absl::StrSplit(*text, '\n')) {
    const std::vector<std::string> fields = absl::StrSplit(row, ' ', absl::SkipEmpty());
    uint64_t inside = 0, count = 0;
    if (fields.size() != 3 || !absl::SimpleAtoi(fields[0], &inside) || !absl::SimpleAtoi(fields[2], &count)) continue;
    if (range.first >= inside && range.last < inside + count) return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("--isolation-uids=", range.first, "-", range.last,
                   " is not all in this user namespace: take uids that /proc/self/uid_map lists"));
}

// What the runs below `all_runs` have.
std::set<uid_t> UidsTaken(const std::string& all_runs) {
  std::set<uid_t> taken;
  std::error_code error;
  for (fs::directory_iterator at(all_runs, error), end; !error && at != end; at.increment(error)) {
    uid_t uid = 0;
    if (absl::SimpleAtoi(ReadFile(at->path() / "uid", 64).value_or(""), &uid)) taken.insert(uid);
  }
  return taken;
}

}  // namespace

absl::StatusOr<UidRange> ParseUidRange(std::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(core::ToAbsl(text), '-');
  UidRange range;
  if (parts.size() == 2 && absl::SimpleAtoi(parts[0], &range.first) && absl::SimpleAtoi(parts[1], &range.last) &&
      range.first > 0 && range.last >= range.first && range.last <= kUidMax &&
      uint64_t{range.last} - range.first + 1 >= kUidsMin) {
    return range;
  }
  return absl::InvalidArgumentError(absl::StrCat("--isolation-uids=", core::ToAbsl(text),
                                                 " is not FIRST-LAST of at least ", kUidsMin,
                                                 " uids above 0: 70000-70999, for example"));
}

absl::Status CheckUidRange(const UidRange& range, const UidSources& sources) {
  const std::vector<std::pair<std::string, bool>> lists = {
      {sources.passwd, false}, {sources.group, false}, {sources.subuid, true}, {sources.subgid, true}};
  for (const auto& [path, ranges] : lists) {
    const absl::Status status = ForEachLine(path, ranges, [&, &file = path](const Line& line) -> absl::Status {
      if (line.count == 0 || line.first > range.last || line.first + line.count <= range.first) return absl::OkStatus();
      return absl::FailedPreconditionError(absl::StrCat("--isolation-uids=", range.first, "-", range.last, ": ", file,
                                                        " gives some of them to ", line.name, ": take others"));
    });
    if (!status.ok()) return status;
  }
  return CheckMapped(range, sources.uid_map);
}

absl::StatusOr<uid_t> UidOfRun(const UidRange& range, const std::string& all_runs, const std::string& control_folder) {
  const std::string file = control_folder + "/uid";
  uid_t uid = 0;
  if (absl::SimpleAtoi(ReadFile(file, 64).value_or(""), &uid) && uid >= range.first && uid < range.last) return uid;
  const std::set<uid_t> taken = UidsTaken(all_runs);
  // Not the lowest that is free: other services on this machine may have the same range.
  const uint64_t count = range.last - range.first;
  const uint64_t start = std::hash<std::string>{}(control_folder) % count;
  for (uint64_t i = 0; i < count; ++i) {
    uid = range.first + static_cast<uid_t>((start + i) % count);
    if (taken.contains(uid)) continue;
    if (absl::Status status = WriteFile(file, absl::StrCat(uid)); !status.ok()) return status;
    return uid;
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("all uids of --isolation-uids=", range.first, "-", range.last, " are taken"));
}

}  // namespace stratus::provisioning::engine
