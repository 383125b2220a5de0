// Keeps a process to a part of the file system and to its own kind, where there are no namespaces to do it with.
#pragma once

namespace stratus::shim {

// From here on this process and those that it starts can write to `folder` and to devices, read and run what is below
// the `count` paths of `readable` (one that is not there is passed over), and reach nothing else; they can neither look
// into a process that is not under the same restriction, nor signal it, nor connect to its abstract sockets. False,
// with errno, where the kernel cannot do all of that (Linux 6.12 can), or no_new_privs is not set.
bool RestrictTo(const char* folder, const char* const* readable, int count);

}  // namespace stratus::shim
