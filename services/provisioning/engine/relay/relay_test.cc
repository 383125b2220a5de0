// stratus-relay in a network namespace of the test's own, with a real program as its command.
#include <gmock/gmock.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace stratus::relay {
namespace {

constexpr uint16_t kPort = 14001;
constexpr int kWaitMs = 60'000;  // only bounds a failure

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Socket() { Close(); }

  int fd() const { return fd_; }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  bool Send(const std::string& bytes) const {
    return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  void EndSending() const { shutdown(fd_, SHUT_WR); }
  std::string ReceiveAll() const {
    std::string text;
    char block[65536];
    for (pollfd wait = {fd_, POLLIN, 0}; poll(&wait, 1, kWaitMs) == 1;) {
      const ssize_t got = recv(fd_, block, sizeof(block), 0);
      if (got <= 0) return text;
      text.append(block, static_cast<size_t>(got));
    }
    ADD_FAILURE() << "nothing more came";
    return text;
  }

 private:
  int fd_;
};

// Answers each connection with what it has got, once that has ended.
class EchoServer {
 public:
  explicit EchoServer(const std::string& path) : listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(listener_.fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_.fd(), 512), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~EchoServer() {
    shutdown(listener_.fd(), SHUT_RDWR);
    thread_.join();
    for (std::thread& thread : connections_) thread.join();
  }

 private:
  void Serve() {
    for (;;) {
      const int fd = accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      connections_.emplace_back([fd] {
        const Socket client(fd);
        client.Send(client.ReceiveAll());
      });
    }
  }

  Socket listener_;
  std::thread thread_;
  std::vector<std::thread> connections_;
};

class RelayTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_EQ(unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET), 0) << strerror(errno);
    const Socket any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request = {};
    strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    ASSERT_EQ(ioctl(any.fd(), SIOCSIFFLAGS, &request), 0) << strerror(errno);
  }

  RelayTest() {
    char folder[] = "/tmp/stratus-relay-XXXXXX";
    folder_ = mkdtemp(folder);
    path_ = folder_ + "/door";
  }
  ~RelayTest() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      AwaitEnd();
    }
    unlink(path_.c_str());
    rmdir(folder_.c_str());
  }

  // Runs a shell's command under a relay.
  void Start(const std::string& command, const std::string& map = "") {
    const std::string option = "--map=" + (map.empty() ? "127.0.0.1:" + std::to_string(kPort) + "=" + path_ : map);
    int out[2];
    ASSERT_EQ(pipe(out), 0);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      close(out[0]);
      close(out[1]);
      execl(STRATUS_RELAY, STRATUS_RELAY, option.c_str(), "--", "/bin/sh", "-c", command.c_str(), nullptr);
      _exit(99);
    }
    close(out[1]);
    out_ = std::make_unique<Socket>(out[0]);
  }

  std::string Line() const {
    std::string line;
    for (char c = 0; read(out_->fd(), &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }

  int AwaitEnd() {
    int status = 0;
    EXPECT_EQ(waitpid(std::exchange(pid_, -1), &status, 0) > 0, true);
    return status;
  }

  static Socket Connect() {
    Socket client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(kPort);
    if (connect(client.fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) client.Close();
    return client;
  }

  std::string folder_;
  std::string path_;
  pid_t pid_ = -1;
  std::unique_ptr<Socket> out_;
};

TEST_F(RelayTest, TheCommandsExitStatusIsTheRelaysOwn) {
  Start("exit 42");
  const int status = AwaitEnd();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST_F(RelayTest, ASignalReachesTheCommandOnceAndItsDeathIsSeenAsItIs) {
  Start("trap 'echo interrupted' INT; echo ready; while :; do read never </dev/null || sleep 0.01; done");
  EXPECT_EQ(Line(), "ready");
  kill(pid_, SIGINT);
  EXPECT_EQ(Line(), "interrupted");
  kill(pid_, SIGTERM);
  const int status = AwaitEnd();
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST_F(RelayTest, CarriesBothWaysAndEachSideMayEndFirst) {
  const EchoServer server(path_);
  Start("echo ready; exec sleep 600");
  ASSERT_EQ(Line(), "ready");
  const Socket client = Connect();
  std::string sent(3 << 20, '\0');
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 >> 3);
  std::thread sender([&] {
    EXPECT_TRUE(client.Send(sent));
    client.EndSending();
  });
  EXPECT_TRUE(client.ReceiveAll() == sent);
  sender.join();
}

TEST_F(RelayTest, ManyConnectionsAtOnceWaitTheirTurn) {
  const EchoServer server(path_);
  Start("echo ready; exec sleep 600");
  ASSERT_EQ(Line(), "ready");
  constexpr int kMany = 300;  // more than it carries at once
  std::vector<Socket> clients;
  for (int i = 0; i < kMany; ++i) {
    clients.push_back(Connect());
    ASSERT_TRUE(clients.back().Send(std::to_string(i)));
  }
  for (int i = 0; i < kMany; ++i) {
    clients[i].EndSending();
    ASSERT_EQ(clients[i].ReceiveAll(), std::to_string(i));
  }
}

TEST_F(RelayTest, ConnectionsThatAreCutCostNothing) {
  const EchoServer server(path_);
  Start("echo ready; exec sleep 600");
  ASSERT_EQ(Line(), "ready");
  for (int i = 0; i < 600; ++i) {
    const Socket client = Connect();
    const linger reset = {1, 0};
    setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    client.Send("x");
  }
  const Socket client = Connect();
  client.Send("still here");
  client.EndSending();
  EXPECT_EQ(client.ReceiveAll(), "still here");
}

TEST_F(RelayTest, ASocketThatComesLaterIsFound) {
  Start("echo ready; exec sleep 600");
  ASSERT_EQ(Line(), "ready");
  EXPECT_EQ(Connect().ReceiveAll(), "");
  const EchoServer server(path_);
  const Socket client = Connect();
  client.Send("now");
  client.EndSending();
  EXPECT_EQ(client.ReceiveAll(), "now");
}

TEST_F(RelayTest, TheHelperEndsWithTheCommand) {
  const EchoServer server(path_);
  Start("echo ready; exec sleep 600");
  ASSERT_EQ(Line(), "ready");
  const Socket client = Connect();
  kill(pid_, SIGKILL);
  AwaitEnd();
  EXPECT_EQ(client.ReceiveAll(), "");  // its end is the helper's
  EXPECT_EQ(Line(), "");               // and nobody else holds the command's output
}

TEST_F(RelayTest, RefusesMapsThatItCannotRead) {
  for (const char* map : {"127.0.0.1:0=/x", "127.0.0.1:70000=/x", "127.0.0.1=/x", "localhost:1=/x", "127.0.0.1:14001=x",
                          "127.0.0.1:14001x=/x", ""}) {
    Start("exit 0", map[0] == '\0' ? "x" : map);
    EXPECT_EQ(WEXITSTATUS(AwaitEnd()), 2) << map;
  }
  Start("exit 0", "192.0.2.1:14001=/x");
  EXPECT_EQ(WEXITSTATUS(AwaitEnd()), 125);
}

}  // namespace
}  // namespace stratus::relay
