#include "services/provisioning/service/state_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/address.h"
#include "lib/core/status.h"

namespace stratus::provisioning {
namespace {

using Environment = std::function<std::optional<std::string>(std::string_view)>;

constexpr size_t kPrefixMax = 256;  // beside it a key has a tenant's name, a stack's id and a suffix; 1024 in all

absl::Status Refused(std::string_view flag, std::string_view value, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat(core::ToAbsl(flag), "=", core::ToAbsl(value), ": ", core::ToAbsl(why)));
}

template <typename Allowed>
bool AllOf(std::string_view text, Allowed allowed) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return allowed(static_cast<unsigned char>(c)); });
}

bool IsBucketName(std::string_view name) {
  return name.size() >= 3 && name.size() <= 63 && AllOf(name, [](unsigned char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '.' || c == '-';
         });
}

bool IsTableName(std::string_view name) {
  return name.size() >= 3 && name.size() <= 255 &&
         AllOf(name, [](unsigned char c) { return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_'; });
}

bool IsRegion(std::string_view name) {
  return !name.empty() && name.size() <= 40 &&
         AllOf(name, [](unsigned char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-'; });
}

bool IsPrefix(std::string_view prefix) {
  const bool plain = AllOf(
      prefix, [](unsigned char c) { return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_' || c == '/'; });
  const std::string bounded = absl::StrCat("/", core::ToAbsl(prefix), "/");
  return prefix.empty() || (plain && prefix.size() <= kPrefixMax && !absl::StrContains(bounded, "//") &&
                            !absl::StrContains(bounded, "/./") && !absl::StrContains(bounded, "/../"));
}

bool IsLoopback(std::string_view host) { return host == "localhost" || host == "[::1]" || host.substr(0, 4) == "127."; }

// `https://HOST[:PORT]`; http where nobody can listen in.
absl::Status CheckEndpoint(std::string_view flag, std::string* endpoint, bool development) {
  if (endpoint->empty()) return absl::OkStatus();
  std::string_view rest = *endpoint;
  const bool tls = rest.starts_with("https://");
  if (!tls && !rest.starts_with("http://")) return Refused(flag, *endpoint, "must be https://HOST[:PORT]");
  rest.remove_prefix(rest.find("//") + 2);
  if (rest.ends_with("/")) {
    rest.remove_suffix(1);
    endpoint->pop_back();
  }
  if (rest.empty() || rest.find_first_of("/?#@ ") != rest.npos) {
    return Refused(flag, *endpoint, "must be https://HOST[:PORT], with nothing behind it");
  }
  const std::string_view host = rest.substr(0, rest.rfind(':') == rest.npos ? rest.size() : rest.rfind(':'));
  if (!tls && !development && !IsLoopback(host)) {
    return Refused(flag, *endpoint, "must be https: states hold secrets");
  }
  return absl::OkStatus();
}

std::string FirstOf(const Environment& environment, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (auto value = environment(name); value && !value->empty()) return *std::move(value);
  }
  return "";
}

// Flags that say something of a bucket that is not used.
absl::Status CheckUnused(const StateFlags& flags) {
  const StateFlags defaults;
  for (const auto& [name, given, usual] :
       {std::tuple("--state-bucket", &flags.bucket, &defaults.bucket),
        std::tuple("--state-prefix", &flags.prefix, &defaults.prefix),
        std::tuple("--state-region", &flags.region, &defaults.region),
        std::tuple("--state-endpoint", &flags.endpoint, &defaults.endpoint),
        std::tuple("--state-lock", &flags.lock, &defaults.lock),
        std::tuple("--state-lock-table", &flags.lock_table, &defaults.lock_table),
        std::tuple("--state-lock-endpoint", &flags.lock_endpoint, &defaults.lock_endpoint),
        std::tuple("--state-kms-key", &flags.kms_key, &defaults.kms_key)}) {
    if (*given != *usual) return Refused(name, *given, "only with --state-backend=s3");
  }
  return absl::OkStatus();
}

absl::Status CheckNames(const StateFlags& flags, const remote_state::Options& options) {
  if (!IsBucketName(options.bucket)) {
    return Refused("--state-bucket", options.bucket, "must be the name of a bucket: 3 to 63 of [a-z0-9.-]");
  }
  if (!IsPrefix(options.prefix)) {
    return Refused("--state-prefix", options.prefix,
                   "must be at most 256 of [A-Za-z0-9._/-], without a slash at either end, or empty");
  }
  if (!IsRegion(options.region)) {
    return Refused("--state-region", options.region, "must be a region, here or as AWS_REGION");
  }
  if (flags.lock == "dynamodb" && !IsTableName(options.lock_table)) {
    return Refused("--state-lock-table", options.lock_table,
                   "must be the name of a DynamoDB table, since --state-lock=dynamodb");
  }
  if (flags.lock != "dynamodb" && !flags.lock_table.empty()) {
    return Refused("--state-lock-table", flags.lock_table, "only with --state-lock=dynamodb");
  }
  const bool printable = AllOf(options.kms_key, [](unsigned char c) { return absl::ascii_isgraph(c) != 0; });
  if (!printable || options.kms_key.size() > 2048) {
    return Refused("--state-kms-key", "...", "must be the id, the alias or the ARN of a key");
  }
  return absl::OkStatus();
}

}  // namespace

void AddStateFlags(CLI::App* app, StateFlags* flags) {
  app->add_option("--state-backend", flags->backend,
                  "Where states are kept: service (in the store), or s3 (in a bucket as well)")
      ->check(CLI::IsMember({"service", "s3"}))
      ->capture_default_str();
  app->add_option("--state-bucket", flags->bucket, "The S3 bucket");
  app->add_option("--state-prefix", flags->prefix, "Of each state's key, PREFIX/TENANT/STACK.tfstate")
      ->capture_default_str();
  app->add_option("--state-region", flags->region, "The bucket's region; default: AWS_REGION");
  app->add_option("--state-endpoint", flags->endpoint, "https://HOST[:PORT] of what speaks like S3; default: AWS");
  app->add_option("--state-lock", flags->lock, "Where a state's lock lies: s3 (beside it), or dynamodb")
      ->check(CLI::IsMember({"s3", "dynamodb"}))
      ->capture_default_str();
  app->add_option("--state-lock-table", flags->lock_table,
                  "The DynamoDB table of the locks, its key a string `LockID`");
  app->add_option("--state-lock-endpoint", flags->lock_endpoint,
                  "https://HOST[:PORT] of what speaks like DynamoDB; default: --state-endpoint, or AWS");
  app->add_option("--state-kms-key", flags->kms_key,
                  "The KMS key that encrypts states in the bucket (SSE-KMS); default: as the bucket is set");
}

absl::StatusOr<std::optional<remote_state::Options>> StateOptionsFrom(const StateFlags& flags,
                                                                      const Environment& environment,
                                                                      bool development) {
  if (flags.backend != "s3") {
    if (absl::Status status = CheckUnused(flags); !status.ok()) return status;
    return std::nullopt;
  }
  remote_state::Options options;
  options.bucket = flags.bucket;
  options.prefix = flags.prefix;
  options.region = !flags.region.empty() ? flags.region : FirstOf(environment, {"AWS_REGION", "AWS_DEFAULT_REGION"});
  options.endpoint =
      !flags.endpoint.empty() ? flags.endpoint : FirstOf(environment, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  options.lock_table = flags.lock == "dynamodb" ? flags.lock_table : "";
  options.lock_endpoint = !flags.lock_endpoint.empty()
                              ? flags.lock_endpoint
                              : FirstOf(environment, {"AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"});
  options.kms_key = flags.kms_key;
  options.credentials = {FirstOf(environment, {"AWS_ACCESS_KEY_ID"}), FirstOf(environment, {"AWS_SECRET_ACCESS_KEY"}),
                         FirstOf(environment, {"AWS_SESSION_TOKEN"})};
  options.environment = environment;
  if (absl::Status status = CheckNames(flags, options); !status.ok()) return status;
  for (const auto& [flag, endpoint] :
       {std::pair("--state-endpoint", &options.endpoint), std::pair("--state-lock-endpoint", &options.lock_endpoint)}) {
    if (absl::Status status = CheckEndpoint(flag, endpoint, development); !status.ok()) return status;
  }
  return options;
}

}  // namespace stratus::provisioning
