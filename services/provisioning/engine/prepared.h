// Folders in which a module has been initialised: one a module digest, engine and provider mirror, made once and then
// copied for each run.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/core/mutex.h"
#include "services/provisioning/engine/catalog.h"
#include "services/provisioning/engine/isolation.h"
#include "services/provisioning/engine/no_state.h"
#include "services/provisioning/engine/process.h"

namespace stratus::provisioning::engine {

// The providers that init installed for the module in a prepared folder: HOST/NAMESPACE/TYPE, in order. What is built
// into the engine is not among them.
absl::StatusOr<std::vector<std::string>> ProvidersIn(const std::string& prepared);

class PreparedFolders {
 public:
  // `mirror` may be empty. The CLI configuration that every engine here gets is written to `folder`.
  // Modules are initialised the way that runs are run, in the strict tier on a network of their own and by `relay`
  // (Engine::Options): what is in them is somebody else's.
  static absl::StatusOr<std::unique_ptr<PreparedFolders>> Create(const std::string& folder, const std::string& tofu,
                                                                 const std::string& mirror, const std::string& relay,
                                                                 const Isolation& isolation);

  // The module's folder, made if it is not there. FAILED_PRECONDITION with the engine's words, `main.tf:3: ...`.
  absl::StatusOr<std::string> Prepare(const ModuleEntry& module);

  // Removes those that nothing needs any more (prepared_sweep.h); those of modules that this process runs stay.
  void Sweep(const std::string& control_folders);

  // For TF_CLI_CONFIG_FILE: the mirror and nothing else.
  const std::string& cli_config() const { return cli_config_; }

 private:
  PreparedFolders(std::string folder, std::string tofu, std::string mirror, std::string relay, Isolation isolation,
                  std::string fingerprint, std::string cli_config);

  std::string KeyOf(const ModuleEntry& module) const;
  absl::Status Make(const ModuleEntry& module, const std::string& target);
  absl::Status Initialise(const std::string& folder);
  absl::Status Validate(const std::string& folder);
  absl::StatusOr<Finished> Run(const std::string& folder, const std::vector<std::string>& arguments,
                               const NoState* state);

  const std::string folder_;
  const std::string tofu_;
  const std::string mirror_;
  const std::string relay_;
  const Isolation isolation_;
  const std::string fingerprint_;  // of the engine and the mirror: another build of a provider has other checksums
  const std::string cli_config_;

  core::Mutex mu_;
  std::set<std::string> ready_ ABSL_GUARDED_BY(mu_);  // keys known to be there; one a module version
};

}  // namespace stratus::provisioning::engine
