#include "services/provisioning/engine/engine.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_join.h"
#include "services/provisioning/engine/testing/engine_fixture.h"

namespace stratus::provisioning::engine {
namespace {

using testing::HasSubstr;

constexpr char kNote[] = R"({"title":"first","body":"a text","tags":["b","a"]})";

TEST_F(EngineTest, AppliesAndDestroysAModuleThatNeedsNoProvider) {
  std::vector<std::string> lines;
  EXPECT_EQ(RunToEnd(StepOf("r1", "1-apply", Command::kApply, "note", kNote), &lines).code, 0);
  EXPECT_THAT(absl::StrJoin(lines, "\n"), HasSubstr("Apply complete!"));
  EXPECT_THAT(state_.state("r1"), HasSubstr("terraform_data"));
  EXPECT_FALSE(state_.locked("r1"));

  EXPECT_EQ(RunToEnd(StepOf("r1", "2-destroy", Command::kDestroy, "note", kNote)).code, 0);
  EXPECT_TRUE(nlohmann::json::parse(state_.state("r1"))["resources"].empty());
}

}  // namespace
}  // namespace stratus::provisioning::engine
