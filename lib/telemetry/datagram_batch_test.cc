#include "lib/telemetry/datagram_batch.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "lib/telemetry/testing/udp_daemon.h"

namespace stratus::telemetry {
namespace {

using Reports = std::vector<std::pair<size_t, int>>;

class DatagramBatchTest : public ::testing::Test {
 protected:
  DatagramBatchTest() : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in& address = daemon_.address();
    EXPECT_EQ(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  ~DatagramBatchTest() override { close(socket_); }

  Reports Send() {
    Reports reports;
    batch_.Send(socket_, [&](size_t spans, int error) { reports.emplace_back(spans, error); });
    EXPECT_TRUE(batch_.empty());
    return reports;
  }

  UdpDaemon daemon_;
  const int socket_;
  DatagramBatch batch_;
};

TEST_F(DatagramBatchTest, SendsEachAsADatagram) {
  batch_.Add("head ", "one", 1);
  batch_.Add("head ", "two", 2);
  batch_.Add("head ", "three", 3);
  EXPECT_EQ(Send(), (Reports{{1, 0}, {2, 0}, {3, 0}}));
  EXPECT_EQ(daemon_.Receive(), "head one");
  EXPECT_EQ(daemon_.Receive(), "head two");
  EXPECT_EQ(daemon_.Receive(), "head three");
}

TEST_F(DatagramBatchTest, SendsOne) {
  batch_.Add("", "one", 1);
  EXPECT_EQ(Send(), (Reports{{1, 0}}));
  EXPECT_EQ(daemon_.Receive(), "one");
}

TEST_F(DatagramBatchTest, IsFullAtItsLimits) {
  for (size_t i = 0; i < DatagramBatch::kDatagramsMax; ++i) {
    EXPECT_FALSE(batch_.full());
    batch_.Add("", "x", 1);
  }
  EXPECT_TRUE(batch_.full());
  EXPECT_EQ(Send().size(), DatagramBatch::kDatagramsMax);
  batch_.Add("", std::string(DatagramBatch::kBytesMax, 'x'), 1);
  EXPECT_TRUE(batch_.full());
}

// Between what went before and what goes after.
TEST_F(DatagramBatchTest, TellsWhichWasTooLarge) {
  batch_.Add("", "before", 1);
  batch_.Add("", std::string(70'000, 'x'), 2);
  batch_.Add("", "after", 3);
  batch_.Add("", "last", 4);
  EXPECT_EQ(Send(), (Reports{{1, 0}, {2, EMSGSIZE}, {3, 0}, {4, 0}}));
  EXPECT_EQ(daemon_.Receive(), "before");
  EXPECT_EQ(daemon_.Receive(), "after");
  EXPECT_EQ(daemon_.Receive(), "last");
}

TEST_F(DatagramBatchTest, TellsOfEachThatNobodyListensTo) {
  daemon_.Close();
  for (size_t count = 1; count <= 5; ++count) {
    Reports refused;
    for (size_t i = 0; i < count; ++i) {
      batch_.Add("", "x", i);
      refused.emplace_back(i, ECONNREFUSED);
    }
    EXPECT_EQ(Send(), refused);
  }
}

TEST_F(DatagramBatchTest, ForgetsWhatIsAbandoned) {
  batch_.Add("", "one", 1);
  batch_.Add("", "two", 2);
  size_t spans = 0;
  batch_.Abandon([&](size_t count) { spans += count; });
  EXPECT_EQ(spans, 3u);
  batch_.Add("", "three", 3);
  EXPECT_EQ(Send(), (Reports{{3, 0}}));
  EXPECT_EQ(daemon_.Receive(), "three");
}

}  // namespace
}  // namespace stratus::telemetry
