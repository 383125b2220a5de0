#include "lib/core/listening.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace stratus::core {
namespace {

class Socket {
 public:
  explicit Socket(int family) : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() { ::close(fd_); }
  int fd() const { return fd_; }

 private:
  const int fd_;
};

Address UnixAddressAt(const std::string& name) {
  Address address;
  address.unix_path = absl::StrCat(::testing::TempDir(), "/", name, ".", ::getpid());
  return address;
}

void Bind(const Socket& socket, const Address& address) {
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  std::strcpy(name.sun_path, address.unix_path.c_str());
  ASSERT_EQ(::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
}

TEST(Listening, NamesTheProgramThatHasThePort) {
  const Socket socket(AF_INET);
  sockaddr_in name = {};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(name);
  ASSERT_EQ(::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&name), size), 0);
  ASSERT_EQ(::listen(socket.fd(), 1), 0);
  ASSERT_EQ(::getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  Address address;
  address.host = "127.0.0.1";
  address.port = ntohs(name.sin_port);
  EXPECT_EQ(ListenerOf(address), absl::StrCat("core_test (pid ", ::getpid(), ")"));
  EXPECT_EQ(CannotListen(address, EADDRINUSE).message(),
            absl::StrCat("cannot listen on ", address.ToString(), ": Address already in use by core_test (pid ",
                         ::getpid(), ")"));
  EXPECT_FALSE(absl::StrContains(CannotListen(address, EACCES).message(), "pid"));
}

TEST(Listening, ASocketThatAnswersIsInUseAndOneLeftOverIsRemoved) {
  const Address address = UnixAddressAt("answers.sock");
  {
    const Socket socket(AF_UNIX);
    Bind(socket, address);
    ASSERT_EQ(::listen(socket.fd(), 0), 0);
    // More than its queue holds: the check must not wait for it.
    for (int i = 0; i < 3; ++i) {
      const absl::Status status = RemoveStaleSocket(address);
      EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
      EXPECT_TRUE(absl::StrContains(status.message(), absl::StrCat("(pid ", ::getpid(), ")"))) << status;
    }
  }
  EXPECT_TRUE(std::filesystem::exists(address.unix_path));
  EXPECT_TRUE(RemoveStaleSocket(address).ok());
  EXPECT_FALSE(std::filesystem::exists(address.unix_path));
  EXPECT_TRUE(RemoveStaleSocket(address).ok()) << "nothing is there";
}

TEST(Listening, WhatIsNoSocketStays) {
  const Address address = UnixAddressAt("file");
  std::ofstream(address.unix_path) << "precious";
  EXPECT_TRUE(RemoveStaleSocket(address).ok());
  EXPECT_TRUE(std::filesystem::exists(address.unix_path));
  std::filesystem::remove(address.unix_path);
}

TEST(Listening, RefusesAPathThatNoSocketCanHave) {
  EXPECT_EQ(RemoveStaleSocket(UnixAddressAt(std::string(200, 'x'))).code(), absl::StatusCode::kUnavailable);
}

TEST(Listening, TheFolderIsLockedOnceAtATime) {
  const Address address = UnixAddressAt("locked.sock");
  const int folder = ::open(::testing::TempDir().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  {
    const auto lock = SocketFolderLock::Take(address);
    ASSERT_TRUE(lock.ok()) << lock.status();
    EXPECT_NE(::flock(folder, LOCK_EX | LOCK_NB), 0);
  }
  EXPECT_EQ(::flock(folder, LOCK_EX | LOCK_NB), 0);
  ::close(folder);
  Address nowhere;
  nowhere.unix_path = "/no/such/folder/x.sock";
  EXPECT_EQ(SocketFolderLock::Take(nowhere).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace stratus::core
