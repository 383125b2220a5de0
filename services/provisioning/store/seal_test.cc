#include "services/provisioning/store/seal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "services/provisioning/store/aes_gcm.h"

namespace stratus::provisioning::store {
namespace {

using ::testing::HasSubstr;

class SealTest : public ::testing::Test {
 protected:
  SealTest() : folder_(::testing::TempDir() + "seal-XXXXXX") {
    if (mkdtemp(folder_.data()) == nullptr) std::abort();
    path_ = folder_ + "/keys";
  }
  ~SealTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string ReadFile() {
    std::ifstream in(path_);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void WriteFile(const std::string& text) {
    std::ofstream(path_) << text;
    chmod(path_.c_str(), 0600);
  }
  std::unique_ptr<KeyWrapper> Keys() {
    EXPECT_TRUE(CreateKeyFile(path_).ok());
    auto keys = KeysFromFile(path_);
    EXPECT_TRUE(keys.ok()) << keys.status();
    return *std::move(keys);
  }

  std::string folder_;
  std::string path_;
};

// Counts what a remote wrapper would be asked.
class CountingWrapper final : public KeyWrapper {
 public:
  explicit CountingWrapper(KeyWrapper* inner) : inner_(*inner) {}
  std::string id() const override { return inner_.id(); }
  absl::StatusOr<std::string> Wrap(std::string_view data_key) override {
    ++wraps;
    return inner_.Wrap(data_key);
  }
  absl::StatusOr<std::string> Unwrap(std::string_view id, std::string_view wrapped) override {
    ++unwraps;
    return inner_.Unwrap(id, wrapped);
  }
  int wraps = 0;
  int unwraps = 0;

 private:
  KeyWrapper& inner_;
};

TEST_F(SealTest, OpensWhatItSealed) {
  const auto keys = Keys();
  Sealer sealer(keys.get());
  for (const std::string& plain :
       {std::string(), std::string("x"), std::string(3 << 20, 's'), std::string("a\0b", 3)}) {
    auto sealed = sealer.Seal("state/s1/7", plain);
    ASSERT_TRUE(sealed.ok()) << sealed.status();
    if (plain.size() > 3) {
      EXPECT_FALSE(absl::StrContains(*sealed, plain.substr(0, 64)));
    }
    auto opened = sealer.Open("state/s1/7", *sealed);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(*opened, plain);
  }
}

TEST_F(SealTest, ATextMovedToAnotherContextDoesNotOpen) {
  const auto keys = Keys();
  Sealer sealer(keys.get());
  const std::string sealed = *sealer.Seal("state/s1/7", "secret");
  EXPECT_EQ(sealer.Open("state/s1/8", sealed).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(sealer.Open("state/s2/7", sealed).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(sealer.Open("", sealed).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SealTest, EveryChangedByteAndEveryCutIsNoticed) {
  const auto keys = Keys();
  Sealer sealer(keys.get());
  const std::string sealed = *sealer.Seal("state/s1/7", "secret");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(sealer.Open("state/s1/7", changed).status().code(), absl::StatusCode::kDataLoss) << i;
    EXPECT_EQ(sealer.Open("state/s1/7", sealed.substr(0, i)).status().code(), absl::StatusCode::kDataLoss) << i;
  }
  EXPECT_FALSE(sealer.Open("state/s1/7", sealed + "x").ok());
}

TEST_F(SealTest, TheSameTextIsNeverSealedTheSame) {
  const auto keys = Keys();
  Sealer sealer(keys.get());
  std::set<std::string> sealed;
  for (int i = 0; i < 100; ++i) sealed.insert(*sealer.Seal("outputs/s1", "same"));
  EXPECT_EQ(sealed.size(), 100u);
}

TEST_F(SealTest, AsksTheWrapperOnceAnOwner) {
  const auto keys = Keys();
  CountingWrapper counting(keys.get());
  Sealer sealer(&counting);
  const std::string first = *sealer.Seal("state/s1/1", "a");
  const std::string second = *sealer.Seal("outputs/s1", "b");
  EXPECT_EQ(counting.wraps, 1);
  const std::string other = *sealer.Seal("state/s2/1", "c");
  EXPECT_EQ(counting.wraps, 2);

  Sealer restarted(&counting);
  EXPECT_EQ(*restarted.Open("state/s1/1", first), "a");
  EXPECT_EQ(*restarted.Open("outputs/s1", second), "b");
  EXPECT_EQ(counting.unwraps, 1);
}

TEST_F(SealTest, KeepsABoundedNumberOfKeys) {
  const auto keys = Keys();
  CountingWrapper counting(keys.get());
  Sealer sealer(&counting);
  for (int i = 0; i < 1025; ++i) ASSERT_TRUE(sealer.Seal("state/s" + std::to_string(i) + "/1", "a").ok());
  ASSERT_TRUE(sealer.Seal("state/s0/2", "a").ok());  // the first one had to go
  EXPECT_EQ(counting.wraps, 1026);
  ASSERT_TRUE(sealer.Seal("state/s1024/2", "a").ok());
  EXPECT_EQ(counting.wraps, 1026);
}

TEST_F(SealTest, AfterARotationOldTextsOpenAndNewOnesHaveTheNewKey) {
  std::string sealed;
  {
    const auto keys = Keys();
    sealed = *Sealer(keys.get()).Seal("state/s1/1", "old");
  }
  const std::string old_line = ReadFile();
  std::filesystem::remove(path_);
  ASSERT_TRUE(CreateKeyFile(path_).ok());
  const std::string new_line = ReadFile();
  WriteFile("# newest first\n" + new_line + "\n" + old_line);
  {
    const auto keys = Keys();
    Sealer sealer(keys.get());
    EXPECT_EQ(keys->id() + ":", new_line.substr(0, keys->id().size() + 1));
    EXPECT_EQ(*sealer.Open("state/s1/1", sealed), "old");
    EXPECT_THAT(*sealer.Seal("state/s1/2", "new"), HasSubstr(keys->id()));
  }
  WriteFile(new_line);
  const auto keys = Keys();
  auto opened = Sealer(keys.get()).Open("state/s1/1", sealed);
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("is not in the key file"));
}

TEST_F(SealTest, AKeyFileThatOthersMayReadIsRefused) {
  ASSERT_TRUE(CreateKeyFile(path_).ok());
  struct stat found = {};
  ASSERT_EQ(stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  chmod(path_.c_str(), 0640);
  EXPECT_EQ(KeysFromFile(path_).status().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(SealTest, AnExistingKeyFileIsLeftAsItIs) {
  ASSERT_TRUE(CreateKeyFile(path_).ok());
  const std::string before = ReadFile();
  ASSERT_TRUE(CreateKeyFile(path_).ok());
  EXPECT_EQ(ReadFile(), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(SealTest, ABadKeyFileIsRefusedWithItsLineAndWithoutItsKeys) {
  ASSERT_TRUE(CreateKeyFile(path_).ok());
  const std::string good = ReadFile();
  for (const std::string& bad :
       {std::string("k2:c2hvcnQ="), std::string("nocolon"), std::string("a b:") + good, good, std::string("k3:!!!!")}) {
    WriteFile(good + "\n" + bad + "\n");
    const absl::Status status = KeysFromFile(path_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(status.message()), HasSubstr(":3:"));
    EXPECT_FALSE(absl::StrContains(status.message(), "c2hvcnQ"));
  }
  WriteFile("# nothing\n");
  EXPECT_EQ(KeysFromFile(path_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(KeysFromFile(folder_ + "/none").status().code(), absl::StatusCode::kNotFound);
}

// NIST's GCM test case 16 tells that this is the AES-256-GCM that others speak.
TEST(AesGcm, OpensWhatTheStandardsTestVectorSealed) {
  const auto hex = [](const char* text) { return absl::HexStringToBytes(text); };
  const std::string key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const std::string sealed = hex(
      "cafebabefacedbaddecaf888"
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
      "bcc9f662"
      "76fc6ece0f4e1768cddf8853bb2d551b");
  auto plain = Decrypt(AesKey(key), hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"), sealed);
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(*plain, hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b5"
                        "25b16aedf5aa0de657ba637b39"));
}

}  // namespace
}  // namespace stratus::provisioning::store
