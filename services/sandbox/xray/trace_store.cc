#include "services/sandbox/xray/trace_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace stratus::sandbox::xray {
namespace {

std::string TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string OutcomeOf(const Json& span) {
  if (span.contains("fault")) return "fault";
  if (span.contains("throttle")) return "throttle";
  return span.contains("error") ? "error" : "ok";
}

StoredSpan MakeSpan(const Json& json, std::string parent_id, std::string service) {
  StoredSpan span;
  span.id = TextOf(json, "id");
  span.parent_id = std::move(parent_id);
  span.name = TextOf(json, "name");
  span.service = std::move(service);
  span.remote = TextOf(json, "namespace") == "remote";
  span.in_progress = json.contains("in_progress");
  span.start = json["start_time"].get<double>();
  span.end = span.in_progress ? span.start : json["end_time"].get<double>();
  span.outcome = OutcomeOf(json);
  const Json::json_pointer traced("/http/request/traced");
  span.traced = json.contains(traced) && json.at(traced) == true;
  span.document = json;
  span.document.erase("subsegments");
  return span;
}

void Flatten(const Json& json, const std::string& parent_id, const std::string& service, std::vector<StoredSpan>* out) {
  out->push_back(MakeSpan(json, parent_id, service));
  const std::string id = out->back().id;
  const auto inner = json.find("subsegments");
  if (inner == json.end()) return;
  for (const Json& child : *inner) Flatten(child, id, service, out);
}

void AppendTree(const std::multimap<std::string, StoredSpan>& children, const std::string& id,
                std::set<std::string>* seen, std::vector<StoredSpan>* out) {
  std::vector<const StoredSpan*> below;
  for (auto [it, end] = children.equal_range(id); it != end; ++it) below.push_back(&it->second);
  std::sort(below.begin(), below.end(), [](const auto* a, const auto* b) { return a->start < b->start; });
  for (const StoredSpan* span : below) {
    if (!seen->insert(span->id).second) continue;
    out->push_back(*span);
    AppendTree(children, span->id, seen, out);
  }
}

}  // namespace

double Trace::start() const {
  double first = spans.empty() ? 0 : spans[0].start;
  for (const StoredSpan& span : spans) first = std::min(first, span.start);
  return first;
}

double Trace::end() const {
  double last = 0;
  for (const StoredSpan& span : spans) last = std::max(last, span.end);
  return last;
}

std::vector<std::string> Trace::Problems() const {
  std::set<std::string> ids, with_segment;
  for (const StoredSpan& span : spans) {
    ids.insert(span.id);
    if (span.segment) with_segment.insert(span.parent_id);
  }
  std::vector<std::string> problems;
  int roots = 0;
  for (const StoredSpan& span : spans) {
    // The parent of a trace that someone outside began is theirs: that span is the root here.
    if (span.parent_id.empty() || (span.segment && !ids.contains(span.parent_id))) {
      ++roots;
    } else if (!ids.contains(span.parent_id)) {
      problems.push_back(absl::StrCat(span.name, " (", span.id, "): its parent ", span.parent_id, " is missing"));
    }
    if (span.traced && !with_segment.contains(span.id)) {
      problems.push_back(absl::StrCat(span.name, " (", span.id, "): the other side has sent no segment"));
    }
    if (span.in_progress) problems.push_back(absl::StrCat(span.name, " (", span.id, "): it has not ended yet"));
  }
  if (roots != 1) problems.push_back(absl::StrCat("there are ", roots, " roots, not one"));
  return problems;
}

void TraceStore::Add(const Json& document) {
  std::vector<StoredSpan> spans;
  const bool segment = !document.contains("type");
  Flatten(document, TextOf(document, "parent_id"), segment ? TextOf(document, "name") : "", &spans);
  spans.front().segment = segment;
  const std::string trace_id = TextOf(document, "trace_id");
  core::MutexLock lock(mutex_);
  ++stats_.documents;
  stats_.spans += spans.size();
  auto trace = traces_.find(trace_id);
  if (trace == traces_.end()) {
    if (order_.size() == kTracesMax) {
      traces_.erase(order_.front());
      order_.pop_front();
    }
    order_.push_back(trace_id);
    trace = traces_.emplace(trace_id, Spans()).first;
  }
  for (StoredSpan& span : spans) {
    const auto known = trace->second.find(span.id);
    if (known == trace->second.end()) {
      if (trace->second.size() < kSpansMax) trace->second.emplace(span.id, std::move(span));
    } else if (known->second.in_progress || !span.in_progress) {
      known->second = std::move(span);
    }
  }
}

void TraceStore::Reject(std::vector<std::string> problems) {
  core::MutexLock lock(mutex_);
  ++stats_.rejected;
  rejections_.push_back(absl::StrJoin(problems, "; "));
  if (rejections_.size() > kRejectionsMax) rejections_.pop_front();
}

void TraceStore::Clear() {
  core::MutexLock lock(mutex_);
  traces_.clear();
  order_.clear();
  rejections_.clear();
  stats_ = {};
}

std::optional<Trace> TraceStore::Find(std::string_view id) const {
  std::multimap<std::string, StoredSpan> children;
  std::set<std::string> ids;
  Trace trace;
  {
    core::MutexLock lock(mutex_);
    const auto found = traces_.find(id);
    if (found == traces_.end()) return std::nullopt;
    trace.id = found->first;
    for (const auto& [span_id, span] : found->second) {
      ids.insert(span_id);
      children.emplace(span.parent_id, span);
    }
  }
  std::set<std::string> tops, seen;
  for (const auto& [parent, span] : children) {
    if (!ids.contains(parent)) tops.insert(parent);
  }
  for (const std::string& top : tops) AppendTree(children, top, &seen, &trace.spans);
  // What hangs together in a ring has no top.
  for (const auto& [parent, span] : children) {
    if (seen.insert(span.id).second) trace.spans.push_back(span);
  }
  return trace;
}

std::vector<Trace> TraceStore::List(size_t traces_max) const {
  std::vector<std::string> ids;
  {
    core::MutexLock lock(mutex_);
    ids.assign(order_.rbegin(), order_.rbegin() + static_cast<std::ptrdiff_t>(std::min(traces_max, order_.size())));
  }
  std::vector<Trace> traces;
  for (const std::string& id : ids) {
    std::optional<Trace> trace = Find(id);
    if (trace) traces.push_back(*std::move(trace));
  }
  return traces;
}

std::vector<std::string> TraceStore::Rejections() const {
  core::MutexLock lock(mutex_);
  return {rejections_.rbegin(), rejections_.rend()};
}

StoreStats TraceStore::stats() const {
  core::MutexLock lock(mutex_);
  StoreStats stats = stats_;
  stats.traces = traces_.size();
  return stats;
}

}  // namespace stratus::sandbox::xray
