#include "lib/core/ready_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "lib/core/log.h"

namespace stratus::core {

absl::Status WriteReadyFile(const std::string& path, const std::map<std::string, std::string>& addresses) {
  std::string json = "{";
  for (const auto& [name, address] : addresses) {
    if (json.size() > 1) json += ",";
    AppendJsonString(&json, name);
    json += ":";
    AppendJsonString(&json, address);
  }
  json += "}\n";
  const std::string temporary = absl::StrCat(path, ".", getpid());
  {
    std::ofstream file(temporary, std::ios::trunc);
    file << json;
    file.flush();
    if (!file)
      return absl::UnavailableError(absl::StrCat("cannot write ready file ", temporary, ": ", strerror(errno)));
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return absl::UnavailableError(absl::StrCat("cannot write ready file ", path, ": ", strerror(error)));
  }
  return absl::OkStatus();
}

}  // namespace stratus::core
