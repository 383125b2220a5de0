// Data keys wrapped by a program: how AWS KMS, or any HSM with a command line, holds the key-encryption key.
//
//   PROGRAM wrap KEY     stdin: base64 of the data key      stdout: base64 of what it is wrapped in
//   PROGRAM unwrap KEY   stdin: base64 of that              stdout: base64 of the data key
//
// Exit code 0, within the time limit. 65 (EX_DATAERR) says that this was not wrapped by KEY: DATA_LOSS; any other code,
// that it cannot be told now: UNAVAILABLE, and the last line of stderr in the log. The program gets PATH, HOME, LANG,
// AWS_* and how to reach the net of the service's environment, and nothing else. Data keys never touch a disk on their
// way.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/store/seal.h"

namespace stratus::provisioning {

struct KeyCommand {
  std::string program;  // absolute path; nobody but its owner may write it
  std::string key;      // handed to it, and kept with each wrapped key: 1 to 56 of [A-Za-z0-9._/-]
  absl::Duration time_max = absl::Seconds(20);
};

// `former` (may be null) unwraps what was wrapped before there was a command: the key file's. Wraps and unwraps once to
// see that it works. INVALID_ARGUMENT, FAILED_PRECONDITION and UNAVAILABLE say what does not.
absl::StatusOr<std::unique_ptr<store::KeyWrapper>> KeysByCommand(KeyCommand command,
                                                                 std::unique_ptr<store::KeyWrapper> former);

}  // namespace stratus::provisioning
