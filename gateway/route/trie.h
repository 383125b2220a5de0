// The templates of a router as one trie: an edge a segment, and one more for a verb.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "gateway/route/path.h"
#include "gateway/route/template.h"

namespace stratus::gateway::route {

class Trie {
 public:
  using NodeId = uint32_t;

  // Takes `value` (>= 0) for a method and a template. Returns the value that has the same method and the same shape of
  // path already, and changes nothing then; else -1.
  int Insert(std::string_view method, const Template& path_template, int value);

  // The value of the most specific template that fits `path` and has the method, or -1. `fits`, when given, gets the
  // methods of every template passed over for its method alone.
  struct Query {
    const Path& path;
    std::string_view verb;  // empty: none
    std::string_view method;
    std::vector<std::string_view>* fits = nullptr;
    bool wrong_method = false;  // out: some template fits but for its method
  };
  int Find(Query* query) const { return Visit(query, kRoot, 0); }

  // Whether some template has this verb.
  bool HasVerb(std::string_view verb) const { return verbs_.contains(verb); }
  bool HasVerbs() const { return !verbs_.empty(); }

 private:
  static constexpr NodeId kRoot = 0;
  static constexpr NodeId kNone = 0;  // the root is nobody's child

  struct Node {
    NodeId one = kNone;   // `*`
    NodeId rest = kNone;  // `**`
    bool has_literals = false;
    bool has_verbs = false;
    // What ends here, by method. Few: searched in order.
    absl::InlinedVector<std::pair<std::string, int>, 1> methods;
  };

  // An edge that is found by its text. One table for all nodes, so that a step costs the same however many there are.
  struct Edge {
    NodeId from;
    bool verb;
    std::string_view text;

    bool operator==(const Edge&) const = default;
    template <typename H>
    friend H AbslHashValue(H h, const Edge& edge) {
      return H::combine(std::move(h), edge.from, edge.verb, edge.text);
    }
  };

  NodeId NewNode();
  NodeId WildcardChild(NodeId from, NodeId Node::*slot);
  NodeId TextChild(NodeId from, bool verb, std::string_view text);
  NodeId Follow(const Edge& edge) const;
  NodeId FollowLiteral(NodeId from, const PathSegment& segment) const;
  int Visit(Query* query, NodeId id, size_t depth) const;
  int End(Query* query, NodeId id) const;
  static int ValueFor(const Node& node, std::string_view method);

  std::vector<Node> nodes_{1};
  absl::flat_hash_map<Edge, NodeId> edges_;
  absl::flat_hash_set<std::string_view> verbs_;
  std::deque<std::string> texts_;  // what edges_ and verbs_ point into
};

}  // namespace stratus::gateway::route
