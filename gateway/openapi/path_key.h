// Path templates of google.api.http as OpenAPI writes them. OpenAPI's parameters are single segments, so a variable
// over several is taken apart: `/v1/{name=shelves/*/books/*}` becomes `/v1/shelves/{shelvesId}/books/{booksId}`, the
// names as in Google's discovery documents.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/route/template.h"

namespace stratus::gateway::openapi {

struct PathParameter {
  std::string name;      // as in the key's braces
  std::string variable;  // the template variable it belongs to; empty for a bare `*` or `**`
  uint16_t begin, end;   // the variable's segments
  bool rest;             // stands for `**`
};

struct PathKey {
  std::string key;
  // The key with every parameter's name taken away: paths that OpenAPI takes for the same have the same shape.
  std::string shape;
  std::vector<PathParameter> parameters;  // in the order of the key
  struct Part {
    std::string literal;  // percent-encoded
    int parameter = -1;   // its index, or -1 for a literal
  };
  std::vector<Part> parts;  // one a segment
};

PathKey MakePathKey(const route::Template& path_template);

// The same path under the names that `other` (of the same shape) gives its parameters.
void AdoptNames(const PathKey& other, PathKey* path);

// `shelves/{shelvesId}`: how parameters and literals make up the value of a parameter's variable; empty where the
// parameter alone is the value.
std::string PatternOf(const PathKey& path, const PathParameter& parameter);

}  // namespace stratus::gateway::openapi
