#include "services/provisioning/engine/prepared.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/provisioning/engine/files.h"
#include "services/provisioning/engine/prepared_sweep.h"
#include "services/provisioning/engine/testing/engine_fixture.h"

namespace stratus::provisioning::engine {
namespace {

namespace fs = std::filesystem;

class PreparedTest : public EngineTest {
 protected:
  PreparedTest() : prepared_(Open()) {}

  std::unique_ptr<PreparedFolders> Open() const {
    auto opened = PreparedFolders::Create(Folder(), TofuPath(), ProviderMirror(), RelayPath(), NoIsolation());
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }
  std::string Folder() const { return folder_ + "/data/prepared"; }
  std::string Runs() const { return folder_ + "/data/control"; }
  static Isolation NoIsolation() { return {.shim = ShimPath()}; }

  // As if last asked for `idle` ago.
  static void Age(const std::string& folder, absl::Duration idle) {
    const timespec then = absl::ToTimespec(absl::Now() - idle);
    const timespec times[] = {then, then};
    ASSERT_EQ(utimensat(AT_FDCWD, folder.c_str(), times, 0), 0);
  }
  // One that looks like a module version's.
  std::string Add(char digit, absl::Duration idle) const {
    const std::string folder = absl::StrCat(Folder(), "/", std::string(64, digit));
    EXPECT_TRUE(MakeFolder(folder + "/.terraform/providers").ok());
    EXPECT_TRUE(WriteFile(folder + ".lock", "").ok());
    Age(folder, idle);
    return folder;
  }
  void Sweep(const SweepLimits& limits = {}) { SweepPrepared(Folder(), Runs(), {}, limits, absl::Now()); }

  const std::unique_ptr<PreparedFolders> prepared_;
};

TEST_F(PreparedTest, WhatNobodyHasAskedForInAWhileGoes) {
  const std::string old = Add('a', absl::Hours(25));
  const std::string recent = Add('b', absl::Hours(2));
  Sweep();
  EXPECT_FALSE(fs::exists(old));
  EXPECT_FALSE(fs::exists(old + ".lock"));
  EXPECT_TRUE(fs::exists(recent));
}

TEST_F(PreparedTest, WhatARunLinksToStaysHoweverOld) {
  const std::string linked = Add('a', absl::Hours(1000));
  ASSERT_TRUE(MakeFolder(Runs() + "/r1").ok());
  fs::create_symlink(linked, Runs() + "/r1/prepared");
  Sweep();
  EXPECT_TRUE(fs::exists(linked));
  fs::remove_all(Runs() + "/r1");
  Sweep();
  EXPECT_FALSE(fs::exists(linked));
}

TEST_F(PreparedTest, OfTooManyTheLatestStay) {
  const std::string latest = Add('c', absl::Minutes(61)), second = Add('a', absl::Hours(2));
  const std::string third = Add('b', absl::Hours(3));
  const std::string just_now = Add('d', absl::Minutes(1));
  Sweep({.unused_max = 2});
  EXPECT_TRUE(fs::exists(just_now));
  EXPECT_TRUE(fs::exists(latest));
  EXPECT_FALSE(fs::exists(second));
  EXPECT_FALSE(fs::exists(third));
}

TEST_F(PreparedTest, WhatADeadProcessWasMakingGoesToo) {
  const std::string half = Add('e', absl::Hours(25)) + ".making";
  fs::rename(half.substr(0, half.size() - 7), half);
  Sweep();
  EXPECT_FALSE(fs::exists(half));
}

TEST_F(PreparedTest, WhatIsBeingMadeIsLeftAlone) {
  const std::string folder = Add('f', absl::Hours(25));
  {
    const auto lock = LockFile(folder + ".lock", absl::Seconds(1));
    ASSERT_TRUE(lock.ok());
    Sweep();
    EXPECT_TRUE(fs::exists(folder));
  }
  Sweep();
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(PreparedTest, OneThatIsGoneIsMadeAnewAndOneInUseIsKept) {
  const auto first = prepared_->Prepare(Module("note"));
  ASSERT_TRUE(first.ok()) << first.status();
  Age(*first, absl::Hours(1000));
  prepared_->Sweep(Runs());
  EXPECT_TRUE(fs::exists(*first)) << "a module that this process serves";

  Open()->Sweep(Runs());
  EXPECT_FALSE(fs::exists(*first)) << "another process does not";
  const auto again = prepared_->Prepare(Module("note"));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(fs::exists(*again + "/.terraform/terraform.tfstate"));
}

TEST_F(PreparedTest, AskingForItMakesItRecent) {
  const auto folder = prepared_->Prepare(Module("note"));
  ASSERT_TRUE(folder.ok());
  Age(*folder, absl::Hours(1000));
  ASSERT_TRUE(prepared_->Prepare(Module("note")).ok());
  Open()->Sweep(Runs());
  EXPECT_TRUE(fs::exists(*folder));
}

// A listener on the loopback of the host.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(fd_.get(), any, size), 0);
    EXPECT_EQ(listen(fd_.get(), 8), 0);
    EXPECT_EQ(getsockname(fd_.get(), any, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }
  bool WasReached() const { return UniqueFd(accept(fd_.get(), nullptr, nullptr)).get() >= 0; }

 private:
  const UniqueFd fd_;
  int port_ = 0;
};

// What the module reader refuses, given to init nevertheless: a key provider that is a program, which connects.
TEST_F(PreparedTest, AProgramOfTheModulesReachesNothingFromAStrictPreparation) {
  for (const Tier tier : {Tier::kOff, Tier::kStrict}) {
    const Listener listener;
    const std::string script = absl::StrCat("exec 3<>/dev/tcp/127.0.0.1/", listener.port());
    ModuleEntry module;
    module.folder = folder_ + "/mine";
    module.digest = std::string("mine-").append(TierName(tier));
    ASSERT_TRUE(MakeFolder(module.folder).ok());
    ASSERT_TRUE(WriteFile(module.folder + "/main.tf", absl::StrCat(R"(terraform {
  encryption {
    key_provider "external" "x" { command = ["/bin/bash", "-c", ")",
                                                                   script, R"("] }
    method "aes_gcm" "m" { keys = key_provider.external.x }
    state { method = method.aes_gcm.m }
  }
})"))
                    .ok());
    const auto isolation = FindIsolation({.wanted = tier}, ShimPath(), folder_ + "/data/sandbox");
    if (!isolation.ok()) GTEST_SKIP() << isolation.status();
    const auto folders = PreparedFolders::Create(Folder(), TofuPath(), ProviderMirror(), RelayPath(), *isolation);
    ASSERT_TRUE(folders.ok()) << folders.status();
    const auto prepared = (*folders)->Prepare(module);
    EXPECT_THAT(std::string(prepared.status().message()),
                testing::HasSubstr(tier == Tier::kOff ? "external command returned" : "/bin/bash"))
        << "it was run";
    EXPECT_EQ(listener.WasReached(), tier == Tier::kOff);
  }
}

TEST_F(PreparedTest, AStrictPreparationLeavesWhatAnyDoes) {
  const auto isolation = FindIsolation({.wanted = Tier::kStrict}, ShimPath(), folder_ + "/data/sandbox");
  if (!isolation.ok()) GTEST_SKIP() << isolation.status();
  const auto folders = PreparedFolders::Create(Folder(), TofuPath(), ProviderMirror(), RelayPath(), *isolation);
  ASSERT_TRUE(folders.ok()) << folders.status();
  const auto strict = (*folders)->Prepare(Module("note"));
  ASSERT_TRUE(strict.ok()) << strict.status();
  EXPECT_TRUE(fs::exists(*strict + "/.terraform/terraform.tfstate"));
  EXPECT_FALSE(fs::exists(*strict + ".doors"));
}

}  // namespace
}  // namespace stratus::provisioning::engine
