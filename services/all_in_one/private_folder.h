// A folder that only this process's user can enter, for the sockets between the parts of stratusd.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace stratus::all_in_one {

class PrivateFolder {
 public:
  PrivateFolder() = default;
  // Removes the folder with what is in it.
  ~PrivateFolder();
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;

  // Makes it, mode 0700, under $XDG_RUNTIME_DIR or $TMPDIR or /tmp.
  absl::Status Create();

  // `unix:FOLDER/NAME.sock`
  std::string SocketAddress(std::string_view name) const;

 private:
  std::string path_;
};

}  // namespace stratus::all_in_one
