#include "services/provisioning/domain/approval.h"

#include <gtest/gtest.h>

#include "services/provisioning/domain/principals.h"

namespace stratus::provisioning::domain {
namespace {

constexpr auto kAuto = v1::APPROVAL_POLICY_AUTO;
constexpr auto kOnDestroy = v1::APPROVAL_POLICY_MANUAL_ON_DESTROY;
constexpr auto kManual = v1::APPROVAL_POLICY_MANUAL;
constexpr auto kUnspecified = v1::APPROVAL_POLICY_UNSPECIFIED;

TEST(ApprovalPolicy, IsOrderedByStrictness) {
  EXPECT_TRUE(IsLooser(kAuto, kOnDestroy));
  EXPECT_TRUE(IsLooser(kOnDestroy, kManual));
  EXPECT_TRUE(IsLooser(kUnspecified, kAuto));
  EXPECT_FALSE(IsLooser(kManual, kManual));
  EXPECT_FALSE(IsLooser(kManual, kAuto));
  EXPECT_EQ(Stricter(kAuto, kManual), kManual);
  EXPECT_EQ(Stricter(static_cast<v1::ApprovalPolicy>(99), kAuto), kManual) << "one of a newer program";
}

TEST(ApprovalPolicy, WithoutOneIsManual) {
  EXPECT_EQ(EffectivePolicy(kUnspecified, kUnspecified), kManual);
  EXPECT_EQ(EffectivePolicy(kAuto, kUnspecified), kAuto);
  EXPECT_EQ(EffectivePolicy(kAuto, kOnDestroy), kOnDestroy);
}

TEST(ApprovalPolicy, SaysWhichPlansWait) {
  EXPECT_FALSE(WaitsForApproval(kAuto, true, true));
  EXPECT_FALSE(WaitsForApproval(kOnDestroy, false, false));
  EXPECT_TRUE(WaitsForApproval(kOnDestroy, true, false));
  EXPECT_TRUE(WaitsForApproval(kOnDestroy, false, true)) << "a stack that is made anew has another policy";
  EXPECT_TRUE(WaitsForApproval(kManual, false, false));
}

TEST(ApprovalMinimums, TheStrictestOfTenantEverybodyAndModuleCounts) {
  ApprovalMinimums minimums;
  EXPECT_EQ(minimums.For("acme", kUnspecified), kUnspecified);
  EXPECT_EQ(minimums.For("acme", kOnDestroy), kOnDestroy);
  ASSERT_TRUE(minimums.Add("a=b=MANUAL").ok());
  ASSERT_TRUE(minimums.Add("*=MANUAL_ON_DESTROY").ok());
  EXPECT_EQ(minimums.For("a=b", kAuto), kManual);
  EXPECT_EQ(minimums.For("acme", kAuto), kOnDestroy);
  EXPECT_EQ(minimums.For("acme", kManual), kManual);
}

TEST(ApprovalMinimums, RefusesWhatItCannotRead) {
  ApprovalMinimums minimums;
  for (const char* bad : {"", "acme", "=MANUAL", "acme=", "acme=manual", "acme=UNSPECIFIED", "acme=MANUAL "}) {
    EXPECT_FALSE(minimums.Add(bad).ok()) << bad;
  }
  ASSERT_TRUE(minimums.Add("acme=AUTO").ok());
  EXPECT_FALSE(minimums.Add("acme=MANUAL").ok()) << "which of them counts?";
}

TEST(Principals, OfTwoKindsOrIssuersAreNeverTheSame) {
  const auto user = UserPrincipal("dev", "Dev", "https://one");
  EXPECT_EQ(user.name(), "users/dev");
  EXPECT_EQ(user.display_name(), "Dev");
  EXPECT_TRUE(SamePrincipal(user, UserPrincipal("dev", "renamed", "https://one")));
  EXPECT_FALSE(SamePrincipal(user, UserPrincipal("dev", "Dev", "https://two")));
  EXPECT_FALSE(SamePrincipal(user, ClientPrincipal("dev", "https://one")));
  EXPECT_FALSE(SamePrincipal(UserPrincipal("system", "", "https://one"), SystemPrincipal()));
  EXPECT_EQ(UserPrincipal("system", "", "https://one").name(), "users/system");
  EXPECT_FALSE(SamePrincipal(LegacyPrincipal("dev"), LegacyPrincipal("dev"))) << "nobody can tell";
  EXPECT_FALSE(SamePrincipal({}, {}));
}

TEST(Principals, NamesAreOnOneLineAndCannotPassForAnother) {
  EXPECT_EQ(UserPrincipal("a/../clients/b\n%", "", "").name(), "users/a%2f..%2fclients%2fb%0a%25");
  const std::string longest(5000, 'x');
  const auto digest = UserPrincipal(longest, "", "");
  EXPECT_LT(digest.name().size(), 100u);
  EXPECT_FALSE(SamePrincipal(digest, UserPrincipal(digest.name().substr(6), "", "")));
  EXPECT_FALSE(SamePrincipal(digest, UserPrincipal(longest + "x", "", "")));
}

}  // namespace
}  // namespace stratus::provisioning::domain
