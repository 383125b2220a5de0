#include "gateway/openapi/path_key.h"

#include <string>

#include "gtest/gtest.h"

namespace stratus::gateway::openapi {
namespace {

PathKey KeyOf(std::string_view path_template) {
  const auto parsed = route::ParseTemplate(path_template);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return MakePathKey(*parsed);
}

TEST(PathKey, KeepsWhatOpenApiWritesTheSameWay) {
  EXPECT_EQ(KeyOf("/").key, "/");
  EXPECT_EQ(KeyOf("/v1/weather:today").key, "/v1/weather:today");
  EXPECT_EQ(KeyOf("/v1/{name}/items/{item.id=*}:go").key, "/v1/{name}/items/{item.id}:go");
  EXPECT_EQ(KeyOf("/v1/caf%C3%A9/a%20b").key, "/v1/caf%c3%a9/a%20b");
}

TEST(PathKey, TakesVariablesOfSeveralSegmentsApart) {
  const PathKey path = KeyOf("/v1/{name=shelves/*/books/*}");
  EXPECT_EQ(path.key, "/v1/shelves/{shelvesId}/books/{booksId}");
  ASSERT_EQ(path.parameters.size(), 2u);
  EXPECT_EQ(path.parameters[1].variable, "name");
  EXPECT_EQ(PatternOf(path, path.parameters[1]), "shelves/{shelvesId}/books/{booksId}");
  EXPECT_EQ(KeyOf("/v1/{name=api-keys/*}").key, "/v1/api-keys/{apiKeysId}");
  EXPECT_EQ(KeyOf("/v1/{x=*/*}").key, "/v1/{x}/{x2}");
  EXPECT_EQ(KeyOf("/v1/{a=k/*}/{b=k/*}").key, "/v1/k/{kId}/k/{kId2}");
}

TEST(PathKey, NamesWildcardsThatAreNoVariables) {
  EXPECT_EQ(KeyOf("/v1/*/**").key, "/v1/{v1Id}/{rest}");
  EXPECT_EQ(KeyOf("/*").key, "/{segment}");
  EXPECT_TRUE(KeyOf("/v1/{path=**}").parameters[0].rest);
  EXPECT_EQ(KeyOf("/v1/{path=a/**}").key, "/v1/a/{path}");
}

TEST(PathKey, AdoptsTheNamesOfThePathThatCameFirst) {
  const PathKey first = KeyOf("/v1/{name=shelves/*}/books");
  PathKey second = KeyOf("/v1/shelves/{shelf}/books");
  ASSERT_EQ(first.shape, second.shape);
  AdoptNames(first, &second);
  EXPECT_EQ(second.key, first.key);
  EXPECT_EQ(second.parameters[0].name, "shelvesId");
  EXPECT_EQ(second.parameters[0].variable, "shelf");
  EXPECT_NE(KeyOf("/v1/{a}").shape, KeyOf("/v1/{a}:go").shape);
}

}  // namespace
}  // namespace stratus::gateway::openapi
