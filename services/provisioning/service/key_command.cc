#include "services/provisioning/service/key_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/core/log.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/process.h"

namespace stratus::provisioning {
namespace {

constexpr size_t kKeyMax = 56;
constexpr size_t kOutputBytesMax = 16 << 10;
constexpr size_t kWordsMax = 200;
constexpr int kNotMine = 65;  // EX_DATAERR
// No id of a key file has a colon: whose a wrapped key is, its id says.
constexpr char kIdPrefix[] = "command:";

std::vector<std::string> ProgramEnvironment() {
  static constexpr const char* kNames[] = {"PATH",        "HOME",          "LANG",        "HTTP_PROXY",
                                           "HTTPS_PROXY", "NO_PROXY",      "http_proxy",  "https_proxy",
                                           "no_proxy",    "SSL_CERT_FILE", "SSL_CERT_DIR"};
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const absl::string_view text = *entry;
    const absl::string_view name = text.substr(0, text.find('='));
    const bool passes = absl::StartsWith(name, "AWS_") ||
                        std::any_of(std::begin(kNames), std::end(kNames), [&](const char* one) { return name == one; });
    if (passes) environment.emplace_back(text);
  }
  return environment;
}

std::string LastLine(const std::string& text) {
  absl::string_view rest = absl::StripAsciiWhitespace(text);
  rest.remove_prefix(rest.rfind('\n') == rest.npos ? 0 : rest.rfind('\n') + 1);
  return absl::CHexEscape(rest.substr(0, kWordsMax));
}

class CommandKeys final : public store::KeyWrapper {
 public:
  CommandKeys(KeyCommand command, std::unique_ptr<store::KeyWrapper> former)
      : command_(std::move(command)), id_(kIdPrefix + command_.key), former_(std::move(former)) {}

  std::string id() const override { return id_; }

  absl::StatusOr<std::string> Wrap(std::string_view data_key) override {
    return WithoutWords(Run("wrap", command_.key, data_key));
  }

  absl::StatusOr<std::string> Unwrap(std::string_view id, std::string_view wrapped) override {
    absl::string_view key = core::ToAbsl(id);
    if (absl::ConsumePrefix(&key, kIdPrefix)) return WithoutWords(Run("unwrap", std::string(key), wrapped));
    if (former_ != nullptr) return former_->Unwrap(id, wrapped);
    return absl::DataLossError(
        absl::StrCat("the key `", absl::CHexEscape(key), "` was in a key file: name that file beside the key command"));
  }

  // OK when the program wraps and unwraps; else what it says.
  absl::Status Try() const {
    const std::string trial = core::RandomHex(16);
    const absl::StatusOr<std::string> wrapped = Run("wrap", command_.key, trial);
    if (!wrapped.ok()) return wrapped.status();
    const absl::StatusOr<std::string> unwrapped = Run("unwrap", command_.key, *wrapped);
    if (!unwrapped.ok()) return unwrapped.status();
    if (*unwrapped == trial && wrapped->find(trial) == std::string::npos) return absl::OkStatus();
    return absl::FailedPreconditionError("the key command does not wrap and unwrap a key");
  }

 private:
  // The program's words may name accounts and users, and a status may reach a tenant.
  static absl::StatusOr<std::string> WithoutWords(absl::StatusOr<std::string> result) {
    if (!absl::IsUnavailable(result.status())) return result;
    core::Log(core::Severity::kError, "the key command fails", {{"reason", core::ToStd(result.status().message())}});
    return absl::UnavailableError("the key that seals what is kept cannot be used now: try again");
  }

  absl::StatusOr<std::string> Run(const std::string& verb, const std::string& key, std::string_view input) const {
    const auto ended = engine::RunProgram({.arguments = {command_.program, verb, key},
                                           .environment = ProgramEnvironment(),
                                           .timeout = command_.time_max,
                                           .output_bytes_max = kOutputBytesMax,
                                           .input = absl::StrCat(absl::Base64Escape(core::ToAbsl(input)), "\n")});
    if (!ended.ok()) return absl::UnavailableError(ended.status().message());
    const std::string what = absl::StrCat("the key command's ", verb, " with the key `", key, "`");
    if (ended->code == kNotMine) return absl::DataLossError(absl::StrCat(what, " says that this is not its own"));
    if (ended->code != 0) {
      return absl::UnavailableError(absl::StrCat(what, " ended with ", ended->code, ": ", LastLine(ended->err)));
    }
    std::string output;
    if (!absl::Base64Unescape(absl::StripAsciiWhitespace(ended->out), &output) || output.empty()) {
      return absl::UnavailableError(absl::StrCat(what, " did not write base64"));
    }
    return output;
  }

  const KeyCommand command_;
  const std::string id_;
  const std::unique_ptr<store::KeyWrapper> former_;
};

absl::Status CheckProgram(const std::string& program) {
  struct stat info = {};
  if (!absl::StartsWith(program, "/")) {
    return absl::InvalidArgumentError(absl::StrCat("the key command `", program, "` must be an absolute path"));
  }
  if (stat(program.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || access(program.c_str(), X_OK) != 0) {
    return absl::FailedPreconditionError(absl::StrCat("the key command ", program, " is not a program"));
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the key command ", program, " can be changed by others than its owner: chmod go-w it"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<store::KeyWrapper>> KeysByCommand(KeyCommand command,
                                                                 std::unique_ptr<store::KeyWrapper> former) {
  if (absl::Status status = CheckProgram(command.program); !status.ok()) return status;
  const bool named = !command.key.empty() && command.key.size() <= kKeyMax && command.key[0] != '-' &&
                     std::all_of(command.key.begin(), command.key.end(), [](unsigned char c) {
                       return absl::ascii_isalnum(c) || std::strchr("._/-", c) != nullptr;
                     });
  if (!named) {
    return absl::InvalidArgumentError(
        absl::StrCat("the key command's key must be 1 to ", kKeyMax, " of [A-Za-z0-9._/-], and not begin with -"));
  }
  auto keys = std::make_unique<CommandKeys>(std::move(command), std::move(former));
  if (absl::Status status = keys->Try(); !status.ok()) return status;
  return keys;
}

}  // namespace stratus::provisioning
