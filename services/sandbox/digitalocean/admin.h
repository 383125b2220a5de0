// /admin/digitalocean, which the real one has not:
//
//   GET   what there is, of all accounts (Api::Report)
//   POST  {create_ms_min, create_ms_max, boot_ms_min, boot_ms_max, calls_per_hour, release_stuck} -> the behaviour that
//         now holds; what is left out stays as it is
#pragma once

#include "services/sandbox/digitalocean/api.h"
#include "services/sandbox/router.h"

namespace stratus::sandbox::digitalocean {

// `api` outlives the router's use.
void AddAdminRoutes(Router* router, Api* api);

}  // namespace stratus::sandbox::digitalocean
