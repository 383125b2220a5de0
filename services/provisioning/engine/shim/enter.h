// stratus-shim enter [--go] --folder=PATH [--uid=N] [--user-namespace] [--landlock [--read=PATH]...] [--filter=PATH]
//                    [--processes=N] [--memory=BYTES] [--file-size=BYTES] [--open-files=N] [--waited-for]
//                    -- PROGRAM ARGS...
//
// The last step into a run's sandbox, in the process that becomes the engine. It leads a session of its own; becomes
// `uid` with no group beside its own; makes a user namespace in which it is nobody else; gives up every capability;
// takes on the filter of system calls; goes to the work folder. Whatever of it fails, the program is not started.
//   --landlock  where there are no namespaces: of the file system only --folder, to write to, and each --read can be
//               reached, and no process but its own can be seen into or signalled
//   --go        descriptor 3 is a socket to the shim: a byte says who is here (the kernel adds the pid, as the shim
//               sees it), and the answer to it lets the program begin. No answer, no program.
//   --waited-for  by who reads its stdout: nothing is left of the program once it has ended, or nobody reads any more.
//               The kernel's own way, a signal at the parent's death, is void where the uid changes
//   --processes, --memory (written, of each process), --file-size, --open-files  rlimits
// Exit codes beside the program's own: 125 no answer, or no reader; 126 what is said on stderr, 127 no such program.
#pragma once

namespace stratus::shim {

// The descriptor of --go.
inline constexpr int kGoFd = 3;

[[noreturn]] void Enter(int argc, char** argv);

}  // namespace stratus::shim
