#include "services/provisioning/engine/uid_range.h"

#include <gmock/gmock.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "lib/core/status.h"
#include "services/provisioning/engine/files.h"

namespace stratus::provisioning::engine {
namespace {

using testing::HasSubstr;

class UidRangeTest : public testing::Test {
 protected:
  UidRangeTest() : root_(testing::TempDir() + "uids-XXXXXX") { EXPECT_NE(mkdtemp(root_.data()), nullptr); }
  ~UidRangeTest() override { EXPECT_TRUE(RemoveFolder(root_).ok()); }

  UidSources Sources() const {
    return {.passwd = root_ + "/passwd",
            .group = root_ + "/group",
            .subuid = root_ + "/subuid",
            .subgid = root_ + "/subgid",
            .uid_map = root_ + "/uid_map"};
  }
  std::string Check(const std::string& file, const std::string& text) const {
    EXPECT_TRUE(WriteFile(root_ + "/uid_map", "         0          0 4294967295\n").ok());
    EXPECT_TRUE(WriteFile(root_ + "/" + file, text).ok());
    const absl::Status status = CheckUidRange({.first = 70000, .last = 70999}, Sources());
    EXPECT_TRUE(WriteFile(root_ + "/" + file, "").ok());
    return std::string(core::ToStd(status.message()));
  }
  std::string Control(const std::string& run) const {
    const std::string folder = root_ + "/control/" + run;
    EXPECT_TRUE(MakeFolder(folder).ok());
    return folder;
  }
  absl::StatusOr<uid_t> UidOf(const std::string& run) const {
    return UidOfRun({.first = 70000, .last = 70016}, root_ + "/control", Control(run));
  }

  std::string root_;
};

TEST_F(UidRangeTest, TakesNumbersInOrderAndNeverRoot) {
  EXPECT_EQ(ParseUidRange("70000-70999")->last, 70999);
  for (const char* text : {"", "70000", "70000-", "-70000", "0-100", "70999-70000", "1-4", "1-4294967295", "a-b"}) {
    EXPECT_FALSE(ParseUidRange(text).ok()) << text;
  }
}

TEST_F(UidRangeTest, IsNobodyElses) {
  EXPECT_EQ(Check("passwd", "root:x:0:0::/root:/bin/sh\nlast:x:71000:71000::/:/bin/sh\n"), "");
  EXPECT_THAT(Check("passwd", "ann:x:70500:100::/home/ann:/bin/sh\n"), HasSubstr("ann"));
  EXPECT_THAT(Check("group", "staff:x:70999:\n"), HasSubstr("staff"));
  EXPECT_THAT(Check("subuid", "ann:65536:65536\n"), HasSubstr("subuid"));
  EXPECT_THAT(Check("subgid", "ann:70999:1\n"), HasSubstr("subgid"));
  EXPECT_EQ(Check("subuid", "ann:100000:65536\nben:60000:10000\n"), "");
}

TEST_F(UidRangeTest, IsWithinTheUserNamespace) {
  ASSERT_TRUE(WriteFile(root_ + "/uid_map", "0 100000 65536\n").ok());
  EXPECT_THAT(CheckUidRange({.first = 70000, .last = 70999}, Sources()).message(), HasSubstr("user namespace"));
}

TEST_F(UidRangeTest, ARunKeepsItsOwnAndNoTwoHaveTheSame) {
  std::set<uid_t> given;
  for (int i = 0; i < 16; ++i) given.insert(UidOf(absl::StrCat("r", i)).value());
  EXPECT_EQ(given.size(), 16);
  EXPECT_EQ(*given.rbegin(), 70015) << "the last one prepares modules";
  EXPECT_EQ(UidOf("r3").value(), UidOf("r3").value());
  EXPECT_EQ(UidOf("one-more").status().code(), absl::StatusCode::kResourceExhausted);
  ASSERT_TRUE(RemoveFolder(Control("r3")).ok());
  EXPECT_TRUE(UidOf("one-more").ok());
}

}  // namespace
}  // namespace stratus::provisioning::engine
