// What the daemon has got, to look at:
//   GET /traces            the newest traces: a page, or JSON (?format=json, or Accept: application/json)
//   GET /traces/1-8hex-24hex   one of them, with a timeline
//   DELETE /traces         forgets them all
//   POST /admin/sampling   {fixed_rate, reservoir_size, pages, unprocessed}: the rule that samplers are told, and how
#pragma once

#include "services/sandbox/router.h"
#include "services/sandbox/xray/daemon.h"

namespace stratus::sandbox::xray {

// `daemon` outlives the router's use.
void AddTraceRoutes(Router* router, Daemon* daemon);

}  // namespace stratus::sandbox::xray
