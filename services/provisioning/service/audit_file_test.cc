#include "services/provisioning/service/audit_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

namespace stratus::provisioning::service {
namespace {

// Files of this process may not grow past `bytes`: what a full disk does, without root. Undone with the object.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_ = {};
};

class AuditFileTest : public ::testing::Test {
 protected:
  AuditFileTest() : folder_(::testing::TempDir() + "/audit-file-XXXXXX") {
    if (mkdtemp(folder_.data()) == nullptr) std::abort();
    path_ = folder_ + "/audit.log";
  }
  ~AuditFileTest() override {
    unlink(path_.c_str());
    rmdir(folder_.c_str());
  }
  std::string Content() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }

  std::string folder_;
  std::string path_;
};

TEST_F(AuditFileTest, ALineThatDoesNotFitLeavesNothingBehind) {
  const auto file = *AuditFile::Open(path_);
  ASSERT_TRUE(file->Append("first").ok());
  {
    const FileSizeLimit full(10);
    EXPECT_EQ(file->Append("second, of which a part fits").code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(Content(), "first\n");
    EXPECT_TRUE(file->Append("one").ok()) << "a shorter one fits";
    EXPECT_FALSE(file->Append("none").ok());
  }
  EXPECT_TRUE(file->Append("third").ok());
  EXPECT_EQ(Content(), "first\none\nthird\n");
}

TEST_F(AuditFileTest, ALineThatACrashHasTornDoesNotSpoilTheNext) {
  std::ofstream(path_) << "first\nsec";
  const auto file = *AuditFile::Open(path_);
  ASSERT_TRUE(file->Append("third").ok());
  EXPECT_EQ(Content(), "first\nsec\nthird\n");
}

}  // namespace
}  // namespace stratus::provisioning::service
