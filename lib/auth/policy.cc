#include "lib/auth/policy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::auth {
namespace {

using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using stratus::auth::v1::Authorization;

bool HoldsAny(const std::vector<std::string>& sorted, const std::vector<std::string>& wanted) {
  return std::any_of(wanted.begin(), wanted.end(),
                     [&](const std::string& name) { return std::binary_search(sorted.begin(), sorted.end(), name); });
}

// RFC 6749 section 3.3. It also keeps a scope from breaking out of the quotes in WWW-Authenticate.
bool IsScopeToken(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x21 && c <= 0x7E && c != '"' && c != '\\'; });
}

absl::StatusOr<Policy> ToPolicy(const Authorization& authorization) {
  const bool named = authorization.any_scope_size() + authorization.any_group_size() > 0;
  if (authorization.public_() && named) {
    return absl::InvalidArgumentError("`public` stands together with any_scope or any_group: keep one of them");
  }
  if (!authorization.public_() && !named) {
    return absl::InvalidArgumentError("the authorization is empty: give any_scope, any_group or public");
  }
  Policy policy;
  policy.kind = authorization.public_() ? Policy::Kind::kPublic : Policy::Kind::kRequired;
  for (const std::string& scope : authorization.any_scope()) {
    if (!IsScopeToken(scope)) {
      return absl::InvalidArgumentError(
          "a scope is empty or holds a space, a quote, a backslash or a control character");
    }
    policy.any_scope.push_back(scope);
  }
  for (const std::string& group : authorization.any_group()) {
    if (group.empty()) return absl::InvalidArgumentError("a group is empty");
    policy.any_group.push_back(group);
  }
  return policy;
}

// `a.b.C.M`, `a.b.C.*`: names of letters, digits and underscores, and `*` only as the last of at least two.
bool IsSelector(std::string_view selector) {
  if (absl::EndsWith(core::ToAbsl(selector), ".*")) selector.remove_suffix(2);
  char before = '.';
  for (const char c : selector) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (!letter && !(before != '.' && (digit || c == '.'))) return false;
    before = c;
  }
  return before != '.';
}

bool Matches(std::string_view selector, std::string_view full_name) {
  if (selector.back() != '*') return selector == full_name;
  selector.remove_suffix(1);  // the dot stays: `a.b.*` is not for `a.bc.D`
  return full_name.size() > selector.size() && full_name.substr(0, selector.size()) == selector;
}

// `/pkg.Service/Method` -> `pkg.Service.Method`; empty when it is not of that form.
std::string FullName(std::string_view grpc_path) {
  if (grpc_path.empty() || grpc_path[0] != '/') return "";
  std::string name(grpc_path.substr(1));
  const size_t slash = name.find('/');
  if (slash == std::string::npos || name.find('/', slash + 1) != std::string::npos) return "";
  name[slash] = '.';
  return name;
}

using RuleTable = std::vector<std::pair<std::string, Policy>>;

const Policy* FindRule(const RuleTable& rules, std::string_view full_name) {
  for (const auto& [selector, policy] : rules) {
    if (Matches(selector, full_name)) return &policy;
  }
  return nullptr;
}

absl::Status AppendRules(absl::Span<const Rule> rules, RuleTable* table) {
  const size_t start = table->size();
  for (const Rule& rule : rules) {
    const std::string where = absl::StrCat("authorization rule for `", rule.selector, "`: ");
    if (!IsSelector(rule.selector)) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, "the selector is not of the form pkg.Service.Method, pkg.Service.* or pkg.*"));
    }
    auto policy = ToPolicy(rule.authorization);
    if (!policy.ok()) return absl::InvalidArgumentError(absl::StrCat(where, policy.status().message()));
    const bool twice = std::any_of(table->begin() + static_cast<ptrdiff_t>(start), table->end(),
                                   [&](const auto& other) { return other.first == rule.selector; });
    if (twice) return absl::InvalidArgumentError(absl::StrCat(where, "the selector is given twice"));
    table->emplace_back(rule.selector, *std::move(policy));
  }
  return absl::OkStatus();
}

Policy PolicyOf(const MethodDescriptor& method, const RuleTable& rules) {
  if (method.options().HasExtension(stratus::auth::v1::authorization)) {
    auto policy = ToPolicy(method.options().GetExtension(stratus::auth::v1::authorization));
    return policy.ok() ? *std::move(policy) : Policy{};
  }
  const Policy* rule = FindRule(rules, method.full_name());
  return rule == nullptr ? Policy{} : *rule;
}

Rule PublicRule(std::string selector) {
  Rule rule{std::move(selector), {}};
  rule.authorization.set_public_(true);
  return rule;
}

}  // namespace

bool Policy::Allows(const Principal& principal) const {
  switch (kind) {
    case Kind::kDenied: return false;
    case Kind::kPublic: return true;
    case Kind::kRequired: break;
  }
  return HoldsAny(principal.scopes, any_scope) || HoldsAny(principal.groups, any_group);
}

std::vector<Rule> BuiltInRules() {
  std::vector<Rule> rules = {PublicRule("grpc.health.v1.Health.*"), PublicRule("grpc.reflection.v1.ServerReflection.*"),
                             PublicRule("grpc.reflection.v1alpha.ServerReflection.*")};
  Rule operations{"google.longrunning.Operations.*", {}};
  operations.authorization.add_any_scope("stratus/operations.read");
  rules.push_back(std::move(operations));
  Rule cancel{"google.longrunning.Operations.CancelOperation", {}};
  cancel.authorization.add_any_scope("stratus/runs.cancel");
  rules.push_back(std::move(cancel));
  return rules;
}

absl::StatusOr<PolicyTable> PolicyTable::Compile(absl::Span<const ServiceDescriptor* const> services,
                                                 absl::Span<const Rule> configured_rules) {
  PolicyTable table;
  if (absl::Status status = AppendRules(configured_rules, &table.rules_); !status.ok()) return status;
  if (absl::Status status = AppendRules(BuiltInRules(), &table.rules_); !status.ok()) return status;
  // Stable: a configured rule stays in front of a built-in one of the same length.
  std::stable_sort(table.rules_.begin(), table.rules_.end(),
                   [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  for (const ServiceDescriptor* service : services) {
    for (int i = 0; i < service->method_count(); ++i) {
      const MethodDescriptor& method = *service->method(i);
      std::string path = absl::StrCat("/", service->full_name(), "/", method.name());
      Policy policy = PolicyOf(method, table.rules_);
      if (policy.kind == Policy::Kind::kDenied) table.denied_methods_.push_back(path);
      if (policy.kind == Policy::Kind::kPublic) table.public_methods_.push_back(path);
      table.by_path_.insert_or_assign(std::move(path), std::move(policy));
    }
  }
  return table;
}

const Policy& PolicyTable::Find(std::string_view grpc_path) const {
  static const Policy denied;
  const auto found = by_path_.find(core::ToAbsl(grpc_path));
  if (found != by_path_.end()) return found->second;
  const Policy* rule = FindRule(rules_, FullName(grpc_path));
  return rule == nullptr ? denied : *rule;
}

}  // namespace stratus::auth
