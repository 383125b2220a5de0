#include "services/sandbox/digitalocean/world.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/core/random.h"

namespace stratus::sandbox::digitalocean {

std::string Droplet::Urn() const { return absl::StrCat("do:droplet:", id); }

std::string Vpc::Range() const {
  return absl::StrFormat("%d.%d.%d.%d/%d", address >> 24, (address >> 16) & 255, (address >> 8) & 255, address & 255,
                         prefix);
}

std::string NewUuid() {
  std::string hex = core::RandomHex(16);
  hex[12] = '4';
  hex[16] = "89ab"[hex[16] % 4];
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-", hex.substr(16, 4), "-",
                      hex.substr(20));
}

std::string Timestamp(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()); }

}  // namespace stratus::sandbox::digitalocean
