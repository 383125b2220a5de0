#include "services/provisioning/egress/policy.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include "services/provisioning/egress/journal.h"
#include "services/provisioning/egress/record.h"

namespace stratus::provisioning::egress {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

TEST(Policy, IsReadAsItWasWritten) {
  Policy policy;
  policy.doors = {{}, {ParseTarget("127.0.0.1:8090", 0)}};
  policy.allow = {*ParsePattern("api.example.com:443"), *ParsePattern("*.example.net")};
  policy.networks = {*ParseNetwork("10.0.0.0/8")};
  const std::string text = ToText(policy);
  EXPECT_EQ(
      text,
      "door proxy\ndoor forward 127.0.0.1:8090\nallow api.example.com:443\nallow *.example.net\nnetwork 10.0.0.0/8\n");
  const auto read = ParsePolicy(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(ToText(*read), text);
}

TEST(Policy, RefusesLinesThatItDoesNotKnow) {
  for (const char* text : {"permit a.com\n", "door\n", "door forward localhost:80\n", "allow\n", "allow a.com \n",
                           "network 10.0.0.1/8\n", "\n", "allow a.com\nallow 1.2\n"}) {
    EXPECT_FALSE(ParsePolicy(text)) << text;
  }
  EXPECT_TRUE(ParsePolicy(""));
}

TEST(Record, IsReadAsItWasWritten) {
  const std::string line = ToLine({Outcome::kAddress, 3, "db.example.com:443", "10.0.0.5", "private"});
  EXPECT_EQ(line, "address count=3 target=db.example.com:443 address=10.0.0.5 class=private");
  const auto read = ParseRecord(line);
  ASSERT_TRUE(read);
  EXPECT_EQ(ToLine(*read), line);
  for (const char* bad : {"", "accepted count=1", "host count=x", "host count=1 target"}) {
    EXPECT_FALSE(ParseRecord(bad)) << bad;
  }
}

class JournalTest : public testing::Test {
 protected:
  ~JournalTest() override { close(fd_); }

  std::vector<std::string> Lines() const {
    std::vector<std::string> lines(1);
    char c = 0;
    for (off_t at = 0; pread(fd_, &c, 1, at) == 1; ++at) {
      if (c == '\n') {
        lines.emplace_back();
      } else {
        lines.back() += c;
      }
    }
    lines.pop_back();
    return lines;
  }

  const int fd_ = memfd_create("journal", MFD_CLOEXEC);
  Journal journal_{fd_};
};

TEST_F(JournalTest, CountsTogetherWhatComesTooFast) {
  for (int i = 0; i < 1000; ++i)
    journal_.Add({.outcome = Outcome::kHost, .target = "a.com:443", .address = "", .address_class = ""});
  EXPECT_THAT(Lines(), SizeIs(Journal::kLinesAPeriodMax));
  journal_.EndPeriod();
  ASSERT_THAT(Lines(), SizeIs(Journal::kLinesAPeriodMax + 1));
  EXPECT_EQ(Lines().back(), "host count=984 target=a.com:443");
  journal_.EndPeriod();
  EXPECT_THAT(Lines(), SizeIs(Journal::kLinesAPeriodMax + 1));
}

TEST_F(JournalTest, TheFileHasAnEnd) {
  const Record longest = {
      .outcome = Outcome::kHost, .target = std::string(250, 'a') + ":443", .address = "", .address_class = ""};
  for (int i = 0; i < 20000; ++i) {
    journal_.Add(longest);
    journal_.EndPeriod();
  }
  EXPECT_LE(lseek(fd_, 0, SEEK_END), static_cast<off_t>(Journal::kFileBytesMax));
}

}  // namespace
}  // namespace stratus::provisioning::egress
