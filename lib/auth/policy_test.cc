#include "lib/auth/policy.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

namespace stratus::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = Policy::Kind;
using stratus::auth::v1::Authorization;

Authorization Scopes(std::vector<std::string> scopes, std::vector<std::string> groups = {}) {
  Authorization authorization;
  for (auto& scope : scopes) authorization.add_any_scope(std::move(scope));
  for (auto& group : groups) authorization.add_any_group(std::move(group));
  return authorization;
}

Authorization Public() {
  Authorization authorization;
  authorization.set_public_(true);
  return authorization;
}

// A service `test.v1.Books` whose methods are given with or without an option, in a pool of its own: as descriptors
// come from a file.
class Books {
 public:
  explicit Books(const std::vector<std::pair<std::string, std::optional<Authorization>>>& methods) {
    google::protobuf::FileDescriptorProto file;
    file.set_name("books.proto");
    file.set_package("test.v1");
    file.add_message_type()->set_name("M");
    auto* service = file.add_service();
    service->set_name("Books");
    for (const auto& [name, authorization] : methods) {
      auto* method = service->add_method();
      method->set_name(name);
      method->set_input_type(".test.v1.M");
      method->set_output_type(".test.v1.M");
      if (authorization.has_value()) {
        *method->mutable_options()->MutableExtension(stratus::auth::v1::authorization) = *authorization;
      }
    }
    google::protobuf::FileDescriptorProto read_back;
    EXPECT_TRUE(read_back.ParseFromString(file.SerializeAsString()));
    service_ = pool_.BuildFile(read_back)->service(0);
  }

  absl::StatusOr<PolicyTable> Compile(const std::vector<Rule>& rules = {}) const {
    return PolicyTable::Compile({&service_, 1}, rules);
  }

 private:
  google::protobuf::DescriptorPool pool_;
  const google::protobuf::ServiceDescriptor* service_;
};

Principal With(std::vector<std::string> scopes, std::vector<std::string> groups = {}) {
  Principal principal;
  principal.scopes = std::move(scopes);
  principal.groups = std::move(groups);
  return principal;
}

TEST(Policy, ScopesAreASetComparedWholeAndCaseSensitively) {
  const Policy policy{.kind = Kind::kRequired, .any_scope = {"test/weatherforcastapi", "a/read"}, .any_group = {}};
  EXPECT_TRUE(policy.Allows(With({"a/read"})));
  EXPECT_TRUE(policy.Allows(With({"other", "test/weatherforcastapi"})));
  for (const char* near : {"a/rea", "a/read2", "a/Read", "A/READ", "xa/read", "a/read/", "a", "read", "", "a/*", "*",
                           "test/weatherforecastapi"}) {
    EXPECT_FALSE(policy.Allows(With({near}))) << near;
  }
  EXPECT_FALSE(policy.Allows(With({})));
  EXPECT_FALSE(policy.Allows(With({}, {"a/read"})));  // a group of a scope's name
}

TEST(Policy, AGroupDoesInPlaceOfAScope) {
  const Policy policy{.kind = Kind::kRequired, .any_scope = {"a/read"}, .any_group = {"admins"}};
  EXPECT_TRUE(policy.Allows(With({}, {"admins", "users"})));
  EXPECT_FALSE(policy.Allows(With({"admins"}, {})));
  EXPECT_FALSE(policy.Allows(With({}, {"admin"})));
}

TEST(Policy, DeniedAllowsNobodyAndARequirementOfNothingNeither) {
  EXPECT_FALSE(Policy{}.Allows(With({"a"}, {"b"})));
  const Policy nothing{.kind = Kind::kRequired, .any_scope = {}, .any_group = {}};
  EXPECT_FALSE(nothing.Allows(With({"a"}, {"b"})));
}

TEST(PolicyTable, ReadsTheOptionOfEachMethod) {
  const Books books({{"Read", Scopes({"books/read"})},
                     {"Manage", Scopes({"b/w"}, {"admins"})},
                     {"Ping", Public()},
                     {"Forgotten", std::nullopt}});
  const auto table = books.Compile();
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->Find("/test.v1.Books/Read").kind, Kind::kRequired);
  EXPECT_THAT(table->Find("/test.v1.Books/Read").any_scope, ElementsAre("books/read"));
  EXPECT_THAT(table->Find("/test.v1.Books/Manage").any_group, ElementsAre("admins"));
  EXPECT_EQ(table->Find("/test.v1.Books/Ping").kind, Kind::kPublic);
  EXPECT_EQ(table->Find("/test.v1.Books/Forgotten").kind, Kind::kDenied);
  EXPECT_THAT(table->denied_methods(), ElementsAre("/test.v1.Books/Forgotten"));
  EXPECT_THAT(table->public_methods(), ElementsAre("/test.v1.Books/Ping"));
}

TEST(PolicyTable, AnOptionThatContradictsItselfDeniesEvenWhereARuleWouldAllow) {
  Authorization both = Public();
  both.add_any_scope("a");
  const Books books({{"Empty", Authorization()},
                     {"Both", both},
                     {"Quote", Scopes({"a\" x=\""})},
                     {"Space", Scopes({"a b"})},
                     {"Blank", Scopes({""})},
                     {"BlankGroup", Scopes({}, {""})}});
  const auto table = books.Compile({{"test.v1.Books.*", Public()}});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->denied_methods().size(), 6u);
  EXPECT_THAT(table->public_methods(), IsEmpty());
}

TEST(PolicyTable, ARuleServesMethodsWithoutAnOptionAndAnOptionBeatsIt) {
  const Books books({{"Read", Scopes({"books/read"})}, {"List", std::nullopt}});
  const auto table = books.Compile({{"test.v1.Books.*", Public()}});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->Find("/test.v1.Books/List").kind, Kind::kPublic);
  EXPECT_EQ(table->Find("/test.v1.Books/Read").kind, Kind::kRequired);
  EXPECT_THAT(table->denied_methods(), IsEmpty());
}

TEST(PolicyTable, TheLongestSelectorWinsWhateverTheOrder) {
  const Books books({{"List", std::nullopt}, {"Get", std::nullopt}});
  const auto table = books.Compile(
      {{"test.*", Public()}, {"test.v1.Books.List", Scopes({"list"})}, {"test.v1.Books.*", Scopes({"all"})}});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->Find("/test.v1.Books/List").any_scope, ElementsAre("list"));
  EXPECT_THAT(table->Find("/test.v1.Books/Get").any_scope, ElementsAre("all"));
  EXPECT_EQ(table->Find("/test.v2.Other/Get").kind, Kind::kPublic);
}

TEST(PolicyTable, ASelectorEndsAtADot) {
  const auto table = PolicyTable::Compile({}, std::vector<Rule>{{"test.v1.*", Public()}, {"a.B.C", Public()}});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->Find("/test.v1.Books/List").kind, Kind::kPublic);
  EXPECT_EQ(table->Find("/test.v1beta.Books/List").kind, Kind::kDenied);
  EXPECT_EQ(table->Find("/test.v1/").kind, Kind::kDenied);
  EXPECT_EQ(table->Find("/a.B/C").kind, Kind::kPublic);
  EXPECT_EQ(table->Find("/a.B/CD").kind, Kind::kDenied);
  EXPECT_EQ(table->Find("/a/B/C").kind, Kind::kDenied);
}

TEST(PolicyTable, HealthReflectionAndOperationsAreBuiltIn) {
  const auto table = PolicyTable::Compile({}, {});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->Find("/grpc.health.v1.Health/Check").kind, Kind::kPublic);
  EXPECT_EQ(table->Find("/grpc.health.v1.Health/Watch").kind, Kind::kPublic);
  EXPECT_EQ(table->Find("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo").kind, Kind::kPublic);
  EXPECT_EQ(table->Find("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo").kind, Kind::kPublic);
  EXPECT_THAT(table->Find("/google.longrunning.Operations/GetOperation").any_scope,
              ElementsAre("stratus/operations.read"));
  EXPECT_THAT(table->Find("/google.longrunning.Operations/CancelOperation").any_scope,
              ElementsAre("stratus/runs.cancel"));
  EXPECT_EQ(table->Find("/grpc.channelz.v1.Channelz/GetServers").kind, Kind::kDenied);
}

TEST(PolicyTable, AConfiguredRuleBeatsABuiltInOneOfItsLength) {
  const auto table = PolicyTable::Compile({}, std::vector<Rule>{{"google.longrunning.Operations.*", Scopes({"ops"})}});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->Find("/google.longrunning.Operations/GetOperation").any_scope, ElementsAre("ops"));
  // Its own selector is the longer one.
  EXPECT_THAT(table->Find("/google.longrunning.Operations/CancelOperation").any_scope,
              ElementsAre("stratus/runs.cancel"));
}

TEST(PolicyTable, UnknownAndMalformedPathsAreDenied) {
  const Books books({{"Ping", Public()}});
  const auto table = books.Compile();
  ASSERT_TRUE(table.ok()) << table.status();
  for (const char* path : {"", "/", "//", "test.v1.Books/Ping", "/test.v1.Books/Ping/", "/test.v1.Books/ping",
                           "/test.v1.Books.Ping", "/test.v1.Books//Ping", "/test.v1.Books/Ping?x"}) {
    EXPECT_EQ(table->Find(path).kind, Kind::kDenied) << path;
  }
}

TEST(PolicyTable, MalformedRulesAreRefusedByName) {
  const auto error = [](Rule rule) {
    const auto table = PolicyTable::Compile({}, std::vector<Rule>{std::move(rule)});
    EXPECT_EQ(table.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(table.status().message());
  };
  for (const char* selector : {"", "*", ".*", "a..b", ".a", "a.", "a.*.b", "a*", "a/b", "a b", "1a.B", "/a.B/C"}) {
    EXPECT_THAT(error({selector, Public()}), HasSubstr("the selector is not of the form")) << selector;
  }
  EXPECT_THAT(error({"a.B.*", Authorization()}), HasSubstr("rule for `a.B.*`: the authorization is empty"));
  Authorization both = Public();
  both.add_any_group("g");
  EXPECT_THAT(error({"a.B.*", both}), HasSubstr("`public` stands together"));
  EXPECT_THAT(error({"a.B.*", Scopes({"a b"})}), HasSubstr("a scope is empty or holds"));
  const auto twice = PolicyTable::Compile({}, std::vector<Rule>{{"a.B.*", Public()}, {"a.B.*", Public()}});
  EXPECT_THAT(std::string(twice.status().message()), HasSubstr("given twice"));
}

}  // namespace
}  // namespace stratus::auth
