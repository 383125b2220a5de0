#include "services/provisioning/domain/credential_rules.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/core/status.h"
#include "services/provisioning/domain/names.h"

namespace stratus::provisioning::domain {
namespace {

template <typename Range>
bool Contains(const Range& range, std::string_view text) {
  return std::find(range.begin(), range.end(), text) != range.end();
}

template <typename Range>
bool BeginsWithOne(std::string_view text, const Range& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; });
}

bool IsSourcePart(std::string_view part) {
  const auto word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !part.empty() && part.size() <= 63 && word(part.front()) && word(part.back()) &&
         std::all_of(part.begin(), part.end(), [&](char c) { return word(c) || c == '-' || c == '_'; });
}

bool IsCredentialId(std::string_view id) {
  for (const KnownProvider& provider : KnownProviders()) {
    if (id == provider.id) return true;
  }
  const size_t dot = id.find('.');
  if (dot == std::string_view::npos || !IsSourcePart(id.substr(0, dot)) || !IsSourcePart(id.substr(dot + 1))) {
    return false;
  }
  // A listed provider has one name.
  return KnownProviderOf(SourceOfCredentialId(id)) == nullptr;
}

// Names that some listed provider reads, or will in its next release.
bool IsOfKnownProvider(std::string_view name) {
  static constexpr std::array<std::string_view, 3> kPrefixes = {"AWS_", "DIGITALOCEAN_", "SPACES_"};
  return BeginsWithOne(name, kPrefixes);
}

std::string AllowedNames(const KnownProvider& provider) {
  std::string names;
  for (const auto* list : {&provider.required, &provider.optional}) {
    for (const std::string_view name : *list) absl::StrAppend(&names, names.empty() ? "" : ", ", core::ToAbsl(name));
  }
  return names;
}

void CheckName(const KnownProvider* provider, std::string_view name, std::string_view field, Violations* violations) {
  if (provider != nullptr) {
    if (Contains(provider->required, name) || Contains(provider->optional, name)) return;
    return violations->Add(field, absl::StrCat("is none of ", AllowedNames(*provider)));
  }
  if (!IsCredentialVariable(name) || SteersPrograms(name) || IsOfKnownProvider(name)) {
    violations->Add(field,
                    "cannot be set: names are of [A-Z0-9_], and none that changes the engine, how programs are run or "
                    "the network is reached, nor another provider's");
  }
}

}  // namespace

bool KnownProvider::Reads(std::string_view variable) const {
  return Contains(required, variable) || Contains(optional, variable) || Contains(operators, variable);
}

const std::vector<KnownProvider>& KnownProviders() {
  static const auto& providers = *new std::vector<KnownProvider>{
      {"digitalocean",
       "digitalocean/digitalocean",
       {"DIGITALOCEAN_TOKEN"},
       {"SPACES_ACCESS_KEY_ID", "SPACES_SECRET_ACCESS_KEY"},
       {"DIGITALOCEAN_API_URL"},
       "DIGITALOCEAN_API_TOKEN"},
      {"aws",
       "hashicorp/aws",
       {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
       {"AWS_SESSION_TOKEN", "AWS_REGION"},
       {},
       "AWS_ACCESS_KEY_ID in the secrets file"},
  };
  return providers;
}

std::string ProviderSource(std::string_view address) {
  const std::vector<absl::string_view> parts = absl::StrSplit(core::ToAbsl(address), '/');
  if (parts.size() < 2) return std::string(address);
  return absl::StrCat(parts[parts.size() - 2], "/", parts.back());
}

const KnownProvider* KnownProviderOf(std::string_view address) {
  const std::string source = ProviderSource(address);
  for (const KnownProvider& provider : KnownProviders()) {
    if (source == provider.source) return &provider;
  }
  return nullptr;
}

std::string CredentialIdOf(std::string_view address) {
  if (const KnownProvider* known = KnownProviderOf(address)) return std::string(known->id);
  std::string id = ProviderSource(address);
  std::replace(id.begin(), id.end(), '/', '.');
  return id;
}

std::string SourceOfCredentialId(std::string_view id) {
  for (const KnownProvider& provider : KnownProviders()) {
    if (id == provider.id) return std::string(provider.source);
  }
  std::string source(id);
  std::replace(source.begin(), source.end(), '.', '/');
  return source;
}

std::optional<CredentialName> ParseCredentialName(std::string_view name) {
  std::vector<absl::string_view> parts = absl::StrSplit(core::ToAbsl(name), absl::MaxSplits('/', 4));
  CredentialName parsed;
  if (parts.size() == 4 && parts[0] == "stacks" && IsResourceId(core::ToStd(parts[1]))) {
    parsed.stack = std::string(parts[1]);
    parts.erase(parts.begin(), parts.begin() + 2);
  }
  if (parts.size() != 2 || parts[0] != "credentials" || !IsCredentialId(core::ToStd(parts[1]))) return std::nullopt;
  parsed.provider = std::string(parts[1]);
  return parsed;
}

std::string CredentialNameOf(std::string_view stack, std::string_view provider) {
  return absl::StrCat(stack.empty() ? "" : StackName(stack) + "/", "credentials/", core::ToAbsl(provider));
}

bool IsCredentialVariable(std::string_view name) {
  const bool word = !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!word || (name[0] >= '0' && name[0] <= '9')) return false;
  static constexpr std::array<std::string_view, 4> kEngine = {"TF_", "TOFU_", "LD_", "STRATUS_"};
  return !BeginsWithOne(name, kEngine) && name != "PATH" && name != "HOME";
}

bool SteersPrograms(std::string_view name) {
  static constexpr std::array<std::string_view, 14> kPrefixes = {"BASH_",  "CURL_", "DYLD_", "GCONV_", "GIT_",
                                                                 "GLIBC_", "LC_",   "NODE_", "PERL",   "PYTHON",
                                                                 "RUBY",   "SSH_",  "SSL_",  "XDG_"};
  static constexpr std::array<std::string_view, 31> kNames = {"BROWSER",     "CHECKPOINT_DISABLE",
                                                              "CLASSPATH",   "EDITOR",
                                                              "ENV",         "GOCOVERDIR",
                                                              "GODEBUG",     "GOGC",
                                                              "GOMAXPROCS",  "GOMEMLIMIT",
                                                              "GORACE",      "GOTRACEBACK",
                                                              "IFS",         "JAVA_TOOL_OPTIONS",
                                                              "LANG",        "LANGUAGE",
                                                              "LOCPATH",     "LOGNAME",
                                                              "MALLOC_CONF", "NLSPATH",
                                                              "PS4",         "PWD",
                                                              "RES_OPTIONS", "SHELL",
                                                              "SHELLOPTS",   "TEMP",
                                                              "TMP",         "TMPDIR",
                                                              "TZDIR",       "USER",
                                                              "HOSTALIASES"};
  return BeginsWithOne(name, kPrefixes) || Contains(kNames, name) || absl::EndsWith(core::ToAbsl(name), "_PROXY") ||
         absl::EndsWith(core::ToAbsl(name), "_CA_BUNDLE");
}

bool IsPublicVariable(std::string_view name) { return name == "DIGITALOCEAN_API_URL" || name == "AWS_REGION"; }

void CheckCredentialVariables(std::string_view id, const std::map<std::string, std::string>& variables,
                              std::string_view field, Violations* violations) {
  const KnownProvider* provider = KnownProviderOf(SourceOfCredentialId(id));
  if (variables.empty()) violations->Add(field, "must have a variable at least");
  if (variables.size() > kCredentialVariablesMax) {
    violations->Add(field, absl::StrCat("must be at most ", kCredentialVariablesMax));
  }
  size_t bytes = 0;
  for (const auto& [name, value] : variables) {
    bytes += name.size() + value.size();
    // The name may be a value that was put on the wrong side: it is not repeated unless it looks like a name.
    const std::string where =
        IsCredentialVariable(name) ? absl::StrCat(core::ToAbsl(field), ".", name) : std::string(field);
    CheckName(provider, name, where, violations);
    if (value.empty() || value.size() > kCredentialValueBytesMax || value.find('\0') != std::string::npos) {
      violations->Add(where, absl::StrCat("must have 1 to ", kCredentialValueBytesMax, " bytes, none of them NUL"));
    }
  }
  if (bytes > kCredentialBytesMax) {
    violations->Add(field, absl::StrCat("must be at most ", kCredentialBytesMax, " bytes together"));
  }
  if (provider == nullptr) return;
  for (const std::string_view name : provider->required) {
    if (variables.count(std::string(name)) == 0) {
      violations->Add(absl::StrCat(core::ToAbsl(field), ".", core::ToAbsl(name)), "is required");
    }
  }
}

}  // namespace stratus::provisioning::domain
