#include "gateway/route/trie.h"

#include <optional>

#include "gateway/route/percent.h"

namespace stratus::gateway::route {

Trie::NodeId Trie::NewNode() {
  nodes_.emplace_back();
  return static_cast<NodeId>(nodes_.size() - 1);
}

Trie::NodeId Trie::WildcardChild(NodeId from, NodeId Node::*slot) {
  if (nodes_[from].*slot == kNone) {
    const NodeId child = NewNode();  // may move the nodes
    nodes_[from].*slot = child;
  }
  return nodes_[from].*slot;
}

Trie::NodeId Trie::TextChild(NodeId from, bool verb, std::string_view text) {
  if (const NodeId child = Follow({from, verb, text}); child != kNone) return child;
  const std::string& kept = texts_.emplace_back(text);
  const NodeId child = NewNode();
  edges_.emplace(Edge{from, verb, kept}, child);
  if (verb) {
    nodes_[from].has_verbs = true;
    verbs_.insert(kept);
  } else {
    nodes_[from].has_literals = true;
  }
  return child;
}

int Trie::Insert(std::string_view method, const Template& path_template, int value) {
  NodeId at = kRoot;
  for (const Segment& segment : path_template.segments) {
    switch (segment.kind) {
      case Segment::Kind::kLiteral: at = TextChild(at, /*verb=*/false, segment.literal); break;
      case Segment::Kind::kOne: at = WildcardChild(at, &Node::one); break;
      case Segment::Kind::kRest: at = WildcardChild(at, &Node::rest); break;
    }
  }
  if (!path_template.verb.empty()) at = TextChild(at, /*verb=*/true, path_template.verb);
  for (const auto& [taken, other] : nodes_[at].methods) {
    if (taken == method) return other;
  }
  nodes_[at].methods.emplace_back(method, value);
  return -1;
}

Trie::NodeId Trie::Follow(const Edge& edge) const {
  const auto found = edges_.find(edge);
  return found == edges_.end() ? kNone : found->second;
}

Trie::NodeId Trie::FollowLiteral(NodeId from, const PathSegment& segment) const {
  if (!segment.escaped) return Follow({from, /*verb=*/false, segment.raw});
  char buffer[Template::kLiteralMax];
  const std::optional<std::string_view> text = PercentDecodeTo(segment.raw, buffer, sizeof buffer);
  return text ? Follow({from, /*verb=*/false, *text}) : kNone;
}

// Depth first, in order of precedence. A node is visited at most once, and only where its template shares the path's
// beginning; the depth is bounded by Template::kSegmentsMax.
int Trie::Visit(Query* query, NodeId id, size_t depth) const {
  const Node& node = nodes_[id];
  if (depth == query->path.count()) {
    if (const int value = End(query, id); value >= 0) return value;
  } else if (depth < Template::kSegmentsMax) {
    const NodeId literal = node.has_literals ? FollowLiteral(id, query->path[depth]) : kNone;
    for (const NodeId child : {literal, node.one}) {
      if (child == kNone) continue;
      if (const int value = Visit(query, child, depth + 1); value >= 0) return value;
    }
  }
  return node.rest == kNone ? -1 : End(query, node.rest);
}

int Trie::End(Query* query, NodeId id) const {
  if (!query->verb.empty()) {
    id = nodes_[id].has_verbs ? Follow({id, /*verb=*/true, query->verb}) : kNone;
    if (id == kNone) return -1;
  }
  const Node& node = nodes_[id];
  if (node.methods.empty()) return -1;
  const int value = ValueFor(node, query->method);
  if (value >= 0) return value;
  query->wrong_method = true;
  if (query->fits != nullptr) {
    for (const auto& [method, unused] : node.methods) query->fits->push_back(method);
  }
  return -1;
}

int Trie::ValueFor(const Node& node, std::string_view method) {
  int get = -1;
  int any = -1;
  for (const auto& [candidate, value] : node.methods) {
    if (candidate == method) return value;
    if (candidate == "*") any = value;
    if (candidate == "GET") get = value;
  }
  return method == "HEAD" && get >= 0 ? get : any;
}

}  // namespace stratus::gateway::route
