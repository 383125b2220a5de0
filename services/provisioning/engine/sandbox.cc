#include "services/provisioning/engine/sandbox.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace stratus::provisioning::engine {
namespace {

// Pages of memory that hold files: bounded, because without a cgroup nothing else counts them.
constexpr const char* kTmpBytes = "268435456";
constexpr const char* kShmBytes = "16777216";
constexpr int kUserProcessesMin = 4096;

using Arguments = std::vector<std::string>;

void Add(Arguments* to, std::initializer_list<std::string> what) { to->insert(to->end(), what); }

void AddNamespaces(const Isolation& isolation, const SandboxSpec& spec, Arguments* to) {
  // Root keeps the user namespace of the host until it has become the run's uid: else that uid would be its own.
  if (!isolation.uids) Add(to, {"--unshare-user"});
  Add(to, {"--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "run"});
  if (spec.own_network && isolation.tier == Tier::kStrict) Add(to, {"--unshare-net"});
  // As the first process of its PID namespace, so that who waits for it waits for all: bubblewrap's own would be left
  // to this process to reap.
  if (spec.dies_with_parent) Add(to, {"--die-with-parent", "--as-pid-1"});
  Add(to, {"--cap-drop", "ALL"});
  if (isolation.uids) Add(to, {"--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"});
}

// What every program needs. No passwd, no group: a run is told of nobody but itself. Of /etc/ssl and /etc/pki only what
// is public: private keys lie beside it.
std::vector<std::string> SystemPaths() {
  std::vector<std::string> paths = {"/usr",
                                    "/bin",
                                    "/sbin",
                                    "/lib",
                                    "/lib32",
                                    "/lib64",
                                    "/etc/ssl/certs",
                                    "/etc/ssl/cert.pem",
                                    "/etc/ssl/openssl.cnf",
                                    "/etc/ca-certificates",
                                    "/etc/pki/ca-trust",
                                    "/etc/pki/tls/certs",
                                    "/etc/pki/tls/cert.pem",
                                    "/etc/pki/tls/openssl.cnf",
                                    "/etc/alternatives",
                                    "/etc/ld.so.cache",
                                    "/etc/resolv.conf",
                                    "/etc/hosts",
                                    "/etc/nsswitch.conf",
                                    "/etc/localtime"};
  for (const char* name : {"SSL_CERT_FILE", "SSL_CERT_DIR"}) {
    if (const char* path = std::getenv(name); path != nullptr && path[0] == '/') paths.emplace_back(path);
  }
  return paths;
}

// Bubblewrap makes what is missing above a mount for root alone.
void AddParents(const std::vector<std::string>& paths, Arguments* to) {
  std::set<std::string> parents;
  for (const std::string& path : paths) {
    for (auto at = std::filesystem::path(path).parent_path(); at.has_relative_path(); at = at.parent_path()) {
      parents.insert(at.string());
    }
  }
  for (const std::string& parent : parents) Add(to, {"--perms", "0755", "--dir", parent});
}

void AddSystem(Arguments* to) {
  AddParents({"/etc/any", "/etc/ssl/any", "/etc/pki/tls/any"}, to);
  for (const std::string& path : SystemPaths()) Add(to, {"--ro-bind-try", path, path});
  Add(to, {"--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", kShmBytes, "--tmpfs", "/dev/shm"});
  Add(to, {"--remount-ro", "/dev", "--perms", "1777", "--size", kTmpBytes, "--tmpfs", "/tmp"});
}

// A link is there where it is, and where it leads to: the engine's own links name the latter.
std::vector<Bind> ReadableBinds(const Isolation& isolation, const SandboxSpec& spec) {
  std::vector<std::string> paths = spec.readable;
  paths.insert(paths.end(), {isolation.shim, isolation.filter});
  std::vector<Bind> binds;
  for (const std::string& path : paths) {
    if (path.empty()) continue;
    binds.push_back({path, path});
    std::error_code error;
    const std::string real = std::filesystem::canonical(path, error).string();
    if (!error && real != path) binds.push_back({real, real});
  }
  binds.insert(binds.end(), spec.binds.begin(), spec.binds.end());
  return binds;
}

void AddEntrance(const Isolation& isolation, const SandboxSpec& spec, Arguments* to) {
  Add(to, {isolation.shim, "enter", absl::StrCat("--folder=", spec.work_folder)});
  if (spec.waits_for_go) Add(to, {"--go"});
  if (isolation.tier != Tier::kOff) {
    if (spec.uid != 0) Add(to, {absl::StrCat("--uid=", spec.uid)});
    if (isolation.user_namespace) Add(to, {"--user-namespace"});
    if (isolation.landlock) {
      Add(to, {"--landlock", "--read=/proc", absl::StrCat("--read=", isolation.shim)});
      for (const std::string& path : SystemPaths()) Add(to, {absl::StrCat("--read=", path)});
      for (const std::string& path : spec.readable) Add(to, {absl::StrCat("--read=", path)});
    }
    if (!isolation.filter.empty()) Add(to, {absl::StrCat("--filter=", isolation.filter)});
  }
  const std::pair<const char*, int64_t> limits[] = {{"--processes=", spec.processes},
                                                    {"--memory=", spec.memory_bytes},
                                                    {"--file-size=", spec.file_bytes},
                                                    {"--open-files=", spec.open_files}};
  for (const auto& [option, limit] : limits) {
    if (limit > 0) Add(to, {absl::StrCat(option, limit)});
  }
  if (spec.dies_with_parent) Add(to, {"--waited-for"});
  Add(to, {"--"});
}

void AddBubblewrap(const Isolation& isolation, const SandboxSpec& spec, Arguments* to) {
  Add(to, {isolation.bubblewrap});
  AddNamespaces(isolation, spec, to);
  AddSystem(to);
  const std::vector<Bind> binds = ReadableBinds(isolation, spec);
  std::vector<std::string> places = {spec.work_folder};
  for (const Bind& bind : binds) places.push_back(bind.to);
  AddParents(places, to);
  for (const Bind& bind : binds) Add(to, {"--ro-bind", bind.from, bind.to});
  // Last, as it may lie in one of those: below /tmp, for one.
  Add(to, {"--bind", spec.work_folder, spec.work_folder, "--remount-ro", "/", "--"});
}

}  // namespace

int ProcessesMax(const Isolation& isolation, int wanted) {
  return isolation.bubblewrap.empty() ? std::max(wanted, kUserProcessesMin) : wanted;
}

std::vector<std::string> SandboxCommand(const Isolation& isolation, const SandboxSpec& spec,
                                        const std::vector<std::string>& command) {
  Arguments arguments;
  if (!isolation.bubblewrap.empty()) AddBubblewrap(isolation, spec, &arguments);
  AddEntrance(isolation, spec, &arguments);
  arguments.insert(arguments.end(), spec.command_prefix.begin(), spec.command_prefix.end());
  arguments.insert(arguments.end(), command.begin(), command.end());
  return arguments;
}

}  // namespace stratus::provisioning::engine
