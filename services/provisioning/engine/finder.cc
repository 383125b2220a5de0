#include "services/provisioning/engine/finder.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/core/config_loader.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/finder_listing.h"
#include "services/provisioning/engine/finder_match.h"
#include "stratus/config/v1/finder.pb.h"

namespace stratus::provisioning::engine {
namespace {

using config::v1::FinderMatch;
using config::v1::FinderResource;
using nlohmann::json;

constexpr core::ConfigBound kBounds[] = {
    {"resources.settle_time", 0, 600}, {"resources.creation.before", 0, 3600}, {"resources.creation.after", 0, 86400}};

bool IsPointer(const std::string& text) {
  // RFC 6901: `~` only as `~0` and `~1`.
  if (!absl::StartsWith(text, "/")) return false;
  for (size_t i = text.find('~'); i != text.npos; i = text.find('~', i + 1)) {
    if (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1')) return false;
  }
  return true;
}

absl::Status CheckMatch(const FinderMatch& match) {
  if (match.attribute().empty()) return absl::InvalidArgumentError("a `match` has no `attribute`");
  if (match.fields().empty() || !std::all_of(match.fields().begin(), match.fields().end(), IsPointer)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the `fields` of `", match.attribute(), "` must be JSON pointers, one at least"));
  }
  if ((match.compare() == FinderMatch::COMPARE_CONTAINS) == match.element().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("`element` of `", match.attribute(), "` goes with COMPARE_CONTAINS, and only with it"));
  }
  return absl::OkStatus();
}

absl::Status CheckResource(const FinderResource& resource) {
  if (resource.type().empty()) return absl::InvalidArgumentError("a resource has no `type`");
  const auto refuse = [&](absl::string_view reason) {
    return absl::InvalidArgumentError(absl::StrCat(resource.type(), ": ", reason));
  };
  if (resource.list().empty()) return refuse("`list` is missing");
  if (resource.page_parameter().empty()) return refuse("`page_parameter` is missing");
  if (!resource.has_settle_time()) return refuse("`settle_time` is missing");
  for (const std::string* pointer :
       {&resource.items(), &resource.next_page(), &resource.total(), &resource.import_id()}) {
    if (!IsPointer(*pointer)) return refuse("`items`, `next_page`, `total` and `import_id` must be JSON pointers");
  }
  if (resource.has_creation() && !IsPointer(resource.creation().field())) {
    return refuse("`creation.field` must be a JSON pointer");
  }
  for (const FinderMatch& match : resource.match()) {
    if (absl::Status status = CheckMatch(match); !status.ok()) return refuse(status.message());
  }
  const bool has_required = std::any_of(resource.match().begin(), resource.match().end(),
                                        [](const FinderMatch& match) { return match.required(); });
  return has_required ? absl::OkStatus() : refuse("no `match` is `required`: anything would match");
}

absl::Status CheckProvider(const config::v1::Finder& provider) {
  if (!absl::StartsWith(provider.base_url(), "https://") && !absl::StartsWith(provider.base_url(), "http://")) {
    return absl::InvalidArgumentError("`base_url` must be an http or https URL");
  }
  if (provider.token_variable().empty()) return absl::InvalidArgumentError("`token_variable` is missing");
  for (const FinderResource& resource : provider.resources()) {
    if (absl::Status status = CheckResource(resource); !status.ok()) return status;
  }
  return absl::OkStatus();
}

class YamlFinder final : public Finder {
 public:
  explicit YamlFinder(http_client::Client* client) : client_(client) {}

  absl::Status Add(const std::string& path) {
    auto provider = std::make_shared<config::v1::Finder>();
    const core::ConfigOptions options{.bounds = {std::begin(kBounds), std::end(kBounds)}};
    if (absl::Status status = core::LoadConfig(path, options, provider.get()); !status.ok()) return status;
    if (absl::Status status = CheckProvider(*provider); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": ", status.message()));
    }
    for (const FinderResource& resource : provider->resources()) {
      if (!entries_.emplace(resource.type(), Entry{provider, &resource}).second) {
        return absl::InvalidArgumentError(absl::StrCat(path, ": ", resource.type(), " is described already"));
      }
    }
    return absl::OkStatus();
  }

  bool Knows(std::string_view resource_type) const override { return entries_.contains(resource_type); }

  absl::Duration SettleTime(std::string_view resource_type) const override {
    const auto found = entries_.find(resource_type);
    if (found == entries_.end()) return absl::ZeroDuration();
    const google::protobuf::Duration& time = found->second.resource->settle_time();
    return absl::Seconds(time.seconds()) + absl::Nanoseconds(time.nanos());
  }

  absl::StatusOr<std::vector<Found>> Find(const std::vector<Lost>& lost, const Environment& environment,
                                          absl::Time deadline) override {
    // Each list is read once, however many of its type are lost.
    std::map<std::string, json> lists;
    std::vector<Found> all;
    for (const Lost& one : lost) {
      const auto entry = entries_.find(one.resource_type);
      if (entry == entries_.end()) {
        return absl::InvalidArgumentError(
            absl::StrCat(one.address, ": nobody knows how to look for a ", one.resource_type));
      }
      const json planned = json::parse(one.planned_json, nullptr, false);
      if (!planned.is_object()) return absl::InvalidArgumentError(one.address + ": the planned values are no object");
      if (absl::Status status = CheckPlanned(*entry->second.resource, planned); !status.ok()) {
        return core::Error(status.code(), absl::StrCat(one.address, ": ", status.message()));
      }
      if (!lists.contains(one.resource_type)) {
        absl::StatusOr<json> items = Fetch(entry->second, environment, deadline);
        if (!items.ok()) return items.status();
        lists[one.resource_type] = *std::move(items);
      }
      absl::StatusOr<Found> found = Pick(*entry->second.resource, one, planned, lists[one.resource_type]);
      if (!found.ok()) return found.status();
      all.push_back(*std::move(found));
    }
    return all;
  }

 private:
  struct Entry {
    std::shared_ptr<const config::v1::Finder> provider;
    const FinderResource* resource;
  };

  absl::StatusOr<json> Fetch(const Entry& entry, const Environment& environment, absl::Time deadline) {
    const config::v1::Finder& provider = *entry.provider;
    const std::string token = environment(provider.token_variable());
    if (token.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("nothing can be looked for without ", provider.token_variable()));
    }
    std::string base_url = environment(provider.base_url_variable());
    if (base_url.empty()) base_url = provider.base_url();
    return FetchAll(client_, *entry.resource, base_url, token, deadline);
  }

  static absl::StatusOr<Found> Pick(const FinderResource& resource, const Lost& lost, const json& planned,
                                    const json& items) {
    Found found{lost.address, {}};
    for (const json& item : items) {
      const absl::StatusOr<bool> matches = Matches(resource, planned, lost.started, item);
      if (!matches.ok()) return matches.status();
      if (!*matches) continue;
      absl::StatusOr<std::string> id = ImportId(resource, item);
      if (!id.ok()) return id.status();
      found.ids.push_back(*std::move(id));
    }
    return found;
  }

  http_client::Client* const client_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Finder>> Finder::Load(const std::string& folder, http_client::Client* client) {
  std::error_code error;
  std::vector<std::string> paths;
  for (const auto& file : std::filesystem::directory_iterator(folder, error)) {
    if (file.path().extension() == ".yaml") paths.push_back(file.path());
  }
  if (error) return absl::NotFoundError(absl::StrCat("cannot read the folder ", folder, ": ", error.message()));
  std::sort(paths.begin(), paths.end());
  auto finder = std::make_unique<YamlFinder>(client);
  for (const std::string& path : paths) {
    if (absl::Status status = finder->Add(path); !status.ok()) return status;
  }
  return finder;
}

}  // namespace stratus::provisioning::engine
