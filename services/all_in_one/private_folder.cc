#include "services/all_in_one/private_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"

namespace stratus::all_in_one {
namespace {

std::string Parent() {
  for (const char* name : {"XDG_RUNTIME_DIR", "TMPDIR"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "/tmp";
}

}  // namespace

absl::Status PrivateFolder::Create() {
  std::string path = absl::StrCat(Parent(), "/stratus-XXXXXX");
  if (mkdtemp(path.data()) == nullptr) {  // mkdtemp makes it with mode 0700
    return absl::UnavailableError(absl::StrCat("cannot make a folder for sockets at ", path, ": ", strerror(errno)));
  }
  path_ = std::move(path);
  return absl::OkStatus();
}

PrivateFolder::~PrivateFolder() {
  if (path_.empty()) return;
  std::error_code ignored;  // nothing is left to do about it
  std::filesystem::remove_all(path_, ignored);
}

std::string PrivateFolder::SocketAddress(std::string_view name) const {
  return absl::StrCat("unix:", path_, "/", core::ToAbsl(name), ".sock");
}

}  // namespace stratus::all_in_one
