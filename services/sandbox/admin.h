// The sandbox's own controls under /admin, which none of the services that it stands in for has:
//
//   POST /admin/token    {client_id, scope, ttl_seconds, username, groups, roles_claim, roles, claims}
//                        -> {access_token}
//   POST /admin/clients  {client_id, client_secret, scopes} -> {client_id, client_secret, scopes}
//   POST /admin/rotate[?drop_old=true] -> {kid}
//   POST /admin/faults   {target, kind, status, delay_ms, count, bytes, retry_after}; DELETE clears them all
//   GET  /admin/calls    -> {target: calls since the start}
//
// and those of digitalocean/admin.h.
//
// Bodies have to be labelled application/json: a web page somewhere cannot send that here unasked.
#pragma once

#include "services/sandbox/faults.h"
#include "services/sandbox/issuer.h"
#include "services/sandbox/router.h"

namespace stratus::sandbox {

// Faults and calls. Both outlive the router's use, here and below.
void AddAdminRoutes(Router* router, Faults* faults);
// Tokens, clients and keys.
void AddIssuerAdminRoutes(Router* router, Issuer* issuer);

}  // namespace stratus::sandbox
