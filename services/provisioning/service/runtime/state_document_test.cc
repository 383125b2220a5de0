#include "services/provisioning/service/runtime/state_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stratus::provisioning::service {
namespace {

using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kState[] = R"({
  "version": 4, "terraform_version": "1.10.6", "serial": 7, "lineage": "l-1",
  "outputs": {"n": {"value": 1, "type": "number"}},
  "resources": [
    {"mode": "managed", "type": "k", "name": "one", "instances": [{"attributes": {"id": "1"}}]},
    {"mode": "managed", "type": "k", "name": "each", "instances": [
      {"index_key": "a\"${b}", "attributes": {"id": "2"}}, {"index_key": 3, "attributes": {"id": 4}}]},
    {"module": "module.m[\"x\"]", "mode": "managed", "type": "k", "name": "in", "instances": [
      {"attributes": {"id": "5"}}, {"deposed": "0badcafe", "attributes": {"id": "6"}}]},
    {"mode": "data", "type": "d", "name": "read", "instances": [{"attributes": {"id": "9"}}]}
  ]})";

TEST(StateDocument, NamesResourcesAsTheEngineDoes) {
  const auto state = ReadState(kState);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->serial, 7);
  EXPECT_EQ(state->lineage, "l-1");
  EXPECT_THAT(state->resources, SizeIs(5)) << "data sources do not count";
  EXPECT_THAT(IdsByAddress(*state), UnorderedElementsAre(Pair("k.one", "1"), Pair(R"(k.each["a\"$${b}"])", "2"),
                                                         Pair("k.each[3]", "4"), Pair(R"(module.m["x"].k.in)", "5")));
}

TEST(StateDocument, RefusesWhatIsNoState) {
  for (const char* text : {"", "not json", "[]", "{}", R"({"version": 3, "serial": 1, "lineage": "x"})",
                           R"({"version": 4, "serial": -1, "lineage": "x"})", R"({"version": 4, "serial": 1})",
                           R"({"version": 4, "serial": 1, "lineage": "x", "resources": [1]})",
                           R"({"version": 4, "serial": 1, "lineage": "x", "resources": [{"mode": "managed"}]})"}) {
    EXPECT_EQ(ReadState(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(StateDocument, DropsOneInstanceAndCountsUp) {
  const auto text = WithoutResource(kState, "k.each[3]");
  ASSERT_TRUE(text.ok()) << text.status();
  const auto state = ReadState(*text);
  EXPECT_EQ(state->serial, 8);
  EXPECT_EQ(IdsByAddress(*state).count("k.each[3]"), 0u);
  EXPECT_THAT(state->resources, SizeIs(4));
  EXPECT_EQ(WithoutResource(kState, "k.none").status().code(), absl::StatusCode::kNotFound);
}

TEST(StateDocument, EmptiesWithTheSameLineage) {
  const auto state = ReadState(*Emptied(kState));
  EXPECT_EQ(state->serial, 8);
  EXPECT_EQ(state->lineage, "l-1");
  EXPECT_THAT(state->resources, SizeIs(0));
}

}  // namespace
}  // namespace stratus::provisioning::service
