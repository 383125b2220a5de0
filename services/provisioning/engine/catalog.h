// The modules of a folder: `DIR/NAME/*.tf`, with an optional VERSION, APPROVAL and README.md. Variables and outputs are
// read by `stratus-hcl` (Go, hashicorp/hcl/v2 and its ext/typeexpr), once a module; the JSON Schema is made here.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "stratus/provisioning/v1/resources.pb.h"

namespace stratus::provisioning::engine {

struct ModuleEntry {
  v1::Module module;                         // as GetModule gives it
  std::string folder;                        // absolute
  std::vector<std::string> secret_defaults;  // within the defaults of sensitive variables: for redaction, never shown
  std::string digest;  // SHA-256 over the names and contents of its files, in hex: names prepared folders
};

class Catalog {
 public:
  struct Options {
    std::string modules_dir;
    std::string hcl_reader;  // path of stratus-hcl
  };
  // Reads every module. INVALID_ARGUMENT names the file, the line and the reason; a name that is refused
  // (design.md: health, docs, openapi.json, console, v1, api, metrics, traces, favicon.ico), or is not 1..63 of
  // [a-z0-9-] with a letter first, is an error too.
  static absl::StatusOr<std::unique_ptr<Catalog>> Load(const Options& options);

  const std::map<std::string, ModuleEntry, std::less<>>& modules() const { return modules_; }
  // By the bare name (`droplet`). NOT_FOUND names the nearest ones.
  absl::StatusOr<const ModuleEntry*> Find(std::string_view name) const;

 private:
  std::map<std::string, ModuleEntry, std::less<>> modules_;
};

}  // namespace stratus::provisioning::engine
