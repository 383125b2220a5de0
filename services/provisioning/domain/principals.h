// Who does something: users, clients and the platform itself, never mistaken for one another.
#pragma once

#include <string>
#include <string_view>

#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::provisioning::domain {

// `users/{sub}` of an issuer. A user called `system` is `users/system`.
v1::Principal UserPrincipal(std::string_view subject, std::string_view display_name, std::string_view issuer);
// `clients/{client id}` of an issuer.
v1::Principal ClientPrincipal(std::string_view client_id, std::string_view issuer);
// The platform: expiry, drift checks.
v1::Principal SystemPrincipal();
// Nobody in particular: authentication is off.
v1::Principal AnonymousPrincipal();
// What was kept as a bare text, of which nobody can tell whose it was. The same principal as nobody.
v1::Principal LegacyPrincipal(std::string_view text);

// The same name of the same issuer. False where either is not known: empty or legacy.
bool SamePrincipal(const v1::Principal& a, const v1::Principal& b);
bool IsUser(const v1::Principal& principal);
// Whether it is certain who it is.
bool IsKnown(const v1::Principal& principal);

}  // namespace stratus::provisioning::domain
