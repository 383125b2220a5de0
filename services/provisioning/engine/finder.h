// Finds a resource that was being made when the engine died, so that its id is unknown: asks the provider's API for
// what matches the planned values. Described by data, a YAML file a provider (services/provisioning/engine/finders).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/http_client/http_client.h"

namespace stratus::provisioning::engine {

struct Lost {
  std::string address;
  std::string resource_type;
  std::string planned_json;  // `change.after` of the plan that would make it anew
  absl::Time started;        // when the engine began to make it
};

struct Found {
  std::string address;
  // Import ids of what matches: none, one, or several, of which a person must choose.
  std::vector<std::string> ids;
};

class Finder {
 public:
  // `environment` reads a run's provider credentials and endpoints: the same names as the engine gets.
  using Environment = std::function<std::string(std::string_view name)>;

  // Reads every *.yaml of the folder (proto/stratus/config/v1/finder.proto says what may stand there). INVALID_ARGUMENT
  // names the file, the line and the reason; NOT_FOUND: no such folder. `client` outlives the finder.
  static absl::StatusOr<std::unique_ptr<Finder>> Load(const std::string& folder, http_client::Client* client);
  virtual ~Finder() = default;

  // Whether resources of that type can be looked for.
  virtual bool Knows(std::string_view resource_type) const = 0;
  // How long after the engine's death a request of it may still be making something.
  virtual absl::Duration SettleTime(std::string_view resource_type) const = 0;
  // Blocks, at most until `deadline`; every list is read once a call, however many of its type are lost. An error means
  // that nothing is known: try again, never go on. UNAVAILABLE and DEADLINE_EXCEEDED may pass by themselves. The others
  // will not: FAILED_PRECONDITION (no token, a token that is refused, a plan that leaves open what the thing is known
  // by), INVALID_ARGUMENT (a type that is not known, planned values that are no object), INTERNAL (the API answers
  // otherwise than described), RESOURCE_EXHAUSTED (a list too long to be read).
  virtual absl::StatusOr<std::vector<Found>> Find(const std::vector<Lost>& lost, const Environment& environment,
                                                  absl::Time deadline) = 0;
};

}  // namespace stratus::provisioning::engine
