#include "services/provisioning/engine/syscall_filter.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/files.h"

namespace stratus::provisioning::engine {
namespace {

using Context = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

constexpr uint32_t kRefuse = SCMP_ACT_ERRNO(EPERM);
constexpr uint64_t kLow32 = 0xFFFFFFFF;  // what the kernel looks at of an int
constexpr int kTioclinux = 0x541C;       // sys/ioctl.h has TIOCSTI alone

// Other processes; keys; namespaces and mounts; what the kernel takes as programs; files by number; the machine itself.
constexpr std::array kRefused = {
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "process_mrelease",
    "kcmp",
    "pidfd_getfd",
    "move_pages",
    "migrate_pages",
    "keyctl",
    "add_key",
    "request_key",
    "unshare",
    "setns",
    "mount",
    "umount",
    "umount2",
    "pivot_root",
    "chroot",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "kexec_load",
    "kexec_file_load",
    "open_by_handle_at",
    "name_to_handle_at",
    "fanotify_init",
    "lookup_dcookie",
    "quotactl",
    "quotactl_fd",
    "acct",
    "swapon",
    "swapoff",
    "reboot",
    "settimeofday",
    "stime",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "sethostname",
    "setdomainname",
    "syslog",
    "iopl",
    "ioperm",
    "modify_ldt",
    "vhangup",
    "uselib",
    "ustat",
    "sysfs",
    "_sysctl",
    "nfsservctl",
    "vm86",
    "vm86old",
    "memfd_secret",
    "shmget",
    "msgget",
    "semget",
};

// Of AF_INET and AF_INET6, what is not TCP, UDP or ICMP: each would have the kernel load a module of its own.
constexpr std::array<unsigned int, 4> kOddTypes = {SOCK_RDM, SOCK_SEQPACKET, SOCK_DCCP, SOCK_PACKET};
constexpr std::array<unsigned int, 4> kOddProtocols = {IPPROTO_DCCP, IPPROTO_SCTP, IPPROTO_UDPLITE, 115 /* L2TP */};
constexpr uint64_t kTypeBits = 0xF;  // the rest of a socket's type are flags

constexpr std::array<unsigned long, 7> kNamespaceFlags = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                                          CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

class Builder {
 public:
  Builder() : context_(seccomp_init(SCMP_ACT_ALLOW), seccomp_release) {
    if (context_ == nullptr) error_ = ENOMEM;
  }

  void Refuse(const char* call, uint32_t action = kRefuse) { Add(action, call, nullptr, 0); }
  void Refuse(const char* call, scmp_arg_cmp when) { Add(kRefuse, call, &when, 1); }
  void Refuse(const char* call, scmp_arg_cmp one, scmp_arg_cmp two) {
    const std::array both = {one, two};
    Add(kRefuse, call, both.data(), both.size());
  }
  scmp_filter_ctx get() { return context_.get(); }
  int error() const { return error_; }

 private:
  // A call that this architecture does not have needs no rule.
  void Add(uint32_t action, const char* call, const scmp_arg_cmp* when, unsigned int count) {
    const int number = seccomp_syscall_resolve_name(call);
    if (error_ != 0 || number == __NR_SCMP_ERROR) return;
    const int added = seccomp_rule_add_array(context_.get(), action, number, count, when);
    if (added < 0 && added != -EDOM) error_ = -added;
  }

  Context context_;
  int error_ = 0;
};

void RefuseSockets(Builder* builder) {
  // AF_UNIX, AF_INET, AF_INET6 and the routing part of AF_NETLINK are left.
  for (unsigned int family = 0; family < AF_NETLINK; ++family) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6) continue;
    builder->Refuse("socket", SCMP_A0_64(SCMP_CMP_MASKED_EQ, kLow32, family));
  }
  builder->Refuse("socket", SCMP_A0_64(SCMP_CMP_GT, AF_NETLINK, 0));
  builder->Refuse("socket", SCMP_A0_64(SCMP_CMP_EQ, AF_NETLINK, 0), SCMP_A2_64(SCMP_CMP_NE, NETLINK_ROUTE, 0));
  for (const unsigned int family : {AF_INET, AF_INET6}) {
    for (const unsigned int type : kOddTypes) {
      builder->Refuse("socket", SCMP_A0_64(SCMP_CMP_MASKED_EQ, kLow32, family),
                      SCMP_A1_64(SCMP_CMP_MASKED_EQ, kTypeBits, type));
    }
    for (const unsigned int protocol : kOddProtocols) {
      builder->Refuse("socket", SCMP_A0_64(SCMP_CMP_MASKED_EQ, kLow32, family),
                      SCMP_A2_64(SCMP_CMP_MASKED_EQ, kLow32, protocol));
    }
  }
  builder->Refuse("socketpair", SCMP_A0_64(SCMP_CMP_NE, AF_UNIX, 0));
}

// Limits and priorities of another process. Where there are no namespaces the service is of the same uid, and
// Landlock has no word on these. 0 is the caller itself.
void RefuseOthersLimits(Builder* builder) {
  builder->Refuse("prlimit64", SCMP_A0_64(SCMP_CMP_NE, 0, 0), SCMP_A2_64(SCMP_CMP_NE, 0, 0));
  builder->Refuse("setpriority", SCMP_A1_64(SCMP_CMP_NE, 0, 0));
  builder->Refuse("ioprio_set", SCMP_A1_64(SCMP_CMP_NE, 0, 0));
  for (const char* call : {"sched_setscheduler", "sched_setparam", "sched_setattr"}) {
    builder->Refuse(call, SCMP_A0_64(SCMP_CMP_NE, 0, 0));
  }
}

void RefuseByArgument(Builder* builder) {
  for (const unsigned long flag : kNamespaceFlags) {
    builder->Refuse("clone", SCMP_A0_64(SCMP_CMP_MASKED_EQ, flag, flag));
  }
  builder->Refuse("clone3", SCMP_ACT_ERRNO(ENOSYS));
  for (const unsigned int request : {static_cast<unsigned int>(TIOCSTI), static_cast<unsigned int>(kTioclinux)}) {
    builder->Refuse("ioctl", SCMP_A1_64(SCMP_CMP_MASKED_EQ, kLow32, request));
  }
  for (const unsigned int oddity : {ADDR_NO_RANDOMIZE, MMAP_PAGE_ZERO, ADDR_COMPAT_LAYOUT, READ_IMPLIES_EXEC}) {
    builder->Refuse("personality", SCMP_A0_64(SCMP_CMP_MASKED_EQ, oddity, oddity));
  }
}

}  // namespace

absl::StatusOr<std::string> SyscallFilter() {
  Builder builder;
  for (const char* call : kRefused) builder.Refuse(call);
  RefuseSockets(&builder);
  RefuseByArgument(&builder);
  RefuseOthersLimits(&builder);
  int error = builder.error();
  if (error == 0) error = -seccomp_attr_set(builder.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (error == 0) error = -seccomp_attr_set(builder.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a tree, not a list
  const UniqueFd file(memfd_create("filter", MFD_CLOEXEC));
  if (error == 0 && !file) error = errno;
  if (error == 0) error = -seccomp_export_bpf(builder.get(), file.get());
  if (error != 0) {
    errno = error;
    return ErrnoStatus("the filter of system calls");
  }
  return ReadFile(absl::StrCat("/proc/self/fd/", file.get()), size_t{64} << 10);
}

}  // namespace stratus::provisioning::engine
