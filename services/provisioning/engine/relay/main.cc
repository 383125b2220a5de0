// stratus-relay --map=127.0.0.1:PORT=SOCKET ... -- COMMAND ARGUMENTS...: what a run in a network namespace of its own
// sees of the net: ports of its own loopback that lead to Unix sockets.
//
// It binds the ports, leaves a helper behind that forwards, and becomes COMMAND: so the process, the signals that it
// gets and how it ends are the command's own. The helper ends with it. Both have the run's rights and no others; nobody
// relies on what they do but the run itself.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "services/provisioning/engine/relay/forwarder.h"

namespace stratus::relay {
namespace {

constexpr char kMapOption[] = "--map=";
constexpr int kUsage = 2;
constexpr int kCannotListen = 125;  // as `env` and `timeout` have it: 127 not found, 126 cannot be run
constexpr int kBacklog = 128;

[[noreturn]] void Fail(int code, const char* what) {
  dprintf(STDERR_FILENO, "stratus-relay: %s: %s\n", what, strerror(errno));
  _exit(code);
}

// `127.0.0.1:PORT=SOCKET`; the text is cut into pieces in place.
bool ReadMap(char* text, sockaddr_in* address, Map* map) {
  char* const colon = strchr(text, ':');
  char* const equals = colon == nullptr ? nullptr : strchr(colon, '=');
  if (equals == nullptr || equals[1] != '/') return false;
  *colon = *equals = '\0';
  char* end = nullptr;
  const long port = strtol(colon + 1, &end, 10);
  *address = {};
  address->sin_family = AF_INET;
  address->sin_port = htons(static_cast<uint16_t>(port));
  map->socket = equals + 1;
  return end == equals && port > 0 && port < 65536 && inet_pton(AF_INET, text, &address->sin_addr) == 1;
}

int Listen(const sockaddr_in& address) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 || listen(fd, kBacklog) != 0) {
    Fail(kCannotListen, "listening");
  }
  return fd;
}

// Apart from the command: no terminal, output or signal of its own.
[[noreturn]] void BecomeHelper(const Map* maps, size_t size, int served) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2}) signal(number, SIG_IGN);
  prctl(PR_SET_NAME, "stratus-relay");
  // The shim spares it when a limit ends the run, so it must stay what it is: nobody of its own uid writes to its
  // memory.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) dup2(null, fd);
  Forwarder(maps, size, served).Run();
  _exit(0);
}

// The helper is nobody's child, so that the command waits for none that it does not know.
void StartHelper(const Map* maps, size_t size) {
  const int served = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  if (served < 0) Fail(kCannotListen, "pidfd_open");
  const pid_t first = fork();
  if (first < 0) Fail(kCannotListen, "fork");
  if (first == 0) {
    const pid_t second = fork();
    if (second == 0) BecomeHelper(maps, size, served);
    _exit(second < 0 ? 1 : 0);
  }
  int status = 0;
  while (waitpid(first, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) Fail(kCannotListen, "fork");
}

int Main(int argc, char** argv) {
  static Map maps[kMapsMax];
  size_t size = 0;
  int at = 1;
  for (; at < argc && strncmp(argv[at], kMapOption, strlen(kMapOption)) == 0; ++at) {
    sockaddr_in address;
    if (size == kMapsMax || !ReadMap(argv[at] + strlen(kMapOption), &address, &maps[size])) break;
    maps[size++].listener = Listen(address);
  }
  if (at + 1 >= argc || strcmp(argv[at], "--") != 0) {
    dprintf(STDERR_FILENO, "usage: stratus-relay --map=127.0.0.1:PORT=/SOCKET ... -- COMMAND ARGUMENTS...\n");
    return kUsage;
  }
  if (size > 0) StartHelper(maps, size);
  char** const command = argv + at + 1;
  execvp(command[0], command);
  Fail(errno == ENOENT ? 127 : 126, command[0]);
}

}  // namespace
}  // namespace stratus::relay

int main(int argc, char** argv) { return stratus::relay::Main(argc, argv); }
