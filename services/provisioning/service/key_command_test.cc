#include "services/provisioning/service/key_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace stratus::provisioning {
namespace {

using ::testing::HasSubstr;

// AES under a key that the key's name chooses, as a KMS would hold it, by openssl's command line.
constexpr char kCipher[] = R"(
key=$(printf '%s' "$2" | sha256sum | cut -c1-64)
case $1 in
  wrap) base64 -d | openssl enc -aes-256-ctr -K "$key" -iv 00000000000000000000000000000001 | base64 -w0 ;;
  unwrap) base64 -d | openssl enc -d -aes-256-ctr -K "$key" -iv 00000000000000000000000000000001 | base64 -w0 ;;
esac
)";

class KeyCommandTest : public ::testing::Test {
 protected:
  KeyCommandTest() : folder_(::testing::TempDir() + "key-command-XXXXXX") {
    if (mkdtemp(folder_.data()) == nullptr) std::abort();
  }
  ~KeyCommandTest() override { std::filesystem::remove_all(folder_); }

  std::string Program(const std::string& script, mode_t mode = 0700) {
    const std::string path = folder_ + "/keys.sh";
    std::ofstream(path) << "#!/bin/sh\nset -e\n" << script << "\n";
    chmod(path.c_str(), mode);
    return path;
  }
  absl::StatusOr<std::unique_ptr<store::KeyWrapper>> Keys(const std::string& script, const std::string& key = "alias/a",
                                                          absl::Duration time_max = absl::Seconds(20)) {
    return KeysByCommand({Program(script), key, time_max}, nullptr);
  }
  std::string Error(const std::string& script) { return std::string(Keys(script).status().message()); }

  std::string folder_;
};

TEST_F(KeyCommandTest, SealsAndOpensByTheProgram) {
  auto keys = Keys(kCipher);
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ((*keys)->id(), "command:alias/a");
  const std::string sealed = *store::Sealer(keys->get()).Seal("state/s/1", "secret");
  EXPECT_EQ(*store::Sealer(keys->get()).Open("state/s/1", sealed), "secret") << "by another process";
}

TEST_F(KeyCommandTest, AnotherKeyOpensWhatTheFormerOneSealed) {
  const auto former = Keys(kCipher, "former");
  const std::string sealed = *store::Sealer(former->get()).Seal("state/s/1", "secret");
  const auto keys = Keys(kCipher, "present");
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(*store::Sealer(keys->get()).Open("state/s/1", sealed), "secret") << "it is asked with the former's name";
}

TEST_F(KeyCommandTest, WhatAKeyFileSealedOpensBesideTheFile) {
  const std::string file = folder_ + "/keys";
  ASSERT_TRUE(store::CreateKeyFile(file).ok());
  const auto before = store::KeysFromFile(file);
  const std::string sealed = *store::Sealer(before->get()).Seal("state/s/1", "secret");
  auto keys = KeysByCommand({Program(kCipher), "alias/a"}, *store::KeysFromFile(file));
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(*store::Sealer(keys->get()).Open("state/s/1", sealed), "secret");
  const auto alone = Keys(kCipher);
  const absl::Status status = store::Sealer(alone->get()).Open("state/s/1", sealed).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("key file"));
}

TEST_F(KeyCommandTest, AProgramThatDoesNotWorkStopsTheStart) {
  EXPECT_THAT(Error("echo AccessDeniedException >&2; exit 254"), HasSubstr("ended with 254: AccessDeniedException"));
  EXPECT_THAT(Error("echo '!!!'"), HasSubstr("did not write base64"));
  EXPECT_THAT(Error("true"), HasSubstr("did not write base64"));
  EXPECT_THAT(Error("cat"), HasSubstr("does not wrap and unwrap"));
  EXPECT_THAT(Error("echo c2FtZQ=="), HasSubstr("does not wrap and unwrap"));
}

TEST_F(KeyCommandTest, AProgramThatHangsIsKilled) {
  const absl::Status status = Keys("sleep 600", "k", absl::Milliseconds(200)).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("did not end within"));
}

TEST_F(KeyCommandTest, WhatIsNotItsOwnIsDataLossAndAnOutageIsNot) {
  const auto keys = Keys(std::string("test \"$2\" != other || exit 65; test \"$2\" != away || exit 1\n") + kCipher);
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_TRUE(absl::IsDataLoss((*keys)->Unwrap("command:other", "w").status()));
  EXPECT_TRUE(absl::IsUnavailable((*keys)->Unwrap("command:away", "w").status()));
}

TEST_F(KeyCommandTest, TheProgramSeesNoSecretOfTheService) {
  setenv("DIGITALOCEAN_API_TOKEN", "a-token", 1);
  setenv("AWS_REGION", "eu-central-1", 1);
  const std::string seen = folder_ + "/seen";
  const auto keys = Keys("env >> " + seen + "\n" + kCipher);
  unsetenv("DIGITALOCEAN_API_TOKEN");
  unsetenv("AWS_REGION");
  ASSERT_TRUE(keys.ok()) << keys.status();
  std::ifstream in(seen);
  const std::string environment{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(environment, HasSubstr("AWS_REGION=eu-central-1"));
  EXPECT_THAT(environment, ::testing::Not(HasSubstr("a-token")));
}

TEST_F(KeyCommandTest, AProgramThatOthersMayChangeIsRefused) {
  EXPECT_TRUE(absl::IsFailedPrecondition(KeysByCommand({Program(kCipher, 0720), "k"}, nullptr).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(KeysByCommand({Program(kCipher, 0600), "k"}, nullptr).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(KeysByCommand({"keys.sh", "k"}, nullptr).status()));
  for (const char* key : {"", "-k", "a b", "a:b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(KeysByCommand({Program(kCipher), key}, nullptr).status())) << key;
  }
}

}  // namespace
}  // namespace stratus::provisioning
