#include "services/sandbox/xray/traces_page.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "lib/core/status.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox::xray {
namespace {

constexpr size_t kListedMax = 100;
constexpr std::string_view kTree = "/traces/";

constexpr char kHead[] =
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<title>Traces</title><style>"
    "body{font:14px/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:72rem;padding:0 1rem;color:#1b2733}"
    "table{border-collapse:collapse;width:100%}th,td{padding:.25rem .5rem;text-align:left;vertical-align:top}"
    "th{border-bottom:2px solid #cfd8e3;font-weight:600}td{border-bottom:1px solid #e7ecf2}"
    "code,.num{font-family:ui-monospace,monospace;font-size:12px}.num{text-align:right;white-space:nowrap}"
    ".lane{position:relative;width:100%;height:1.1rem;background:#f2f5f9;border-radius:3px}"
    ".bar{position:absolute;top:0;bottom:0;border-radius:3px;min-width:2px;background:#3b82c4}"
    ".remote{background:#8a6fc9}.error,.throttle{background:#d99a1c}.fault{background:#cc3d3d}"
    ".bad{color:#a32020}details{margin:.25rem 0}pre{white-space:pre-wrap;margin:.25rem 0;font-size:12px}"
    "a{color:#1f5f99}</style>";

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

http_server::Response Page(int status, std::string body) {
  http_server::Response response;
  response.status = status;
  response.headers = {
      {"content-type", "text/html; charset=utf-8"},
      {"cache-control", "no-store"},
      {"content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}};
  response.body = std::move(body);
  return response;
}

bool WantsJson(const http_server::Request& request) {
  if (const std::string format = request.Parameter("format"); !format.empty()) return format == "json";
  return absl::StrContains(core::ToAbsl(request.Header("accept")), "application/json");
}

double Millis(double seconds) { return seconds * 1000; }

std::string TimeText(double seconds) {
  return absl::FormatTime("%H:%M:%E3S", absl::UnixEpoch() + absl::Seconds(seconds), absl::UTCTimeZone());
}

std::string RootName(const Trace& trace) {
  if (trace.spans.empty()) return "";
  const Json& document = trace.spans.front().document;
  const Json::json_pointer method("/http/request/method"), url("/http/request/url");
  if (!document.contains(method) || !document.contains(url)) return trace.spans.front().name;
  return absl::StrCat(document.at(method).get<std::string>(), " ", document.at(url).get<std::string>());
}

std::string WorstOutcome(const Trace& trace) {
  for (const char* outcome : {"fault", "throttle", "error"}) {
    for (const StoredSpan& span : trace.spans) {
      if (span.outcome == outcome) return outcome;
    }
  }
  return "ok";
}

Json Summary(const Trace& trace) {
  return {{"id", trace.id},
          {"name", RootName(trace)},
          {"start", trace.start()},
          {"duration_ms", Millis(trace.end() - trace.start())},
          {"spans", trace.spans.size()},
          {"outcome", WorstOutcome(trace)},
          {"problems", trace.Problems()}};
}

Json SpanJson(const StoredSpan& span) {
  return {{"id", span.id},
          {"parent_id", span.parent_id},
          {"name", span.name},
          {"service", span.service},
          {"segment", span.segment},
          {"remote", span.remote},
          {"in_progress", span.in_progress},
          {"start", span.start},
          {"duration_ms", Millis(span.end - span.start)},
          {"outcome", span.outcome},
          {"document", span.document}};
}

// What waits is asked for first: where nothing does, the rest is complete.
Json Counts(Daemon* daemon) {
  const Daemon::Counts counts = daemon->counts();
  const StoreStats stats = daemon->store().stats();
  return {{"datagrams", counts.datagrams}, {"waiting", counts.waiting},    {"overrun", counts.overrun},
          {"lost", counts.lost},           {"documents", stats.documents}, {"spans", stats.spans},
          {"rejected", stats.rejected},    {"traces", stats.traces},       {"sampling", daemon->sampling().Reported()}};
}

http_server::Response ListJson(Daemon* daemon) {
  Json reply = Counts(daemon);
  Json traces = Json::array();
  for (const Trace& trace : daemon->store().List(kListedMax)) traces.push_back(Summary(trace));
  reply["rejections"] = daemon->store().Rejections();
  reply["newest"] = traces;
  return JsonReply(200, reply);
}

void AppendProblems(const std::vector<std::string>& problems, std::string* html) {
  for (const std::string& problem : problems) absl::StrAppend(html, "<div class=bad>", Escape(problem), "</div>");
}

http_server::Response ListPage(Daemon* daemon) {
  const Daemon::Counts counts = daemon->counts();
  const StoreStats stats = daemon->store().stats();
  std::string html = absl::StrCat(kHead, "<meta http-equiv=refresh content=5><h1>Traces</h1><p>", counts.datagrams,
                                  " datagrams, ", stats.spans, " spans, ", stats.rejected, " refused, ", stats.traces,
                                  " traces kept. <a href='?format=json'>JSON</a></p>");
  if (stats.rejected > 0) {
    absl::StrAppend(&html, "<details open><summary class=bad>The latest that were refused</summary>");
    AppendProblems(daemon->store().Rejections(), &html);
    absl::StrAppend(&html, "</details>");
  }
  absl::StrAppend(&html, "<table><tr><th>Time (UTC)<th>Call<th>Spans<th>ms<th>Outcome<th>Trace</tr>");
  for (const Trace& trace : daemon->store().List(kListedMax)) {
    absl::StrAppend(&html, "<tr><td>", TimeText(trace.start()), "<td>", Escape(RootName(trace)), "<td class=num>",
                    trace.spans.size(), "<td class=num>", absl::StrFormat("%.2f", Millis(trace.end() - trace.start())),
                    "<td>", WorstOutcome(trace));
    AppendProblems(trace.Problems(), &html);
    absl::StrAppend(&html, "<td><a href='", kTree.data(), trace.id, "'><code>", trace.id, "</code></a></tr>");
  }
  return Page(200, html + "</table></html>");
}

// How deep a span stands below the root; 0 where its parent is not there.
std::map<std::string, int> Depths(const Trace& trace) {
  std::map<std::string, int> depths;
  for (const StoredSpan& span : trace.spans) {
    const auto parent = depths.find(span.parent_id);
    depths[span.id] = parent == depths.end() ? 0 : parent->second + 1;
  }
  return depths;
}

void AppendRow(const StoredSpan& span, int depth, double begin, double total, std::string* html) {
  const double left = total > 0 ? 100 * (span.start - begin) / total : 0;
  const double width = total > 0 ? 100 * (span.end - span.start) / total : 100;
  const std::string color = span.outcome != "ok" ? span.outcome : span.remote ? "remote" : "";
  absl::StrAppendFormat(html,
                        "<tr><td style='padding-left:%.1frem'>%s%s<details><summary><code>%s</code></summary>"
                        "<pre>%s</pre></details><td class=num>%.3f<td class=num>%s"
                        "<td style='width:50%%'><div class=lane><div class='bar %s' style='left:%.3f%%;width:%.3f%%'>"
                        "</div></div></tr>",
                        0.5 + depth, span.segment ? "<b>" : "", Escape(span.name) + (span.segment ? "</b>" : ""),
                        span.id, Escape(span.document.dump(2, ' ', false, Json::error_handler_t::replace)),
                        Millis(span.start - begin),
                        span.in_progress ? "under way" : absl::StrFormat("%.3f", Millis(span.end - span.start)), color,
                        std::clamp(left, 0.0, 100.0), std::clamp(width, 0.0, 100.0));
}

http_server::Response OnePage(const Trace& trace) {
  const double begin = trace.start(), total = trace.end() - begin;
  std::string html = absl::StrCat(
      kHead, "<p><a href='/traces'>All traces</a> · <a href='?format=json'>JSON</a></p><h1>", Escape(RootName(trace)),
      "</h1><p><code>", trace.id, "</code>, ", absl::StrFormat("%.3f ms", Millis(total)), "</p>");
  AppendProblems(trace.Problems(), &html);
  absl::StrAppend(&html, "<table><tr><th>Span<th>from ms<th>ms<th></tr>");
  const std::map<std::string, int> depths = Depths(trace);
  for (const StoredSpan& span : trace.spans) AppendRow(span, depths.at(span.id), begin, total, &html);
  return Page(200, html + "</table></html>");
}

http_server::Response One(Daemon* daemon, const http_server::Request& request) {
  if (request.method != "GET" && request.method != "HEAD") {
    http_server::Response response = JsonReply(405, {{"message", "method not allowed; allowed: GET"}});
    response.headers.emplace_back("allow", "GET");
    return response;
  }
  const std::optional<Trace> trace = daemon->store().Find(request.path.substr(kTree.size()));
  if (!trace) return JsonReply(404, {{"message", "no segment of this trace has come"}});
  if (!WantsJson(request)) return OnePage(*trace);
  Json reply = Summary(*trace);
  reply["spans"] = Json::array();
  for (const StoredSpan& span : trace->spans) reply["spans"].push_back(SpanJson(span));
  return JsonReply(200, reply);
}

http_server::Response SetRule(Daemon* daemon, const http_server::Request& request) {
  Json body = Json::parse(request.body, nullptr, false);
  DefaultRule rule;
  bool good = body.is_object() && request.Header("content-type") == "application/json";
  if (!good) body = Json::object();
  for (const auto& [key, value] : body.items()) {
    if (key == "fixed_rate" && value.is_number() && value >= 0 && value <= 1) {
      rule.fixed_rate = value.get<double>();
    } else if (key == "reservoir_size" && value.is_number_integer() && value >= 0 && value <= 1'000'000) {
      rule.reservoir_size = value.get<int64_t>();
    } else if (key == "pages" && value.is_number_integer() && value >= 1 && value <= 100) {
      rule.pages = value.get<int>();
    } else if (key == "unprocessed" && value.is_number_integer() && value >= 0 && value <= 1000) {
      rule.unprocessed = value.get<int>();
    } else {
      good = false;
    }
  }
  if (!good)
    return JsonReply(
        400,
        {{"message",
          "expected JSON: {fixed_rate: 0 to 1, reservoir_size: 0 or more, pages: 1 to 100, unprocessed: 0 or more}"}});
  daemon->sampling().SetRule(rule);
  return JsonReply(200, {{"fixed_rate", rule.fixed_rate}, {"reservoir_size", rule.reservoir_size}});
}

}  // namespace

void AddTraceRoutes(Router* router, Daemon* daemon) {
  router->Add("GET", "/traces", "", [daemon](const http_server::Request& request) {
    return WantsJson(request) ? ListJson(daemon) : ListPage(daemon);
  });
  router->Add("DELETE", "/traces", "", [daemon](const http_server::Request&) {
    daemon->store().Clear();
    return JsonReply(200, Json::object());
  });
  router->AddTree(kTree, [daemon](const http_server::Request& request) { return One(daemon, request); });
  router->Add("POST", "/admin/sampling", "",
              [daemon](const http_server::Request& request) { return SetRule(daemon, request); });
}

}  // namespace stratus::sandbox::xray
