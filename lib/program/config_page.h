// What `GET /config` of the admin port shows: with which flags, which variables and which configuration a program runs.
//
// Redacted by construction. Of the environment it keeps names alone, those that the program asked for, and whether each
// was set: no value ever gets here. Secrets come by environment or by files, so flags hold paths and addresses; what
// they hold goes through core/redact.h all the same.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "lib/core/mutex.h"

namespace CLI {
class App;
}

namespace stratus::program {

// Looks a variable up; nullopt when it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

class ConfigPage {
 public:
  // `app` has been parsed.
  ConfigPage(std::string_view program, std::string_view version, const CLI::App& app);

  // The same, noting what is asked for. It may outlive the page; from any thread.
  Environment Noting(Environment environment) const;

  // A part of the configuration that has no secrets in it, as JSON. Before the page is served.
  void AddSection(std::string name, std::string json);

  // {"program": ..., "version": ..., "started": ..., "flags": {...}, "environment": {"NAME": "set"}, SECTION: ...}
  std::string Json() const;

 private:
  struct Asked {
    core::Mutex mutex;
    std::map<std::string, bool> set ABSL_GUARDED_BY(mutex);
  };

  const std::string program_;
  const std::string version_;
  const absl::Time started_;
  std::vector<std::pair<std::string, std::string>> flags_;
  std::vector<std::pair<std::string, std::string>> sections_;
  const std::shared_ptr<Asked> asked_ = std::make_shared<Asked>();
};

}  // namespace stratus::program
