// What the API's handlers work with.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "lib/core/clock.h"
#include "services/provisioning/engine/catalog.h"
#include "services/provisioning/service/api/settings.h"
#include "services/provisioning/service/credentials.h"
#include "services/provisioning/store/seal.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::service {

class AuditLog;

using Modules = std::map<std::string, engine::ModuleEntry, std::less<>>;  // as engine::Catalog::modules()

// All outlive the API.
struct ApiParts {
  store::Store* store = nullptr;
  store::Sealer* sealer = nullptr;
  AuditLog* audit = nullptr;
  const Modules* modules = nullptr;
  const Credentials* credentials = nullptr;
  const core::Clock* clock = &core::Clock::Real();
  ApiSettings settings;
  // Hears of a state version that the API has made; may block.
  std::function<void(std::string_view stack_uid)> state_made = [](std::string_view) {};
};

}  // namespace stratus::provisioning::service
