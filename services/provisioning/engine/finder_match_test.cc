#include "services/provisioning/engine/finder_match.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "services/provisioning/engine/finder_listing.h"

namespace stratus::provisioning::engine {
namespace {

using config::v1::FinderMatch;
using config::v1::FinderResource;
using nlohmann::json;

const absl::Time kStarted = absl::FromUnixSeconds(1768435200);  // 2026-01-15 00:00:00 UTC

FinderResource Resource(FinderMatch::Compare compare, const std::string& element = "") {
  FinderResource resource;
  resource.set_type("thing");
  resource.set_import_id("/id");
  FinderMatch* match = resource.add_match();
  match->set_attribute("a");
  match->add_fields("/x/y");
  match->add_fields("/z");
  match->set_compare(compare);
  match->set_element(element);
  match->set_required(true);
  return resource;
}

bool Match(const FinderResource& resource, const json& planned, const json& item) {
  const auto matches = Matches(resource, {{"a", planned}}, kStarted, item);
  EXPECT_TRUE(matches.ok()) << matches.status();
  return matches.value_or(false);
}

TEST(FinderMatch, TakesANumberAndItsTextForTheSame) {
  const FinderResource resource = Resource(FinderMatch::COMPARE_UNSPECIFIED);
  EXPECT_TRUE(Match(resource, "42", {{"z", 42}}));
  EXPECT_TRUE(Match(resource, 42, {{"z", "42"}}));
  EXPECT_FALSE(Match(resource, "42", {{"z", 43}}));
  EXPECT_FALSE(Match(resource, "Web", {{"z", "web"}}));
}

TEST(FinderMatch, IsContentWithOneOfTheFields) {
  const FinderResource resource = Resource(FinderMatch::COMPARE_UNSPECIFIED);
  EXPECT_TRUE(Match(resource, "u", {{"x", {{"y", "u"}}}, {"z", 1}}));
  EXPECT_TRUE(Match(resource, "1", {{"x", {{"y", "u"}}}, {"z", 1}}));
  EXPECT_EQ(Matches(resource, {{"a", "u"}}, kStarted, {{"w", "u"}}).status().code(), absl::StatusCode::kInternal);
}

TEST(FinderMatch, ComparesArraysAsSetsInAnyCase) {
  const FinderResource resource = Resource(FinderMatch::COMPARE_IGNORE_CASE);
  EXPECT_TRUE(Match(resource, {"Blue", "red"}, {{"z", {"RED", "blue"}}}));
  EXPECT_FALSE(Match(resource, {"blue"}, {{"z", {"red", "blue"}}}));
  EXPECT_TRUE(Match(resource, "LON1", {{"z", "lon1"}}));
}

TEST(FinderMatch, ReadsAFlagFromAListOfFeatures) {
  const FinderResource resource = Resource(FinderMatch::COMPARE_CONTAINS, "ipv6");
  EXPECT_TRUE(Match(resource, true, {{"z", {"ipv6", "backups"}}}));
  EXPECT_TRUE(Match(resource, false, {{"z", {"backups"}}}));
  EXPECT_FALSE(Match(resource, true, {{"z", {"backups"}}}));
  EXPECT_FALSE(Match(resource, false, {{"z", {"ipv6"}}}));
}

TEST(FinderMatch, NormalizesPublicKeys) {
  EXPECT_EQ(NormalizedPublicKey(" ssh-rsa\tAAAA  me@here \n"), "ssh-rsa AAAA");
  EXPECT_EQ(NormalizedPublicKey("ssh-rsa AAAA"), "ssh-rsa AAAA");
  EXPECT_EQ(NormalizedPublicKey(" broken "), "broken");
  EXPECT_EQ(NormalizedPublicKey(""), "");
}

TEST(FinderMatch, CountsBothEndsOfTheTimeOfCreation) {
  FinderResource resource = Resource(FinderMatch::COMPARE_UNSPECIFIED);
  resource.mutable_creation()->set_field("/at");
  resource.mutable_creation()->mutable_before()->set_seconds(60);
  resource.mutable_creation()->mutable_after()->set_seconds(3600);
  const auto made = [&](const char* at) { return Match(resource, 1, {{"z", 1}, {"at", at}}); };
  EXPECT_TRUE(made("2026-01-14T23:59:00Z"));
  EXPECT_FALSE(made("2026-01-14T23:58:59Z"));
  EXPECT_TRUE(made("2026-01-15T01:00:00.000Z"));
  EXPECT_FALSE(made("2026-01-15T01:00:00.5Z"));
  EXPECT_TRUE(made("2026-01-15T02:30:00+02:00"));
  for (const json& item : {json{{"z", 1}}, json{{"z", 1}, {"at", "today"}}, json{{"z", 1}, {"at", 1768435200}}}) {
    EXPECT_EQ(Matches(resource, {{"a", 1}}, kStarted, item).status().code(), absl::StatusCode::kInternal) << item;
  }
}

TEST(FinderMatch, NeedsAnIdToImport) {
  const FinderResource resource = Resource(FinderMatch::COMPARE_UNSPECIFIED);
  EXPECT_EQ(*ImportId(resource, {{"id", 7}}), "7");
  EXPECT_EQ(*ImportId(resource, {{"id", "u-7"}}), "u-7");
  for (const json& item : {json{{"id", ""}}, json{{"id", nullptr}}, json{{"id", 1.5}}, json::object()}) {
    EXPECT_FALSE(ImportId(resource, item).ok()) << item;
  }
}

TEST(FinderUrl, IsJoinedAsTheProvidersDo) {
  EXPECT_EQ(JoinUrl("https://api.example.com", "v2/x?p=1"), "https://api.example.com/v2/x?p=1");
  EXPECT_EQ(JoinUrl("https://api.example.com/", "v2/x"), "https://api.example.com/v2/x");
  EXPECT_EQ(JoinUrl("https://api.example.com", "/v2/x"), "https://api.example.com/v2/x");
  EXPECT_EQ(JoinUrl("http://h:1/do/", "v2/x"), "http://h:1/do/v2/x");
  EXPECT_EQ(JoinUrl("http://h:1/do/", "/v2/x"), "http://h:1/v2/x");
  EXPECT_EQ(JoinUrl("http://h:1/do?q=1", "v2/x"), "http://h:1/v2/x");
}

}  // namespace
}  // namespace stratus::provisioning::engine
