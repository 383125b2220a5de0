#include "gateway/loop/poller.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace stratus::gateway {
namespace {

// One end of a pair of connected sockets, watched; the other end is the test's.
class Watched final : public Poller::Watched {
 public:
  explicit Watched(Poller& poller) : poller_(poller) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) abort();
    fd_ = ends[0];
    peer_ = ends[1];
    EXPECT_TRUE(poller_.Add(fd_, this));
  }
  ~Watched() {
    Remove();
    ClosePeer();
  }

  void Remove() {
    if (fd_ < 0) return;
    poller_.Remove(fd_, this);
    ::close(fd_);
    fd_ = -1;
  }
  void ClosePeer() {
    if (peer_ >= 0) ::close(peer_);
    peer_ = -1;
  }
  void Say(const std::string& text) {
    ASSERT_EQ(::send(peer_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  std::string Hear(int fd) {
    char room[65536];
    const ssize_t got = ::recv(fd, room, sizeof(room), MSG_DONTWAIT);
    return std::string(room, got > 0 ? static_cast<size_t>(got) : 0);
  }
  void Fill() {
    const std::string piece(65536, 'x');
    while (::send(fd_, piece.data(), piece.size(), MSG_DONTWAIT) > 0) {
    }
  }
  void Drain() {
    while (!Hear(peer_).empty()) {
    }
  }

  bool OnReadable(bool ended) override {
    ++readable;
    ended_told = ended_told || ended;
    if (on_readable) on_readable();
    return handles;
  }
  void Handle() override {
    ++handled;
    if (on_handle) on_handle();
  }
  void OnWritable() override { ++writable; }

  Poller& poller_;
  int fd_ = -1;
  int peer_ = -1;
  int readable = 0, handled = 0, writable = 0;
  bool handles = true;
  bool ended_told = false;
  std::function<void()> on_readable, on_handle;
};

class PollerTest : public ::testing::Test {
 protected:
  // Lets everything happen that can happen now.
  void Settle() {
    loop_.restart();
    while (loop_.poll() > 0) {
    }
  }

  boost::asio::io_context loop_{1};
  Poller& poller_ = Poller::Of(loop_);
};

TEST_F(PollerTest, TellsOnceOfWhatHasCome) {
  Watched one(poller_), other(poller_);
  one.Say("hi");
  Settle();
  Settle();
  EXPECT_EQ(one.readable, 1);
  EXPECT_FALSE(one.ended_told);
  EXPECT_EQ(other.readable, 0);
  one.Say("again");
  Settle();
  EXPECT_EQ(one.readable, 2);
}

TEST_F(PollerTest, EverybodyReadsBeforeAnyoneHandles) {
  Watched one(poller_), other(poller_), uninterested(poller_);
  one.on_handle = [&] { EXPECT_EQ(other.readable, 1); };
  other.on_handle = [&] { EXPECT_EQ(one.readable, 1); };
  uninterested.handles = false;
  for (Watched* each : {&one, &other, &uninterested}) each->Say("hi");
  Settle();
  EXPECT_EQ(one.handled, 1);
  EXPECT_EQ(other.handled, 1);
  EXPECT_EQ(uninterested.readable, 1);
  EXPECT_EQ(uninterested.handled, 0);
}

TEST_F(PollerTest, TheRemovedHandleNothing) {
  Watched one(poller_), other(poller_);
  one.on_handle = [&] { other.Remove(); };
  other.on_handle = [&] { one.Remove(); };
  one.Say("hi");
  other.Say("hi");
  Settle();
  EXPECT_EQ(one.readable + other.readable, 2);
  EXPECT_EQ(one.handled + other.handled, 1);
}

TEST_F(PollerTest, TellsOfWhatHadComeBeforeItWatched) {
  Watched first(poller_);
  first.Say("hi");
  poller_.Remove(first.fd_, &first);
  EXPECT_TRUE(poller_.Add(first.fd_, &first));
  Settle();
  EXPECT_EQ(first.readable, 1);
}

TEST_F(PollerTest, TellsOfThePeersEnd) {
  Watched one(poller_);
  one.Say("last words");
  one.ClosePeer();
  Settle();
  EXPECT_TRUE(one.ended_told);
}

TEST_F(PollerTest, TellsOfRoomWhenAsked) {
  Watched one(poller_);
  one.Fill();
  Settle();
  EXPECT_EQ(one.writable, 0);
  poller_.AwaitWritable(one.fd_, &one);
  Settle();
  EXPECT_EQ(one.writable, 0);
  one.Drain();
  Settle();
  EXPECT_EQ(one.writable, 1);
}

TEST_F(PollerTest, TellsOfRoomThatIsThereAlready) {
  Watched one(poller_);
  poller_.AwaitWritable(one.fd_, &one);
  Settle();
  EXPECT_EQ(one.writable, 1);
}

TEST_F(PollerTest, ReadsAgainInTheNextTurn) {
  Watched one(poller_);
  poller_.ReadAgain(&one);
  EXPECT_EQ(one.readable, 0);
  Settle();
  EXPECT_EQ(one.readable, 1);
  EXPECT_EQ(one.handled, 1);
  EXPECT_FALSE(one.ended_told);
}

TEST_F(PollerTest, TheRemovedAreToldNothingOfTheTurnThatIsUnderWay) {
  Watched one(poller_), other(poller_);
  one.on_readable = [&] { other.Remove(); };
  other.on_readable = [&] { one.Remove(); };
  one.Say("hi");
  other.Say("hi");
  poller_.AwaitWritable(one.fd_, &one);
  Settle();
  EXPECT_EQ(one.readable + other.readable, 1);
}

TEST_F(PollerTest, TheRemovedAreNotReadAgain) {
  Watched one(poller_), other(poller_);
  one.on_readable = [&] { other.Remove(); };
  poller_.ReadAgain(&one);
  poller_.ReadAgain(&other);
  Settle();
  EXPECT_EQ(one.readable, 1);
  EXPECT_EQ(other.readable, 0);
}

TEST_F(PollerTest, MoreThanATurnsEventsAreAllTold) {
  std::vector<std::unique_ptr<Watched>> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(std::make_unique<Watched>(poller_));
    all.back()->Say("hi");
  }
  Settle();
  for (const auto& one : all) EXPECT_EQ(one->readable, 1);
}

TEST_F(PollerTest, TheLoopEndsWhenNothingIsWatched) {
  Watched one(poller_);
  one.on_readable = [&] { one.Remove(); };
  one.Say("hi");
  loop_.run();
  EXPECT_EQ(one.readable, 1);
}

TEST_F(PollerTest, WatchesAgainAfterItHadNothingToWatch) {
  Watched one(poller_);
  one.Remove();
  Watched other(poller_);  // in the turn in which the last wait is cancelled
  Settle();
  other.Say("hi");
  Settle();
  EXPECT_EQ(other.readable, 1);
}

TEST_F(PollerTest, SaysSoWhenADescriptorCannotBeWatched) {
  Watched one(poller_);
  const int closed = ::dup(one.fd_);
  ::close(closed);
  EXPECT_FALSE(poller_.Add(closed, &one));
  EXPECT_EQ(errno, EBADF);
}

}  // namespace
}  // namespace stratus::gateway
