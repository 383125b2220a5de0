// stratus-egress POLICY JOURNAL: the way out of one step of a run (proxy.h). The shim starts it beside the engine, and
// it ends with the engine. A process of its own, so that what a provider has under way is not cut when the service is
// restarted; outside of the run's sandbox, so that the run cannot reach it but through its sockets.
//
// Descriptors it is given: 3, a pidfd of the engine; from 4 on, the listening sockets, one a door of the policy.
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "services/provisioning/egress/proxy.h"

namespace stratus::provisioning::egress {
namespace {

namespace asio = boost::asio;

constexpr int kEngineFd = 3;
constexpr int kFirstDoorFd = 4;
constexpr std::chrono::seconds kPeriod{5};
constexpr size_t kPolicyBytesMax = size_t{1} << 20;
constexpr uid_t kNobody = 65534;

[[noreturn]] void Fail(const std::string& what) {
  dprintf(STDERR_FILENO, "stratus-egress: %s: %s\n", what.c_str(), strerror(errno));
  _exit(1);
}

// An interrupt is for the engine, which needs the net to end in good order.
void IgnoreSignals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ}) signal(number, SIG_IGN);
}

std::string ReadPolicyText(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) Fail(path);
  std::string text;
  char block[4096];
  ssize_t got = 0;
  while ((got = read(fd, block, sizeof(block))) > 0 && text.size() <= kPolicyBytesMax) {
    text.append(block, static_cast<size_t>(got));
  }
  close(fd);
  if (got != 0) Fail(path);
  return text;
}

void SetLimit(__rlimit_resource resource, rlim_t value) {
  const rlimit limit = {value, value};
  setrlimit(resource, &limit);
}

// It speaks with whoever the run likes: it keeps nothing that it does not need. Its files are open by now.
void GiveUpPrivileges() {
  SetLimit(RLIMIT_CORE, 0);
  SetLimit(RLIMIT_NOFILE, 512);
  SetLimit(RLIMIT_DATA, rlim_t{256} << 20);
  SetLimit(RLIMIT_FSIZE, rlim_t{2} * Journal::kFileBytesMax);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const bool root = geteuid() == 0;
  if (root && (setgroups(0, nullptr) != 0 || setresgid(kNobody, kNobody, kNobody) != 0 ||
               setresuid(kNobody, kNobody, kNobody) != 0)) {
    Fail("giving up root");
  }
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

class Program {
 public:
  Program(Policy policy, int journal_fd)
      : journal_(journal_fd),
        doors_(policy.doors),
        proxy_(&context_, std::move(policy), ResolveBySystem(&context_), &journal_, {}),
        engine_(context_, kEngineFd),
        period_(context_) {}

  [[noreturn]] void Run() {
    for (size_t i = 0; i < doors_.size(); ++i) proxy_.Serve(kFirstDoorFd + static_cast<int>(i), doors_[i]);
    engine_.async_wait(asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code) { End(); });
    AwaitPeriod();
    context_.run();
    End();
  }

 private:
  void AwaitPeriod() {
    period_.expires_after(kPeriod);
    period_.async_wait([this](boost::system::error_code) {
      journal_.EndPeriod();
      AwaitPeriod();
    });
  }

  // At once: a name that is being resolved is not waited for.
  [[noreturn]] void End() {
    journal_.EndPeriod();
    _exit(0);
  }

  asio::io_context context_{1};
  Journal journal_;
  const std::vector<Door> doors_;
  Proxy proxy_;
  asio::posix::stream_descriptor engine_;
  asio::steady_timer period_;
};

}  // namespace
}  // namespace stratus::provisioning::egress

int main(int argc, char** argv) {
  using namespace stratus::provisioning::egress;
  if (argc != 3) {
    dprintf(STDERR_FILENO, "usage: stratus-egress POLICY JOURNAL (started by stratus-shim)\n");
    return 2;
  }
  IgnoreSignals();
  auto policy = ParsePolicy(ReadPolicyText(argv[1]));
  errno = EINVAL;
  if (!policy) Fail(argv[1]);
  const int journal = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (journal < 0) Fail(argv[2]);
  GiveUpPrivileges();
  try {
    Program(*std::move(policy), journal).Run();
  } catch (const std::exception& error) {
    errno = 0;
    Fail(error.what());
  }
}
