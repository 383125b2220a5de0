// GetStack, ListStacks and ClaimRun with 100,000 stacks in the store: `--benchmark_filter=SQLite` for one database.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/provisioning/store/database_url.h"
#include "services/provisioning/store/store.h"
#include "services/provisioning/store/testing/postgres_server.h"

namespace stratus::provisioning::store {
namespace {

constexpr int kStacks = 100'000;
constexpr int kStacksATransaction = 1000;

void Check(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status << "\n";
  std::exit(1);
}

// All of one tenant: the worst that a list can meet. One in a thousand is rare, one in five failed.
StackRow MakeStack(int i) {
  StackRow stack;
  stack.uid = absl::StrFormat("s%019d", i);
  stack.tenant = "acme";
  stack.id = absl::StrFormat("stack-%06d", (int64_t{i} * 7919) % kStacks);  // not in the order of their names
  stack.record.set_module(i % 2 == 0 ? "modules/droplet" : "modules/network");
  stack.record.set_state(i % 5 == 0 ? v1::Stack::STATE_FAILED : v1::Stack::STATE_READY);
  stack.record.mutable_create_time()->set_seconds(1'700'000'000 + i);
  stack.record.mutable_update_time()->set_seconds(1'700'000'000 + i);
  (*stack.record.mutable_labels())["env"] = i % 2 == 0 ? "prod" : "test";
  if (i % 1000 == 0) (*stack.record.mutable_labels())["rare"] = "yes";
  stack.sealed_variables = std::string(600, 'v');
  stack.sealed_outputs = std::string(400, 'o');
  return stack;
}

void Fill(Store& store) {
  for (int from = 0; from < kStacks; from += kStacksATransaction) {
    Check(store.Transact([&](Transaction& t) {
      for (int i = from; i < from + kStacksATransaction; ++i) {
        const absl::Status status = t.InsertStack(MakeStack(i));
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    }));
  }
}

struct Filled {
  std::unique_ptr<testing::PostgresServer> server;
  std::unique_ptr<Store> store;
};

Store& SqliteStore() {
  static const Filled filled = [] {
    const std::string path = std::filesystem::temp_directory_path() / "stratus-store-bench.db";
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
    auto store = Store::Open({.database_url = "sqlite:" + path, .replica = "bench"});
    Check(store.status());
    Fill(**store);
    return Filled{nullptr, *std::move(store)};
  }();
  return *filled.store;
}

Store& PostgresStore() {
  static const Filled filled = [] {
    auto server = std::make_unique<testing::PostgresServer>();
    const std::string url = server->NewDatabase();
    auto store = Store::Open({.database_url = url, .replica = "bench"});
    Check(store.status());
    Fill(**store);
    // What autovacuum does in its own time.
    Check((*(*OpenDatabase(url, 1, absl::Minutes(5)))->Writer())->Execute("ANALYZE").status());
    return Filled{std::move(server), *std::move(store)};
  }();
  return *filled.store;
}

using StoreFn = Store& (*)();

void BM_GetStack(benchmark::State& state, StoreFn open) {
  Store& store = open();
  int64_t i = 0;
  for (auto _ : state) {
    auto stack = store.GetStack("acme", absl::StrFormat("stack-%06d", (i += 7919) % kStacks));
    Check(stack.status());
    benchmark::DoNotOptimize(stack);
  }
}

// Pages of 50, one after another through the whole list.
void BM_ListStacks(benchmark::State& state, StoreFn open, const char* filter, const char* order_by) {
  Store& store = open();
  StackQuery query{.tenant = "acme", .filter = filter, .order_by = order_by, .page = {}};
  int64_t rows = 0;
  for (auto _ : state) {
    auto page = store.ListStacks(query);
    Check(page.status());
    rows += static_cast<int64_t>(page->rows.size());
    query.page.token = page->next_page_token;
  }
  state.counters["rows_a_page"] = benchmark::Counter(static_cast<double>(rows), benchmark::Counter::kAvgIterations);
}

void BM_Use(benchmark::State& state, StoreFn open) {
  Store& store = open();
  for (auto _ : state) Check(store.Use("acme").status());
}

// One run queued, claimed, ended: three transactions.
void BM_QueueClaimEnd(benchmark::State& state, StoreFn open) {
  Store& store = open();
  static int64_t runs = 0;
  const StackRow stack = MakeStack(0);
  for (auto _ : state) {
    RunRow run;
    run.uid = absl::StrFormat("r%019d", ++runs);
    run.stack_uid = stack.uid;
    run.stack_id = stack.id;
    run.tenant = stack.tenant;
    run.record.set_status(v1::RUN_STATUS_PENDING);
    Check(store.Transact([&](Transaction& t) { return t.InsertRun(run); }));
    auto claimed = store.ClaimRun({}, absl::Minutes(1));
    Check(claimed.status());
    if (!claimed->has_value()) Check(absl::InternalError("nothing to claim"));
    Check(store.Transact([&](Transaction& t) {
      auto leased = t.GetStackByUid(stack.uid);
      if (!leased.ok()) return leased.status();
      leased->lease_run.clear();
      (*claimed)->record.set_status(v1::RUN_STATUS_APPLIED);
      const absl::Status put = t.PutRun(&**claimed);
      return put.ok() ? t.PutStack(&*leased) : put;
    }));
  }
}

void Register(const std::string& name, StoreFn open) {
  const auto add = [&](const std::string& what, auto... arguments) {
    benchmark::RegisterBenchmark((name + "/" + what).c_str(), arguments...)
        ->Unit(benchmark::kMicrosecond)
        ->UseRealTime();
  };
  add("GetStack", BM_GetStack, open);
  add("ListStacks", BM_ListStacks, open, "", "");
  add("ListStacks/by_create_time_desc", BM_ListStacks, open, "", "create_time desc");
  add("ListStacks/state", BM_ListStacks, open, "state = FAILED", "");
  add("ListStacks/module_and_state", BM_ListStacks, open, "module = droplet AND state != READY", "");
  add("ListStacks/label", BM_ListStacks, open, "labels.env = prod", "");
  add("ListStacks/rare_label", BM_ListStacks, open, "labels.rare = yes", "");
  add("ListStacks/rare_label_by_create_time", BM_ListStacks, open, "labels.rare = yes", "create_time");
  add("ListStacks/absent_label", BM_ListStacks, open, "labels.none = x", "");
  add("Use", BM_Use, open);
  add("QueueClaimEnd", BM_QueueClaimEnd, open);
}

}  // namespace
}  // namespace stratus::provisioning::store

int main(int argc, char** argv) {
  using namespace stratus::provisioning::store;  // NOLINT(google-build-using-namespace)
  benchmark::Initialize(&argc, argv);
  Register("SQLite", SqliteStore);
  if (testing::PostgresServer::Installed()) Register("PostgreSQL", PostgresStore);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
