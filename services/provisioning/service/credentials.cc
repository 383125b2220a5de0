#include "services/provisioning/service/credentials.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"

namespace stratus::provisioning::service {
namespace {

constexpr size_t kFileBytesMax = 1 << 20;

struct Provider {
  std::string_view source;              // the end of the source address
  std::string_view needed;              // without it there are no credentials
  std::string_view server_variable;     // what the server's administrator sets, where that has another name
  std::vector<std::string_view> names;  // all that the provider reads, `needed` first
};

const std::vector<Provider>& Providers() {
  static const auto& providers = *new std::vector<Provider>{
      {"digitalocean/digitalocean",
       "DIGITALOCEAN_TOKEN",
       "DIGITALOCEAN_API_TOKEN",
       {"DIGITALOCEAN_TOKEN", "DIGITALOCEAN_API_URL", "SPACES_ACCESS_KEY_ID", "SPACES_SECRET_ACCESS_KEY"}},
      {"hashicorp/aws",
       "AWS_ACCESS_KEY_ID",
       "AWS_ACCESS_KEY_ID in the secrets file",
       {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"}},
  };
  return providers;
}

bool EndsWithSegment(std::string_view text, std::string_view end) {
  if (text.size() < end.size() || text.substr(text.size() - end.size()) != end) return false;
  return text.size() == end.size() || text[text.size() - end.size() - 1] == '/';
}

const Provider* FindProvider(std::string_view source) {
  for (const Provider& provider : Providers()) {
    if (EndsWithSegment(source, provider.source)) return &provider;
  }
  return nullptr;
}

bool IsPublic(std::string_view name) { return name == "DIGITALOCEAN_API_URL" || name == "AWS_REGION"; }

// The names of environment variables, and nothing that would change how the engine itself works.
bool IsVariableName(std::string_view name) {
  const bool word = !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!word || (name[0] >= '0' && name[0] <= '9')) return false;
  static constexpr std::array<std::string_view, 4> kEngine = {"TF_", "TOFU_", "LD_", "STRATUS_"};
  const bool engine = std::any_of(kEngine.begin(), kEngine.end(),
                                  [&](std::string_view prefix) { return name.substr(0, prefix.size()) == prefix; });
  return !engine && name != "PATH" && name != "HOME";
}

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
    if (!entry.first.IsScalar() || !IsVariableName(entry.first.Scalar())) {
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

}  // namespace

absl::StatusOr<std::unique_ptr<Credentials>> Credentials::Load(const Options& options) {
  std::unique_ptr<Credentials> credentials(new Credentials);
  credentials->global_ = options.global;
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

const Credentials::Variables* Credentials::SourceOf(std::string_view tenant, const std::vector<std::string_view>& names,
                                                    std::string_view needed) const {
  const auto own = tenants_.find(tenant);
  const auto has_any = [&](const Variables& variables) {
    return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return variables.count(name) > 0; });
  };
  if (own != tenants_.end() && has_any(own->second)) return own->second.count(needed) > 0 ? &own->second : nullptr;
  return global_.count(needed) > 0 ? &global_ : nullptr;
}

std::map<std::string, std::string> Credentials::For(std::string_view tenant, const v1::Module& module) const {
  std::map<std::string, std::string> environment;
  bool others = false;
  for (const std::string& source : module.providers()) {
    const Provider* provider = FindProvider(source);
    if (provider == nullptr) {
      others = true;
      continue;
    }
    const Variables* variables = SourceOf(tenant, provider->names, provider->needed);
    if (variables == nullptr) continue;
    for (std::string_view name : provider->names) {
      if (const auto at = variables->find(name); at != variables->end()) environment.emplace(at->first, at->second);
    }
  }
  if (!others) return environment;
  // A provider that is not listed reads who knows what: whatever the file has that is no listed provider's.
  const auto own = tenants_.find(tenant);
  for (const auto& [name, value] : own != tenants_.end() ? own->second : global_) {
    const bool listed = std::any_of(Providers().begin(), Providers().end(), [&, &key = name](const Provider& provider) {
      return std::find(provider.names.begin(), provider.names.end(), key) != provider.names.end();
    });
    if (!listed) environment.emplace(name, value);
  }
  return environment;
}

std::vector<std::string> Credentials::Secrets(std::string_view tenant, const v1::Module& module) const {
  std::vector<std::string> secrets;
  for (const auto& [name, value] : For(tenant, module)) {
    if (!IsPublic(name)) secrets.push_back(value);
  }
  return secrets;
}

absl::Status Credentials::Check(std::string_view tenant, const v1::Module& module) const {
  for (const std::string& source : module.providers()) {
    const Provider* provider = FindProvider(source);
    if (provider == nullptr || SourceOf(tenant, provider->names, provider->needed) != nullptr) continue;
    const std::string what =
        absl::StrCat(module.name(), " needs credentials of ", core::ToAbsl(provider->source),
                     ", and there are none: set ", core::ToAbsl(provider->server_variable), " for the server, or ",
                     core::ToAbsl(provider->needed), " for this tenant in the secrets file");
    google::rpc::PreconditionFailure failure;
    auto* violation = failure.add_violations();
    violation->set_type("PROVIDER_CREDENTIALS");
    violation->set_subject(std::string(provider->server_variable));
    violation->set_description(what);
    return core::WithDetail(absl::FailedPreconditionError(what), failure);
  }
  return absl::OkStatus();
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
