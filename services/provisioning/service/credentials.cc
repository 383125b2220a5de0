#include "services/provisioning/service/credentials.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/credential_rules.h"

namespace stratus::provisioning::service {
namespace {

constexpr size_t kFileBytesMax = 1 << 20;

absl::Status Refused(const std::string& file, const YAML::Mark& mark, std::string_view reason) {
  return absl::InvalidArgumentError(
      absl::StrCat(file, ":", mark.line + 1, ":", mark.column + 1, ": ", core::ToAbsl(reason)));
}

// The file through one descriptor, so that what was checked is what is read.
absl::StatusOr<std::string> ReadSecret(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    const auto code = errno == ENOENT ? absl::StatusCode::kNotFound : absl::StatusCode::kPermissionDenied;
    return core::Error(code, absl::StrCat("secrets file ", path, ": ", std::strerror(errno)));
  }
  std::string text;
  absl::Status status;
  struct stat info = {};
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
    status = absl::InvalidArgumentError(absl::StrCat("secrets file ", path, ": not a regular file"));
  } else if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    status = absl::PermissionDeniedError(
        absl::StrCat("secrets file ", path, ": others than its owner may use it; run chmod 600 on it"));
  }
  char block[4096];
  ssize_t got = 0;
  while (status.ok() && (got = read(file, block, sizeof block)) > 0) {
    text.append(block, static_cast<size_t>(got));
    if (text.size() > kFileBytesMax) {
      status = absl::InvalidArgumentError(absl::StrCat("secrets file ", path, ": larger than 1 MiB"));
    }
  }
  if (status.ok() && got < 0) {
    status = absl::PermissionDeniedError(absl::StrCat("secrets file ", path, ": ", std::strerror(errno)));
  }
  close(file);
  if (!status.ok()) return status;
  return text;
}

absl::Status ReadVariables(const std::string& file, const YAML::Node& node, Credentials::Variables* out) {
  if (!node.IsMap()) return Refused(file, node.Mark(), "must be a mapping of variables to values");
  for (const auto& entry : node) {
    if (!entry.first.IsScalar() || !domain::IsCredentialVariable(entry.first.Scalar())) {
      return Refused(file, entry.first.Mark(),
                     "must name an environment variable of a provider: [A-Z0-9_], not TF_*, LD_*, PATH or HOME");
    }
    const std::string& name = entry.first.Scalar();
    if (!entry.second.IsScalar() || entry.second.Scalar().empty()) {
      return Refused(file, entry.second.Mark(), absl::StrCat(name, " must be a non-empty string"));
    }
    if (entry.second.Scalar().find_first_of(std::string_view("\0\n\r", 3)) != std::string::npos) {
      return Refused(file, entry.second.Mark(), absl::StrCat(name, " must be one line"));
    }
    if (!out->emplace(name, entry.second.Scalar()).second) {
      return Refused(file, entry.first.Mark(), absl::StrCat(name, " is given twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadTenants(const std::string& file, const YAML::Node& node,
                         std::map<std::string, Credentials::Variables, std::less<>>* tenants) {
  if (!node.IsMap()) return Refused(file, node.Mark(), "must be a mapping of tenants");
  for (const auto& entry : node) {
    if (!entry.first.IsScalar() || entry.first.Scalar().empty()) {
      return Refused(file, entry.first.Mark(), "must be a tenant's name");
    }
    const auto [at, is_new] = tenants->try_emplace(entry.first.Scalar());
    if (!is_new) return Refused(file, entry.first.Mark(), "this tenant is given twice");
    if (absl::Status status = ReadVariables(file, entry.second, &at->second); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ReadSecrets(const std::string& file, const YAML::Node& root, Credentials::Variables* global,
                         Credentials::Variables* state,
                         std::map<std::string, Credentials::Variables, std::less<>>* tenants) {
  if (root.IsNull()) return absl::OkStatus();
  if (!root.IsMap()) return Refused(file, root.Mark(), "must be a mapping with `global`, `tenants` and `state`");
  for (const auto& entry : root) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    absl::Status status;
    if (key == "state") {
      status = ReadVariables(file, entry.second, state);
    } else if (key == "global") {
      Credentials::Variables given;
      status = ReadVariables(file, entry.second, &given);
      for (auto& [name, value] : given) (*global)[name] = value;
    } else if (key == "tenants") {
      status = ReadTenants(file, entry.second, tenants);
    } else {
      status = Refused(file, entry.first.Mark(), "unknown key; there are `global`, `tenants` and `state`");
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Those of `variables` that the provider reads; of one that is not listed, those that no listed one reads.
Credentials::Variables VariablesOf(const Credentials::Variables& variables, const domain::KnownProvider* known) {
  const auto& listed = domain::KnownProviders();
  Credentials::Variables found;
  for (const auto& [name, value] : variables) {
    const bool reads = known != nullptr
                           ? known->Reads(name)
                           : std::none_of(listed.begin(), listed.end(),
                                          [&, &key = name](const auto& other) { return other.Reads(key); });
    if (reads) found.emplace(name, value);
  }
  return found;
}

// An address or a region alone opens nothing.
bool IsWhole(const Credentials::Variables& variables, const domain::KnownProvider* known) {
  return known == nullptr || variables.count(known->required.front()) > 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Credentials>> Credentials::Load(const Options& options) {
  std::unique_ptr<Credentials> credentials(new Credentials);
  credentials->global_ = options.global;
  credentials->server_use_ = options.server_use;
  if (options.secrets_file.empty()) return credentials;
  absl::StatusOr<std::string> text = ReadSecret(options.secrets_file);
  if (!text.ok()) return text.status();
  absl::Status status;
  try {
    status = ReadSecrets(options.secrets_file, YAML::Load(*text), &credentials->global_, &credentials->state_,
                         &credentials->tenants_);
  } catch (const YAML::Exception& error) {
    // Its message may quote the text: the place has to do.
    status = Refused(options.secrets_file, error.mark, "not YAML that can be read");
  }
  if (!status.ok()) return status;
  return credentials;
}

std::optional<Credentials::Found> Credentials::Find(std::string_view tenant, std::string_view provider) const {
  const domain::KnownProvider* known = domain::KnownProviderOf(provider);
  const auto own = tenants_.find(tenant);
  if (own != tenants_.end()) {
    Found found{v1::CredentialUse::SOURCE_SECRETS_FILE, VariablesOf(own->second, known)};
    // A part of it is not made whole by the server's.
    if (!found.variables.empty()) return IsWhole(found.variables, known) ? std::make_optional(found) : std::nullopt;
    if (known == nullptr) return std::nullopt;
  }
  if (!server_use_.Allows(tenant)) return std::nullopt;
  Found found{v1::CredentialUse::SOURCE_SERVER, VariablesOf(global_, known)};
  if (found.variables.empty() || !IsWhole(found.variables, known)) return std::nullopt;
  return found;
}

bool Credentials::ServerHas(std::string_view provider) const {
  const domain::KnownProvider* known = domain::KnownProviderOf(provider);
  const Variables variables = VariablesOf(global_, known);
  return !variables.empty() && IsWhole(variables, known);
}

Credentials::Variables Credentials::AddressesOf(std::string_view provider) const {
  Variables addresses;
  const domain::KnownProvider* known = domain::KnownProviderOf(provider);
  if (known == nullptr) return addresses;
  for (const std::string_view name : known->operators) {
    if (const auto at = global_.find(name); at != global_.end()) addresses.emplace(at->first, at->second);
  }
  return addresses;
}

ServerCredentialUse DefaultServerCredentialUse(bool development) { return {.everyone = development, .tenants = {}}; }

absl::StatusOr<ServerCredentialUse> ParseServerCredentialUse(std::string_view text) {
  ServerCredentialUse use{.everyone = text == "all", .tenants = {}};
  if (text == "all" || text == "none") return use;
  for (const absl::string_view tenant : absl::StrSplit(core::ToAbsl(text), ',')) {
    if (tenant.empty()) return absl::InvalidArgumentError("must be `all`, `none`, or tenants with commas between");
    use.tenants.emplace(tenant);
  }
  return use;
}

Credentials::Variables GlobalFromEnvironment(const std::function<std::string(std::string_view)>& get) {
  Credentials::Variables variables;
  const auto take = [&](std::string_view from, std::string_view to) {
    if (std::string value = get(from); !value.empty()) variables.emplace(to, std::move(value));
  };
  take("DIGITALOCEAN_API_TOKEN", "DIGITALOCEAN_TOKEN");
  take("DIGITALOCEAN_API_URL", "DIGITALOCEAN_API_URL");
  return variables;
}

}  // namespace stratus::provisioning::service
