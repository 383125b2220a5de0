#include "lib/auth/negative_key_ids.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace stratus::auth {
namespace {

TEST(NegativeKeyIds, ForgetsAfterItsTime) {
  NegativeKeyIds ids(4, absl::Seconds(5));
  ids.Add("a", absl::Seconds(100));
  EXPECT_TRUE(ids.Contains("a", absl::Seconds(104)));
  EXPECT_FALSE(ids.Contains("b", absl::Seconds(104)));
  EXPECT_FALSE(ids.Contains("a", absl::Seconds(105)));
  EXPECT_EQ(ids.size(), 0u);
}

TEST(NegativeKeyIds, KeepsABoundedNumberAndTheNewest) {
  NegativeKeyIds ids(4, absl::Seconds(5));
  for (int i = 0; i < 100; ++i) ids.Add(absl::StrCat(i), absl::Seconds(1));
  EXPECT_EQ(ids.size(), 4u);
  EXPECT_TRUE(ids.Contains("99", absl::Seconds(1)));
  EXPECT_FALSE(ids.Contains("95", absl::Seconds(1)));
}

TEST(NegativeKeyIds, AddingAgainDoesNotProlong) {
  NegativeKeyIds ids(4, absl::Seconds(5));
  ids.Add("a", absl::Seconds(0));
  ids.Add("a", absl::Seconds(4));
  EXPECT_FALSE(ids.Contains("a", absl::Seconds(5)));
}

}  // namespace
}  // namespace stratus::auth
