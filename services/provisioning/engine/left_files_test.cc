#include "services/provisioning/engine/left_files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "services/provisioning/engine/files.h"

namespace stratus::provisioning::engine {
namespace {

namespace fs = std::filesystem;

// A folder that a run has written to, beside one that is none of its business.
class LeftFilesTest : public testing::Test {
 protected:
  LeftFilesTest() : root_(testing::TempDir() + "left-XXXXXX") {
    EXPECT_NE(mkdtemp(root_.data()), nullptr);
    fs::create_directories(root_ + "/run");
    fs::create_directories(root_ + "/elsewhere");
    EXPECT_TRUE(WriteFile(root_ + "/elsewhere/keys", "the keys").ok());
    folder_ = OpenFolder(root_ + "/run").value();
  }
  ~LeftFilesTest() override {
    EXPECT_TRUE(RemoveFolder(root_).ok());
    EXPECT_FALSE(fs::exists(root_));
  }

  std::string Path(const std::string& name) const { return root_ + "/run/" + name; }
  absl::StatusCode CodeOfRead(const std::string& name) const { return ReadLeft(folder_, name, 1000).status().code(); }
  std::string Keys() const { return ReadFile(root_ + "/elsewhere/keys", 100).value_or("gone"); }

  std::string root_;
  UniqueFd folder_;
};

TEST_F(LeftFilesTest, ReadsARegularFileUpToItsBound) {
  ASSERT_TRUE(WriteFile(Path("plan.bin"), "a plan").ok());
  EXPECT_EQ(ReadLeft(folder_, "plan.bin", 6).value(), "a plan");
  EXPECT_EQ(ReadLeft(folder_, "plan.bin", 5).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOfRead("nothing"), absl::StatusCode::kNotFound);
}

TEST_F(LeftFilesTest, ReadsNothingElseAndWaitsForNothing) {
  fs::create_symlink(root_ + "/elsewhere/keys", Path("link"));
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
  fs::create_directory(Path("folder"));
  fs::create_directory_symlink(root_ + "/elsewhere", Path("away"));
  for (const char* name : {"link", "fifo", "folder", "away"}) {
    EXPECT_EQ(CodeOfRead(name), absl::StatusCode::kFailedPrecondition) << name;
  }
  EXPECT_FALSE(ReadLeft(folder_, "away/keys", 1000).ok());
  EXPECT_FALSE(ReadLeft(folder_, "../elsewhere/keys", 1000).ok());
  EXPECT_FALSE(OpenFolder(Path("away")).ok());
}

TEST_F(LeftFilesTest, PutsAFileInPlaceOfWhateverIsThere) {
  fs::create_symlink(root_ + "/elsewhere/keys", Path("link"));
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
  fs::create_directories(Path("folder/with/more"));
  for (const char* name : {"link", "fifo", "folder", "new"}) {
    EXPECT_TRUE(PutFile(folder_, name, "ours", 0).ok()) << name;
    EXPECT_EQ(ReadLeft(folder_, name, 100).value_or(""), "ours") << name;
  }
  EXPECT_EQ(Keys(), "the keys");
}

TEST_F(LeftFilesTest, MovesWhatIsThereAndNothingElse) {
  EXPECT_TRUE(MoveLeft(folder_, "nothing", "kept").ok());
  fs::create_symlink(root_ + "/elsewhere/keys", Path("state"));
  fs::create_directories(Path("kept/with/more"));
  EXPECT_TRUE(MoveLeft(folder_, "state", "kept").ok());
  EXPECT_TRUE(fs::is_symlink(Path("kept")));
  EXPECT_EQ(Keys(), "the keys");
}

TEST_F(LeftFilesTest, RemovesByNoLink) {
  fs::create_directories(Path("a/b"));
  fs::create_directory_symlink(root_ + "/elsewhere", Path("a/away"));
  fs::create_directory_symlink("/", Path("a/b/root"));
  fs::create_directory_symlink(".", Path("a/b/self"));
  EXPECT_TRUE(RemoveLeft(folder_, "a").ok());
  EXPECT_TRUE(RemoveLeft(folder_, "a").ok()) << "it is gone, which is as well";
  EXPECT_TRUE(fs::is_empty(root_ + "/run"));
  EXPECT_EQ(Keys(), "the keys");
}

TEST_F(LeftFilesTest, RemovesFoldersDeeperThanAnyPathIsLong) {
  const std::string name(200, 'd');
  UniqueFd at(dup(folder_.get()));
  for (int depth = 0; depth < 3000; ++depth) {
    ASSERT_EQ(mkdirat(at.get(), name.c_str(), 0700), 0);
    at = UniqueFd(openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
  EXPECT_TRUE(RemoveLeft(folder_, name).ok());
  EXPECT_FALSE(fs::exists(Path(name)));
}

TEST_F(LeftFilesTest, RemovesWhatItsOwnerIsShutOutOf) {
  fs::create_directories(Path("a/b/c"));
  ASSERT_TRUE(WriteFile(Path("a/b/file"), "x").ok());
  for (const char* name : {"a/b/c", "a/b", "a"}) ASSERT_EQ(chmod(Path(name).c_str(), 0), 0);
  EXPECT_TRUE(RemoveLeft(folder_, "a").ok());
}

TEST_F(LeftFilesTest, LeavesWhatLiesOnAnotherMountAlone) {
  fs::create_directories(Path("a/mounted"));
  if (mount((root_ + "/elsewhere").c_str(), Path("a/mounted").c_str(), nullptr, MS_BIND, nullptr) != 0) {
    GTEST_SKIP() << "mounting is not for everybody";
  }
  EXPECT_FALSE(RemoveLeft(folder_, "a").ok());
  EXPECT_EQ(Keys(), "the keys");
  ASSERT_EQ(umount(Path("a/mounted").c_str()), 0);
  EXPECT_TRUE(RemoveLeft(folder_, "a").ok());
}

}  // namespace
}  // namespace stratus::provisioning::engine
