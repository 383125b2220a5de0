#include "gateway/openapi/document.h"

#include <set>
#include <string>
#include <vector>

#include "gateway/openapi/json.h"
#include "gateway/openapi/testing/descriptor_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/auth/policy.h"

namespace stratus::gateway::openapi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// The document of testdata/library.proto.
class OpenApiDocument : public ::testing::Test {
 protected:
  OpenApiDocument() : file_(LIBRARY_DESCRIPTORS), policies_(auth::PolicyTable::Compile(file_.services(), {})) {
    EXPECT_TRUE(policies_.ok()) << policies_.status();
    options_.title = "Library";
    options_.version = "1.2.3";
    options_.policy = [this](std::string_view path) -> const auth::Policy& { return policies_->Find(path); };
  }

  Json BuildJson() {
    const Document document = Build(file_.services(), options_);
    warnings_ = document.warnings;
    return Json::parse(document.json);
  }
  Json Operation(const std::string& method, const std::string& path) { return BuildJson()["paths"][path][method]; }
  Json Schema(const std::string& name) { return BuildJson()["components"]["schemas"][name]; }
  static Json Parameter(const Json& operation, const std::string& name) {
    for (const Json& parameter : operation["parameters"]) {
      if (parameter["name"] == name) return parameter;
    }
    return Json();
  }
  static std::vector<std::string> ParameterNames(const Json& operation) {
    std::vector<std::string> names;
    for (const Json& parameter : operation["parameters"]) names.push_back(parameter["name"]);
    return names;
  }

  testing::DescriptorFile file_;
  absl::StatusOr<auth::PolicyTable> policies_;
  DocumentOptions options_;
  std::vector<std::string> warnings_;
};

TEST_F(OpenApiDocument, IsTheSameEveryTime) {
  EXPECT_EQ(Build(file_.services(), options_).json, Build(file_.services(), options_).json);
}

TEST_F(OpenApiDocument, SaysWhatItIs) {
  const Json document = BuildJson();
  EXPECT_EQ(document["openapi"], "3.1.0");
  EXPECT_EQ(document["info"], Json::parse(R"({"title": "Library", "version": "1.2.3"})"));
}

TEST_F(OpenApiDocument, GivesEveryOperationAnIdOfItsOwn) {
  std::set<std::string> ids;
  size_t operations = 0;
  const Json document = BuildJson();
  for (const auto& [path, item] : document["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      ids.insert(operation["operationId"]);
      ++operations;
    }
  }
  EXPECT_EQ(ids.size(), operations);
  EXPECT_EQ(operations, 17u);  // eleven bindings, five operations for `*`, /health
}

TEST_F(OpenApiDocument, DescribesEveryBindingOfAMethod) {
  const Json first = Operation("get", "/v1/shelves/{shelvesId}/books/{booksId}");
  EXPECT_EQ(first["operationId"], "Library_GetBook");
  EXPECT_EQ(first["summary"], "Gets a book");
  EXPECT_THAT(std::string(first["description"]), HasSubstr("A second paragraph."));
  EXPECT_THAT(std::string(first["description"]), Not(HasSubstr("not for the public")));
  EXPECT_EQ(first["x-idempotency-level"], "NO_SIDE_EFFECTS");
  EXPECT_THAT(ParameterNames(first), ElementsAre("shelvesId", "booksId", "mask"));
  EXPECT_THAT(std::string(Parameter(first, "booksId")["description"]),
              HasSubstr("Part of `name`, which is `shelves/{shelvesId}/books/{booksId}`."));
  const Json second = Operation("get", "/v1/books/{name}");
  EXPECT_EQ(second["operationId"], "Library_GetBook_2");
  EXPECT_THAT(ParameterNames(second), ElementsAre("name", "mask"));
}

TEST_F(OpenApiDocument, PutsEveryOtherLeafIntoTheQuery) {
  const Json list = Operation("get", "/v1/shelves/{shelvesId}/books");
  EXPECT_THAT(ParameterNames(list),
              ElementsAre("shelvesId", "pageSize", "filter.afterTime", "filter.lent", "labels", "genres", "sinceId"));
  EXPECT_EQ(Parameter(list, "pageSize")["required"], true);
  EXPECT_FALSE(Parameter(list, "labels").contains("required"));
  EXPECT_EQ(Parameter(list, "filter.afterTime")["schema"]["format"], "date-time");
  EXPECT_EQ(Parameter(list, "labels")["style"], "deepObject");
  EXPECT_EQ(Parameter(list, "genres")["schema"],
            Json::parse(R"({"type": "array", "items": {"$ref": "#/components/schemas/library.v1.Genre"}})"));
  EXPECT_EQ(Parameter(list, "sinceId")["deprecated"], true);
  EXPECT_EQ(Parameter(list, "pageSize")["description"], "Rows wanted.");
}

TEST_F(OpenApiDocument, SpellsNamesAsTheGatewayIsConfigured) {
  options_.preserve_proto_field_names = true;
  options_.enums_as_integers = true;
  const Json list = Operation("get", "/v1/shelves/{shelvesId}/books");
  EXPECT_FALSE(Parameter(list, "filter.after_time").is_null());
  EXPECT_TRUE(Schema("library.v1.ListBooksResponse").is_null());
  EXPECT_TRUE(Schema("library.v1.Kinds")["properties"].contains("an_int32"));
  EXPECT_EQ(Schema("library.v1.Genre")["enum"], Json::parse("[0, 1, 2]"));
}

TEST_F(OpenApiDocument, TakesABodyFromOneFieldAndTheRestFromTheQuery) {
  const Json create = Operation("post", "/v1/shelves/{shelvesId}/books");
  EXPECT_EQ(create["requestBody"]["content"]["application/json"]["schema"]["$ref"],
            "#/components/schemas/library.v1.Book");
  EXPECT_THAT(ParameterNames(create), ElementsAre("shelvesId", "bookId"));
}

TEST_F(OpenApiDocument, LeavesPathVariablesOutOfAWholeBody) {
  const Json lend = Operation("post", "/v1/books/{id}:lend");
  EXPECT_THAT(ParameterNames(lend), ElementsAre("id"));
  const Json schema = lend["requestBody"]["content"]["application/json"]["schema"];
  EXPECT_FALSE(schema["properties"].contains("id"));
  EXPECT_EQ(schema["required"], Json::parse(R"(["to"])"));
  EXPECT_EQ(lend["deprecated"], true);
}

TEST_F(OpenApiDocument, TakesAResponseBodyFromOneField) {
  const Json list = Operation("get", "/v1/shelves/{shelvesId}/books");
  EXPECT_EQ(list["responses"]["200"]["content"]["application/json"]["schema"],
            Json::parse(R"({"type": "array", "items": {"$ref": "#/components/schemas/library.v1.Book"}})"));
}

TEST_F(OpenApiDocument, DescribesTheFormsOfAServerStream) {
  const Json content = Operation("get", "/v1/shelves/{shelf}:watch")["responses"]["200"]["content"];
  const Json book = Json::parse(R"({"$ref": "#/components/schemas/library.v1.Book"})");
  const Json record = {{"anyOf", Json::array({book, {{"$ref", "#/components/schemas/StreamError"}}})}};
  EXPECT_EQ(content["application/json"]["schema"]["items"], record);
  EXPECT_EQ(content["application/x-ndjson"]["schema"]["items"], record);
  const Json events = content["text/event-stream"]["schema"]["items"]["anyOf"];
  EXPECT_EQ(events[0]["properties"]["data"]["contentSchema"], book);
  EXPECT_EQ(events[1]["properties"]["event"]["const"], "error");
}

TEST_F(OpenApiDocument, DescribesTheFormsOfAClientStream) {
  const Json content = Operation("post", "/v1/import")["requestBody"]["content"];
  const Json books = Json::parse(R"({"type": "array", "items": {"$ref": "#/components/schemas/library.v1.Book"}})");
  EXPECT_EQ(content["application/json"]["schema"], books);
  EXPECT_EQ(content["application/x-ndjson"]["schema"], books);
  EXPECT_EQ(Operation("post", "/v1/upload")["requestBody"]["content"], Json::parse(R"({"*/*": {}})"));
}

TEST_F(OpenApiDocument, TakesAndGivesHttpBodyAsAnyContent) {
  EXPECT_EQ(Operation("get", "/v1/content/{name}")["responses"]["200"]["content"], Json::parse(R"({"*/*": {}})"));
  const Json write = Operation("put", "/v1/content/{name}");
  EXPECT_EQ(write["requestBody"]["content"], Json::parse(R"({"*/*": {}})"));
  // The same path as ReadBook's, whose variable has another name.
  EXPECT_THAT(std::string(Parameter(write, "name")["description"]), HasSubstr("The request's `path`."));
  EXPECT_TRUE(Schema("google.api.HttpBody").is_null());
}

TEST_F(OpenApiDocument, DescribesErrorsAsStatus) {
  const Json document = BuildJson();
  const Json responses = document["paths"]["/v1/books/{id}:lend"]["post"]["responses"];
  for (const char* status : {"400", "401", "403", "404", "413", "415", "429", "500", "503", "504", "default"}) {
    const std::string reference = responses[status]["$ref"];
    const Json response = document.at(Json::json_pointer(reference.substr(1)));
    EXPECT_EQ(response["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/google.rpc.Status");
  }
  const Json status = document["components"]["schemas"]["google.rpc.Status"];
  EXPECT_EQ(status["properties"]["code"]["type"], "integer");
  EXPECT_EQ(status["properties"]["details"]["items"]["required"], Json::parse(R"(["@type"])"));
  EXPECT_FALSE(document["paths"]["/v1/content/{name}"]["get"]["responses"].contains("401"));
}

TEST_F(OpenApiDocument, StatesWhatEachMethodNeeds) {
  const Json get = Operation("get", "/v1/books/{name}");
  EXPECT_EQ(get["security"], Json::parse(R"([{"bearerAuth": ["books.read"]}, {"bearerAuth": ["books.all"]}])"));
  EXPECT_THAT(std::string(get["description"]),
              HasSubstr("Needs a token with one of the scopes `books.read`, `books.all`."));
  const Json create = Operation("post", "/v1/shelves/{shelvesId}/books");
  EXPECT_EQ(create["security"], Json::parse(R"([{"bearerAuth": []}])"));
  EXPECT_THAT(std::string(create["description"]), HasSubstr("Needs a token of a member of the group `librarians`."));
  const Json update = Operation("patch", "/v1/shelves/{shelvesId}/books/{booksId}");
  EXPECT_EQ(update["security"], Json::parse(R"([{"bearerAuth": ["books.write"]}, {"bearerAuth": []}])"));
  EXPECT_THAT(std::string(update["description"]),
              HasSubstr("Needs a token with the scope `books.write`, or one of a member of the group `librarians`."));
  EXPECT_EQ(Operation("get", "/v1/content/{name}")["security"], Json::array());
  EXPECT_THAT(std::string(Operation("post", "/v1/books/{id}:lend")["description"]),
              HasSubstr("Denied to every caller"));
}

TEST_F(OpenApiDocument, OffersClientCredentialsWhereTheIssuerIsKnown) {
  EXPECT_FALSE(BuildJson()["components"]["securitySchemes"].contains("oauth2"));
  options_.token_url = "https://issuer.example/oauth2/token";
  const Json document = BuildJson();
  const Json flow = document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"];
  EXPECT_EQ(flow["tokenUrl"], options_.token_url);
  EXPECT_TRUE(flow["scopes"].contains("books.read"));
  EXPECT_EQ(document["paths"]["/v1/shelves/{shelf}:watch"]["get"]["security"],
            Json::parse(R"([{"bearerAuth": ["books.read"]}, {"oauth2": ["books.read"]}])"));
}

TEST_F(OpenApiDocument, StatesNoSecurityWhereNoneIsEnforced) {
  options_.policy = nullptr;
  const Json document = BuildJson();
  EXPECT_FALSE(document["components"].contains("securitySchemes"));
  const Json get = document["paths"]["/v1/books/{name}"]["get"];
  EXPECT_FALSE(get.contains("security"));
  EXPECT_FALSE(get["responses"].contains("401"));
}

TEST_F(OpenApiDocument, MapsEveryTypeAsProtoJsonDoes) {
  const Json p = Schema("library.v1.Kinds")["properties"];
  const auto without_text = [&p](const char* name) {
    Json schema = p[name];
    schema.erase("description");
    return schema.dump();
  };
  EXPECT_EQ(without_text("aDouble"), R"({"type":"number","format":"double"})");
  EXPECT_EQ(without_text("aFloat"), R"({"type":"number","format":"float"})");
  for (const char* name : {"anInt32", "aSint32", "aSfixed32"}) {
    EXPECT_EQ(without_text(name), R"({"type":"integer","format":"int32"})") << name;
  }
  for (const char* name : {"aUint32", "aFixed32"}) {
    EXPECT_EQ(without_text(name), R"({"type":"integer","format":"uint32","minimum":0,"maximum":4294967295})") << name;
  }
  for (const char* name : {"anInt64", "aSint64", "aSfixed64"}) {
    EXPECT_EQ(without_text(name), R"({"type":"string","format":"int64","pattern":"^-?[0-9]+$"})") << name;
  }
  for (const char* name : {"aUint64", "aFixed64"}) {
    EXPECT_EQ(without_text(name), R"({"type":"string","format":"uint64","pattern":"^[0-9]+$"})") << name;
  }
  EXPECT_EQ(without_text("aBool"), R"({"type":"boolean"})");
  EXPECT_EQ(without_text("aString"), R"({"type":"string"})");
  EXPECT_EQ(without_text("aBytes"), R"({"type":"string","format":"byte","contentEncoding":"base64"})");
  EXPECT_EQ(without_text("timestamp"), R"({"type":"string","format":"date-time"})");
  EXPECT_EQ(p["duration"]["pattern"], R"(^-?[0-9]+(\.[0-9]{1,9})?s$)");
  EXPECT_EQ(p["fieldMask"]["type"], "string");
  EXPECT_EQ(without_text("struct"), R"({"type":"object","additionalProperties":true})");
  EXPECT_EQ(without_text("value"), "{}");
  EXPECT_EQ(without_text("listValue"), R"({"type":"array","items":{}})");
  EXPECT_EQ(p["any"]["required"], Json::parse(R"(["@type"])"));
  EXPECT_EQ(without_text("empty"), R"({"type":"object"})");
  EXPECT_EQ(without_text("nullValue"), R"({"type":"null"})");
  EXPECT_EQ(without_text("wrappedDouble"), R"({"type":["number","null"],"format":"double"})");
  EXPECT_EQ(p["wrappedInt64"]["type"], Json::parse(R"(["string", "null"])"));
  EXPECT_EQ(p["wrappedBytes"]["contentEncoding"], "base64");
  EXPECT_EQ(p["byNumber"]["additionalProperties"]["$ref"], "#/components/schemas/library.v1.Book");
  EXPECT_EQ(p["byNumber"]["propertyNames"]["pattern"], "^-?[0-9]+$");
  EXPECT_EQ(p["byBool"]["propertyNames"]["enum"], Json::parse(R"(["true", "false"])"));
  EXPECT_EQ(p["self"]["$ref"], "#/components/schemas/library.v1.Kinds");
  EXPECT_TRUE(p.contains("@other"));
}

TEST_F(OpenApiDocument, CarriesCommentsAndFieldBehavior) {
  const Json book = Schema("library.v1.Book");
  EXPECT_EQ(book["description"], "A book.\n\nAt most one of `shelf`, `borrower` is set.");
  EXPECT_EQ(book["required"], Json::parse(R"(["title"])"));
  EXPECT_EQ(book["properties"]["name"]["readOnly"], true);
  EXPECT_EQ(book["properties"]["secret"]["writeOnly"], true);
  EXPECT_EQ(book["properties"]["title"]["description"], "As printed.");
  const Json genre = Schema("library.v1.Genre");
  EXPECT_EQ(genre["type"], "string");
  EXPECT_EQ(genre["enum"], Json::parse(R"(["GENRE_UNSPECIFIED", "GENRE_FICTION", "GENRE_SCIENCE"])"));
  EXPECT_EQ(genre["description"],
            "What kind of book.\n\n- `GENRE_UNSPECIFIED`: Not known.\n- `GENRE_FICTION`: Made up, all of it.\n"
            "- `GENRE_SCIENCE`");
}

TEST_F(OpenApiDocument, HoldsWhatIsReachableAndNothingElse) {
  const Json document = BuildJson();
  EXPECT_FALSE(document["components"]["schemas"].contains("library.v1.Unused"));
  std::vector<std::string> tags;
  for (const Json& tag : document["tags"]) tags.push_back(tag["name"]);
  EXPECT_THAT(tags, ElementsAre("Library", "Gateway"));
  EXPECT_EQ(document["tags"][0]["description"], "Books on shelves.");
  // Every reference leads somewhere.
  const std::string text = document.dump();
  for (size_t at = text.find("\"$ref\":\""); at != text.npos; at = text.find("\"$ref\":\"", at + 1)) {
    const size_t begin = at + 9;
    EXPECT_TRUE(document.contains(Json::json_pointer(text.substr(begin, text.find('"', begin) - begin))));
  }
}

TEST_F(OpenApiDocument, WarnsOfWhatItCannotDescribe) {
  BuildJson();
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("library.v1.Library.Link, `LINK /v1/link`: OpenAPI 3.1")));
}

TEST_F(OpenApiDocument, DescribesTheHealthCheckWhereItIsServed) {
  EXPECT_EQ(Operation("get", "/health")["security"], Json::array());
  options_.health_path = "";
  EXPECT_FALSE(BuildJson()["paths"].contains("/health"));
}

}  // namespace
}  // namespace stratus::gateway::openapi
