#include "gateway/route/router.h"

#include <cstdlib>
#include <map>
#include <new>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

thread_local size_t allocations = 0;

}  // namespace

// Counts this thread's allocations, for the promise that a match makes none. Not inlined: g++ takes the pair apart then
// and warns of a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace stratus::gateway::route {
namespace {

using ::testing::HasSubstr;
using Fields = std::map<std::string, std::string>;

// A router whose routes are known by name, and matches read back as text.
class Routes {
 public:
  Routes& With(std::string_view method, std::string_view path_template, std::string name = "") {
    if (name.empty()) name = path_template;
    const absl::StatusOr<int> number = router_.Add(method, path_template, name);
    EXPECT_TRUE(number.ok()) << number.status();
    EXPECT_EQ(number.value_or(-1), static_cast<int>(names_.size()));
    names_.push_back(name);
    return *this;
  }

  // The route's name, `404`, or `405 ` and what is allowed.
  std::string Find(std::string_view method, std::string_view path) {
    path_ = path;  // captures point into it
    std::string allow;
    switch (router_.Find(method, path_, &match_, &allow)) {
      case Outcome::kNoSuchPath: return "404";
      case Outcome::kWrongMethod: return "405 " + allow;
      case Outcome::kFound: return names_[static_cast<size_t>(match_.route)];
    }
    return "?";
  }
  std::string Get(std::string_view path) { return Find("GET", path); }

  // Variables of the last match, decoded; `%` for a malformed escape.
  Fields fields() const {
    Fields fields;
    for (const Capture& capture : match_.captures) {
      std::string value;
      if (!Decode(capture, &value)) value = "%";
      fields[router_.variables(match_.route)[capture.variable]] = value;
    }
    return fields;
  }
  Router& router() { return router_; }

 private:
  Router router_;
  std::vector<std::string> names_;
  std::string path_;
  Match match_;
};

TEST(Router, MatchesLiteralsWholeAndCaseSensitively) {
  Routes routes;
  routes.With("GET", "/v1/weather");
  EXPECT_EQ(routes.Get("/v1/weather"), "/v1/weather");
  for (const char* path :
       {"/v1/Weather", "/v1/weathe", "/v1/weatherx", "/v1", "/v1/weather/x", "v1/weather", "", "*"}) {
    EXPECT_EQ(routes.Get(path), "404") << path;
  }
}

TEST(Router, MatchesTheRoot) {
  Routes routes;
  routes.With("GET", "/");
  EXPECT_EQ(routes.Get("/"), "/");
  EXPECT_EQ(routes.Get("//"), "404");
}

TEST(Router, CapturesASingleSegment) {
  Routes routes;
  routes.With("GET", "/v1/{name}/items/{item.id=*}");
  ASSERT_EQ(routes.Get("/v1/a/items/b"), "/v1/{name}/items/{item.id=*}");
  EXPECT_EQ(routes.fields(), (Fields{{"name", "a"}, {"item.id", "b"}}));
  EXPECT_EQ(routes.Get("/v1/a/b/items/c"), "404");
}

TEST(Router, CapturesSeveralSegmentsAsOneValue) {
  Routes routes;
  routes.With("GET", "/v1/{parent=projects/*/stacks/*}/runs/{run}");
  ASSERT_NE(routes.Get("/v1/projects/p/stacks/s/runs/r"), "404");
  EXPECT_EQ(routes.fields(), (Fields{{"parent", "projects/p/stacks/s"}, {"run", "r"}}));
  EXPECT_EQ(routes.Get("/v1/projects/p/other/s/runs/r"), "404");
}

TEST(Router, CapturesTheRestOfThePath) {
  Routes routes;
  routes.With("GET", "/v1/files/{path=**}").With("GET", "/v1/{name=shelves/*/**}");
  ASSERT_EQ(routes.Get("/v1/files/a/b/c.txt"), "/v1/files/{path=**}");
  EXPECT_EQ(routes.fields(), (Fields{{"path", "a/b/c.txt"}}));
  ASSERT_EQ(routes.Get("/v1/shelves/s/x/y"), "/v1/{name=shelves/*/**}");
  EXPECT_EQ(routes.fields(), (Fields{{"name", "shelves/s/x/y"}}));
}

TEST(Router, LetsTwoStarsMatchZeroSegments) {
  Routes routes;
  routes.With("GET", "/v1/files/{path=**}").With("GET", "/v1/{name=shelves/**}").With("GET", "/**", "any");
  ASSERT_EQ(routes.Get("/v1/files"), "/v1/files/{path=**}");
  EXPECT_EQ(routes.fields(), (Fields{{"path", ""}}));
  ASSERT_EQ(routes.Get("/v1/shelves"), "/v1/{name=shelves/**}");
  EXPECT_EQ(routes.fields(), (Fields{{"name", "shelves"}}));
  EXPECT_EQ(routes.Get("/"), "any");
}

TEST(Router, RefusesEmptySegmentsEvenUnderTwoStars) {
  Routes routes;
  routes.With("GET", "/v1/{x}").With("GET", "/v1/files/{path=**}");
  for (const char* path : {"/v1/", "/v1//", "//v1/a", "/v1/files/", "/v1/files//a", "/v1/files/a/", "/v1/files/a//b"}) {
    EXPECT_EQ(routes.Get(path), "404") << path;
  }
}

TEST(Router, PrefersLiteralToStarToTwoStars) {
  Routes routes;
  routes.With("GET", "/v1/**", "rest").With("GET", "/v1/*", "one").With("GET", "/v1/weather", "literal");
  EXPECT_EQ(routes.Get("/v1/weather"), "literal");
  EXPECT_EQ(routes.Get("/v1/other"), "one");
  EXPECT_EQ(routes.Get("/v1/other/deep"), "rest");
  EXPECT_EQ(routes.Get("/v1"), "rest");
}

TEST(Router, DecidesPrecedenceFromTheLeft) {
  Routes routes;
  routes.With("GET", "/a/{x}/{y}", "left").With("GET", "/{x}/b/c", "right");
  EXPECT_EQ(routes.Get("/a/b/c"), "left");
}

TEST(Router, BacktracksOutOfALiteralThatLeadsNowhere) {
  Routes routes;
  routes.With("GET", "/v1/{x}/{y}/c", "star").With("GET", "/v1/a/b/d", "literal").With("GET", "/{all=**}", "rest");
  EXPECT_EQ(routes.Get("/v1/a/b/d"), "literal");
  ASSERT_EQ(routes.Get("/v1/a/b/c"), "star");
  EXPECT_EQ(routes.fields(), (Fields{{"x", "a"}, {"y", "b"}}));
  ASSERT_EQ(routes.Get("/v1/a/b/e"), "rest");
  EXPECT_EQ(routes.fields(), (Fields{{"all", "v1/a/b/e"}}));
}

TEST(Router, FindsAVerbBehindALiteral) {
  Routes routes;
  routes.With("GET", "/v1/weather:today").With("GET", "/v1/weather:watch").With("GET", "/v1/weather");
  EXPECT_EQ(routes.Get("/v1/weather:today"), "/v1/weather:today");
  EXPECT_EQ(routes.Get("/v1/weather:watch"), "/v1/weather:watch");
  EXPECT_EQ(routes.Get("/v1/weather"), "/v1/weather");
  EXPECT_EQ(routes.Get("/v1/weather:tomorrow"), "404");
  EXPECT_EQ(routes.Get("/v1/weather:"), "404");
  EXPECT_EQ(routes.Get("/v1/weather/today"), "404");
}

TEST(Router, NeverLetsACaptureSwallowAVerb) {
  Routes routes;
  routes.With("GET", "/v1/{name}").With("GET", "/v1/{name}:cancel").With("POST", "/v1/{name}:retry");
  routes.With("GET", "/v2/{path=**}").With("GET", "/v2/{path=**}:list");
  ASSERT_EQ(routes.Get("/v1/job:cancel"), "/v1/{name}:cancel");
  EXPECT_EQ(routes.fields(), (Fields{{"name", "job"}}));
  EXPECT_EQ(routes.Get("/v1/job:retry"), "405 OPTIONS, POST");
  ASSERT_EQ(routes.Get("/v2/a/b:list"), "/v2/{path=**}:list");
  EXPECT_EQ(routes.fields(), (Fields{{"path", "a/b"}}));
}

TEST(Router, TakesAColonThatIsNoVerbLiterally) {
  Routes routes;
  routes.With("GET", "/v1/{name}").With("GET", "/v1/{name}:cancel").With("GET", "/v1/a:b/c:d").With("GET", "/v2/{x}/y");
  ASSERT_EQ(routes.Get("/v1/urn:isbn:42"), "/v1/{name}");
  EXPECT_EQ(routes.fields(), (Fields{{"name", "urn:isbn:42"}}));
  ASSERT_EQ(routes.Get("/v1/urn:isbn:cancel"), "/v1/{name}:cancel");
  EXPECT_EQ(routes.fields(), (Fields{{"name", "urn:isbn"}}));
  EXPECT_EQ(routes.Get("/v1/a:b/c:d"), "/v1/a:b/c:d");
  EXPECT_EQ(routes.Get("/v1/a/c:d"), "404");
  ASSERT_EQ(routes.Get("/v2/z:cancel/y"), "/v2/{x}/y");
  EXPECT_EQ(routes.fields(), (Fields{{"x", "z:cancel"}}));
  ASSERT_EQ(routes.Get("/v1/:cancel"), "/v1/{name}");
  EXPECT_EQ(routes.fields(), (Fields{{"name", ":cancel"}}));
}

TEST(Router, TakesAnEncodedColonForNoVerb) {
  Routes routes;
  routes.With("GET", "/v1/{name}").With("GET", "/v1/{name}:cancel");
  ASSERT_EQ(routes.Get("/v1/job%3Acancel"), "/v1/{name}");
  EXPECT_EQ(routes.fields(), (Fields{{"name", "job:cancel"}}));
}

TEST(Router, ComparesLiteralsAndVerbsDecoded) {
  Routes routes;
  routes.With("GET", "/v1/caf%C3%A9:o%75vert", "encoded").With("GET", "/v1/a%2Fb", "slash").With("GET", "/v1/ü", "raw");
  EXPECT_EQ(routes.Get("/v1/caf\xC3\xA9:ouvert"), "encoded");
  EXPECT_EQ(routes.Get("/%761/c%61f%c3%A9:ouver%74"), "encoded");
  EXPECT_EQ(routes.Get("/v1/a%2fb"), "slash");
  EXPECT_EQ(routes.Get("/v1/a/b"), "404");
  EXPECT_EQ(routes.Get("/v1/%C3%BC"), "raw");
  EXPECT_EQ(routes.Get("/v1/%C3%B"), "404");
  EXPECT_EQ(routes.Get("/v1/%zz"), "404");
  EXPECT_EQ(routes.Get("/v1/" + std::string(300, 'x') + "%20"), "404");
}

TEST(Router, DecodesEverythingInASingleSegment) {
  Routes routes;
  routes.With("GET", "/v1/{name}");
  ASSERT_EQ(routes.Get("/v1/a%2Fb%2fc%20d+e%25%C3%A9"), "/v1/{name}");
  EXPECT_EQ(routes.fields(), (Fields{{"name", "a/b/c d+e%\xC3\xA9"}}));
}

TEST(Router, KeepsEncodedSlashesInSeveralSegments) {
  Routes routes;
  routes.With("GET", "/v1/{name=a/*}").With("GET", "/v2/{path=**}");
  ASSERT_NE(routes.Get("/v1/a/x%2Fy%20z"), "404");
  EXPECT_EQ(routes.fields(), (Fields{{"name", "a/x%2Fy z"}}));
  ASSERT_NE(routes.Get("/v2/x%2fy/z%25%2F"), "404");
  EXPECT_EQ(routes.fields(), (Fields{{"path", "x%2fy/z%%2F"}}));
}

TEST(Router, ReportsMalformedEscapesWhenDecoded) {
  Routes routes;
  routes.With("GET", "/v1/{name}");
  for (const char* path : {"/v1/%", "/v1/a%4", "/v1/%zz", "/v1/%4g", "/v1/%%41"}) {
    ASSERT_EQ(routes.Get(path), "/v1/{name}") << path;
    EXPECT_EQ(routes.fields(), (Fields{{"name", "%"}})) << path;
  }
}

TEST(Router, AnswersAWrongMethodWithEveryAllowedOne) {
  Routes routes;
  routes.With("GET", "/v1/a").With("POST", "/v1/{x}").With("DELETE", "/v1/**").With("PATCH", "/v2/b");
  EXPECT_EQ(routes.Find("PUT", "/v1/a"), "405 DELETE, GET, HEAD, OPTIONS, POST");
  EXPECT_EQ(routes.Find("GET", "/v2/b"), "405 OPTIONS, PATCH");
  EXPECT_EQ(routes.Find("get", "/v1/a"), "405 DELETE, GET, HEAD, OPTIONS, POST");
  EXPECT_EQ(routes.Find("OPTIONS", "/v2/b"), "405 OPTIONS, PATCH");
  EXPECT_EQ(routes.Find("PUT", "/v3"), "404");
  Match match;
  EXPECT_EQ(routes.router().Find("PUT", "/v1/a", &match), Outcome::kWrongMethod);
}

TEST(Router, GoesOnToALessSpecificPathThatHasTheMethod) {
  Routes routes;
  routes.With("GET", "/v1/weather").With("POST", "/v1/{name}");
  EXPECT_EQ(routes.Find("POST", "/v1/weather"), "/v1/{name}");
}

TEST(Router, AnswersHeadAsGetUnlessThereIsARouteForIt) {
  Routes routes;
  routes.With("GET", "/v1/a", "get a").With("GET", "/v1/b", "get b").With("HEAD", "/v1/b", "head b");
  routes.With("POST", "/v1/c", "post c").With("*", "/v1/a", "any a").With("HEAD", "/v1/*", "head *");
  EXPECT_EQ(routes.Find("HEAD", "/v1/a"), "get a");
  EXPECT_EQ(routes.Find("HEAD", "/v1/b"), "head b");
  EXPECT_EQ(routes.Find("HEAD", "/v1/c"), "head *");
}

TEST(Router, LetsAnyMethodThroughWhereTheTemplateSaysSo) {
  Routes routes;
  routes.With("*", "/v1/a", "any").With("POST", "/v1/a", "post");
  EXPECT_EQ(routes.Find("POST", "/v1/a"), "post");
  EXPECT_EQ(routes.Find("PROPFIND", "/v1/a"), "any");
  EXPECT_EQ(routes.Find("HEAD", "/v1/a"), "any");
}

TEST(Router, RefusesTheSameShapeTwiceAndNamesBoth) {
  Routes routes;
  routes.With("GET", "/v1/{name=shelves/*}:list", "pkg.Shelves.List").With("GET", "/v1/caf%C3%A9", "pkg.Cafe.Get");
  const absl::Status status = routes.router().Add("GET", "/v1/shelves/{id}:list", "pkg.Books.List").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(std::string(status.message()),
            "pkg.Books.List: `GET /v1/shelves/{id}:list` matches the same requests as `GET "
            "/v1/{name=shelves/*}:list` of pkg.Shelves.List");
  EXPECT_EQ(routes.router().Add("GET", "/v1/caf\xC3\xA9", "x").status().code(), absl::StatusCode::kAlreadyExists);
  // A refused route takes no number, and other methods, verbs and shapes are free.
  routes.With("POST", "/v1/shelves/{id}:list").With("GET", "/v1/shelves/{id}").With("GET", "/v1/shelves/**");
  EXPECT_EQ(routes.Get("/v1/shelves/a:list"), "pkg.Shelves.List");
}

TEST(Router, RefusesWhatIsNoMethodOrNoTemplateByName) {
  Router router;
  for (const char* method : {"", "GE T", "GET\n", "G(T"}) {
    const absl::Status status = router.Add(method, "/v1", "pkg.S.M").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("pkg.S.M"));
  }
  const absl::Status status = router.Add("GET", "/v1/{", "pkg.S.M").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("pkg.S.M: path template `/v1/{`, offset 5"));
}

TEST(Router, MatchesPathsDeeperThanAnyTemplateByTwoStarsAlone) {
  Routes routes;
  routes.With("GET", "/v1/{path=**}").With("GET", "/v1/{path=**}:list");
  std::string deep;
  for (int i = 0; i < 50; ++i) deep += "/d" + std::to_string(i);
  ASSERT_EQ(routes.Get("/v1" + deep), "/v1/{path=**}");
  EXPECT_EQ(routes.fields(), (Fields{{"path", deep.substr(1)}}));
  ASSERT_EQ(routes.Get("/v1" + deep + ":list"), "/v1/{path=**}:list");
  EXPECT_EQ(routes.fields(), (Fields{{"path", deep.substr(1)}}));
  ASSERT_EQ(routes.Get("/v1" + deep + ":other"), "/v1/{path=**}");
  EXPECT_EQ(routes.fields(), (Fields{{"path", deep.substr(1) + ":other"}}));
  EXPECT_EQ(routes.Get("/v2" + deep), "404");
}

TEST(Router, FindsEachOfManyRoutes) {
  Routes routes;
  for (int i = 0; i < 2000; ++i) {
    routes.With("GET", "/v1/things" + std::to_string(i) + "/{id}", std::to_string(i));
  }
  for (int i = 0; i < 2000; ++i) {
    ASSERT_EQ(routes.Get("/v1/things" + std::to_string(i) + "/x"), std::to_string(i));
  }
  EXPECT_EQ(routes.Get("/v1/things2000/x"), "404");
}

TEST(Router, AllocatesNothingOnTheWayToAMatch) {
  Routes routes;
  routes.With("GET", "/v1/{a}/{b}/{c}/{d=**}:verb").With("POST", "/v1/lit/x/y/z").With("GET", "/v1/w%65ather");
  Match match;
  std::string allow;
  const size_t before = allocations;
  const Outcome found = routes.router().Find("GET", "/v1/lit/x/y/z:verb", &match, &allow);
  const Outcome other = routes.router().Find("GET", "/v1/weath%65r", &match, &allow);
  const Outcome missing = routes.router().Find("GET", "/v1/nothing", &match, &allow);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(found, Outcome::kFound);
  EXPECT_EQ(other, Outcome::kFound);
  EXPECT_EQ(missing, Outcome::kNoSuchPath);
}

TEST(Router, KeepsItsRoutesWhenMoved) {
  Router first;
  ASSERT_TRUE(first.Add("GET", "/v1/{name}", "a").ok());
  const Router second = std::move(first);
  Match match;
  EXPECT_EQ(second.Find("GET", "/v1/x", &match), Outcome::kFound);
  EXPECT_EQ(second.variables(match.route), std::vector<std::string>{"name"});
}

}  // namespace
}  // namespace stratus::gateway::route
