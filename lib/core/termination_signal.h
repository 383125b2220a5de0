// SIGTERM and SIGINT as something a main() waits for.
//
//   int main() {
//     core::TerminationSignal termination;   // first: threads inherit the mask
//     ... start everything ...
//     termination.Wait();
//     ... drain ...
//   }
#pragma once

#include <csignal>

namespace stratus::core {

class TerminationSignal {
 public:
  // Blocks SIGTERM and SIGINT in this thread and in all that it starts from now on; ignores SIGPIPE, so that a write to
  // a closed socket is an error and not the end of the program.
  TerminationSignal();
  TerminationSignal(const TerminationSignal&) = delete;
  TerminationSignal& operator=(const TerminationSignal&) = delete;

  // Waits for the first of the two and returns its number. After that a second one ends the program at once, so that an
  // impatient Ctrl-C works during a drain.
  int Wait();

 private:
  sigset_t signals_;
};

}  // namespace stratus::core
