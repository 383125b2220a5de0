#include "gateway/route/router.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/route/path.h"
#include "gateway/route/percent.h"
#include "gateway/route/template.h"
#include "gateway/route/trie.h"
#include "lib/core/status.h"

namespace stratus::gateway::route {
namespace {

using core::ToAbsl;

// Where a variable stands in the path: segments [begin, end), or from `begin` to the path's end.
struct Place {
  uint16_t begin;
  uint16_t end;
  bool to_end;
  bool multi;
};

struct Route {
  std::string name;
  std::string method;
  std::string path_template;
  std::vector<std::string> variables;
  std::vector<Place> places;  // one a variable
};

Route MakeRoute(std::string_view method, std::string_view path_template, std::string_view name, Template parsed) {
  Route route{std::string(name), std::string(method), std::string(path_template), {}, {}};
  for (Variable& variable : parsed.variables) {
    const bool to_end = parsed.segments[variable.end - 1].kind == Segment::Kind::kRest;
    route.places.push_back({variable.begin, variable.end, to_end, variable.multi});
    route.variables.push_back(std::move(variable.field_path));
  }
  return route;
}

// `token` of RFC 9110: `*`, which stands for any method, is one as well.
bool IsMethod(std::string_view method) {
  return !method.empty() && std::all_of(method.begin(), method.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::string AllowOf(std::vector<std::string_view> methods) {
  if (std::find(methods.begin(), methods.end(), "GET") != methods.end()) methods.push_back("HEAD");
  methods.push_back("OPTIONS");
  std::sort(methods.begin(), methods.end());
  methods.erase(std::unique(methods.begin(), methods.end()), methods.end());
  std::string allow;
  for (const std::string_view method : methods) {
    if (!allow.empty()) allow += ", ";
    allow += method;
  }
  return allow;
}

}  // namespace

struct Router::Impl {
  Trie trie;
  std::vector<Route> routes;

  Outcome Find(std::string_view method, const Path& path, std::string_view verb, Match* match,
               std::string* allow) const {
    Trie::Query query{path, verb, method};
    const int number = trie.Find(&query);
    if (number >= 0) {
      match->route = number;
      Capture(routes[static_cast<size_t>(number)], path, match);
      return Outcome::kFound;
    }
    if (!query.wrong_method) return Outcome::kNoSuchPath;
    if (allow != nullptr) {  // a second walk, so that the first one collects nothing
      std::vector<std::string_view> fits;
      query.fits = &fits;
      trie.Find(&query);
      *allow = AllowOf(std::move(fits));
    }
    return Outcome::kWrongMethod;
  }

  static void Capture(const Route& route, const Path& path, Match* match) {
    match->captures.clear();
    uint16_t variable = 0;
    for (const Place& place : route.places) {
      const std::string_view raw = place.to_end ? path.SliceFrom(place.begin) : path.Slice(place.begin, place.end);
      match->captures.push_back({variable++, place.multi, raw});
    }
  }
};

Router::Router() : impl_(std::make_unique<Impl>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

absl::StatusOr<int> Router::Add(std::string_view method, std::string_view path_template, std::string_view name) {
  if (!IsMethod(method)) {
    return absl::InvalidArgumentError(absl::StrCat(ToAbsl(name), ": `", ToAbsl(method), "` is not an HTTP method"));
  }
  absl::StatusOr<Template> parsed = ParseTemplate(path_template);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(ToAbsl(name), ": ", parsed.status().message()));
  }
  const int number = static_cast<int>(impl_->routes.size());
  if (const int taken = impl_->trie.Insert(method, *parsed, number); taken >= 0) {
    const Route& first = impl_->routes[static_cast<size_t>(taken)];
    return absl::AlreadyExistsError(absl::StrCat(ToAbsl(name), ": `", ToAbsl(method), " ", ToAbsl(path_template),
                                                 "` matches the same requests as `", first.method, " ",
                                                 first.path_template, "` of ", first.name));
  }
  impl_->routes.push_back(MakeRoute(method, path_template, name, *std::move(parsed)));
  return number;
}

const std::vector<std::string>& Router::variables(int route) const {
  return impl_->routes[static_cast<size_t>(route)].variables;
}

Outcome Router::Find(std::string_view method, std::string_view path, Match* match, std::string* allow) const {
  Path split;
  if (!split.Split(path)) return Outcome::kNoSuchPath;
  if (impl_->trie.HasVerbs()) {
    char buffer[Template::kLiteralMax];
    if (const std::optional<std::string_view> verb = split.TakeVerb(buffer, sizeof buffer)) {
      if (impl_->trie.HasVerb(*verb)) {
        const Outcome outcome = impl_->Find(method, split, *verb, match, allow);
        if (outcome != Outcome::kNoSuchPath) return outcome;
      }
      split.PutVerbBack();
    }
  }
  return impl_->Find(method, split, {}, match, allow);
}

bool Decode(const Capture& capture, std::string* out) {
  out->clear();
  return AppendPercentDecoded(capture.raw, capture.multi ? Keep::kSlash : Keep::kNothing, out);
}

}  // namespace stratus::gateway::route
