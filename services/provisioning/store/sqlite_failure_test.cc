// SQLite on a full disk, and files that are damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::store {
namespace {

using ::testing::HasSubstr;

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

class SqliteFailureTest : public ::testing::Test {
 protected:
  SqliteFailureTest() : folder_(::testing::TempDir() + "sqlite-XXXXXX") {
    if (mkdtemp(folder_.data()) == nullptr) std::abort();
    path_ = folder_ + "/stratus.db";
  }
  ~SqliteFailureTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  absl::StatusOr<std::unique_ptr<Store>> Open() {
    return Store::Open({.database_url = "sqlite:" + path_, .replica = "replica-1"});
  }
  static absl::Status Insert(Store& store, int i) {
    StackRow stack;
    stack.uid = stack.id = absl::StrCat("s", i);
    stack.tenant = "acme";
    stack.sealed_variables = std::string(10'000, static_cast<char>('a' + i % 26));
    return store.Transact([&](Transaction& t) { return t.InsertStack(stack); });
  }

  // Until there is no room; how many were stored.
  static int FillUp(Store& store) {
    int stored = 0;
    absl::Status status;
    while ((status = Insert(store, stored)).ok() && stored < 10'000) ++stored;
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                ::testing::AnyOf(::testing::HasSubstr("disk is full"), ::testing::HasSubstr("File too large")));
    EXPECT_GT(stored, 10);
    // Reading goes on; another write fails again, and breaks nothing.
    EXPECT_TRUE(store.GetStack("acme", "s0").ok());
    EXPECT_TRUE(absl::IsUnavailable(Insert(store, stored)));
    return stored;
  }

  // There is room again.
  void ExpectAllThere(std::unique_ptr<Store> store, int stored) {
    EXPECT_TRUE(Insert(*store, stored).ok());
    store.reset();
    auto opened = Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ((*opened)->Use("acme")->stacks, stored + 1);
    for (int i = 0; i <= stored; ++i) {
      auto stack = (*opened)->GetStack("acme", absl::StrCat("s", i));
      ASSERT_TRUE(stack.ok()) << stack.status();
      EXPECT_EQ(stack->sealed_variables, std::string(10'000, static_cast<char>('a' + i % 26)));
    }
  }

  std::string folder_;
  std::string path_;
};

TEST_F(SqliteFailureTest, AFileThatMayNotGrowIsSaidAndLosesNothing) {
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  int stored = 0;
  {
    FileSizeLimit limit(1 << 20);
    stored = FillUp(**store);
  }
  ExpectAllThere(std::move(*store), stored);
}

TEST_F(SqliteFailureTest, AFullDiskIsSaidAndLosesNothing) {
  // A disk of 2 MiB, in a name space of its own so that it goes with this process.
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=2m") != 0) {
    GTEST_SKIP() << "no right to mount a small disk";
  }
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  const int stored = FillUp(**store);
  ASSERT_EQ(mount("tmpfs", folder_.c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
  ExpectAllThere(std::move(*store), stored);
  EXPECT_EQ(umount2(folder_.c_str(), MNT_DETACH), 0);
}

TEST_F(SqliteFailureTest, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream(path_) << std::string(8192, 'x');
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
  EXPECT_THAT(std::string(status.message()), HasSubstr("restore it from a backup"));
  EXPECT_EQ(std::filesystem::file_size(path_), 8192u) << "it is left as it is";
}

TEST_F(SqliteFailureTest, ADamagedFileIsRefused) {
  {
    auto store = Open();
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(Insert(**store, i).ok());
  }
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path_));
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(size / 2);
    file << std::string(static_cast<size_t>(size / 4), '\xa5');
  }
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("restore it from a backup"));
}

TEST_F(SqliteFailureTest, AFolderThatIsNotThereIsNamed) {
  path_ = folder_ + "/none/stratus.db";
  const absl::Status status = Open().status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
}

TEST_F(SqliteFailureTest, NobodyElseMayReadTheFiles) {
  auto store = Open();
  ASSERT_TRUE(Insert(**store, 1).ok());
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    struct stat found = {};
    ASSERT_EQ(stat(entry.path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 077, 0u) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 3) << "the file, its -wal and its -shm";
}

// The child ends without closing anything, as a killed service does.
TEST_F(SqliteFailureTest, WhatWasCommittedOutlivesAKilledProcess) {
  EXPECT_EXIT(
      {
        auto store = Open();
        for (int i = 0; i < 5; ++i) {
          if (!Insert(**store, i).ok()) _exit(1);
        }
        raise(SIGKILL);
      },
      ::testing::KilledBySignal(SIGKILL), "");
  auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->Use("acme")->stacks, 5);
}

}  // namespace
}  // namespace stratus::provisioning::store
