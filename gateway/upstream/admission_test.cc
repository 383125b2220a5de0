// Which calls go, wait or are refused: first by hand, then with whole upstreams simulated in virtual time.
#include "gateway/upstream/admission.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <vector>

namespace stratus::gateway::upstream {
namespace {

using Ticket = Admission::Ticket;

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kSecond = 1000 * kMs;
constexpr int64_t kStart = 1000 * kSecond;

AdmissionOptions Fixed(int calls) {
  AdmissionOptions options;
  options.limit.calls_min = options.limit.calls_max = calls;
  return options;
}

class AdmissionTest : public ::testing::Test {
 protected:
  // As a cluster does. True: the call goes.
  bool Come(Ticket* ticket, const std::string& path, int64_t deadline = 0) {
    if (admission_->Enter(ticket, path)) return true;
    if (!admission_->Wait(ticket, deadline, now_)) refused_[ShedReason::kDeadline].push_back(ticket);
    Serve();
    return ticket->state == Ticket::State::kUnary;
  }
  void Go(Ticket* ticket) {
    admission_->Leave(ticket);
    Serve();
  }
  void Serve() {
    while (const auto next = admission_->Next(now_)) {
      if (next->go) {
        went_.push_back(next->ticket);
      } else {
        refused_[next->reason].push_back(next->ticket);
      }
    }
  }
  void Make(const AdmissionOptions& options) { admission_ = std::make_unique<Admission>(options, &stats_); }
  Ticket* New() { return tickets_.emplace_back(std::make_unique<Ticket>(nullptr)).get(); }

  int64_t now_ = kStart;
  ClusterStats stats_;
  std::vector<std::unique_ptr<Ticket>> tickets_;
  std::unique_ptr<Admission> admission_;
  std::vector<Ticket*> went_;
  std::map<ShedReason, std::vector<Ticket*>> refused_;
};

TEST_F(AdmissionTest, OneMethodLeavesAQuarterToTheOthers) {
  Make(Fixed(40));
  int went = 0;
  for (int i = 0; i < 50; ++i) went += Come(New(), "/s/Slow") ? 1 : 0;
  EXPECT_EQ(went, 30);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Come(New(), "/s/Quick")) << i;
  EXPECT_FALSE(Come(New(), "/s/Quick")) << "forty are under way";
  EXPECT_TRUE(Come(New(), "/s/Third")) << "each method gets on";
  EXPECT_FALSE(Come(New(), "/s/Third"));
  EXPECT_EQ(stats_.in_flight.value(), 41u);
  EXPECT_EQ(stats_.admission_waiting.value(), 22u);
}

TEST_F(AdmissionTest, TheMethodWithTheFewestUnderWayIsNext) {
  Make(Fixed(8));
  std::vector<Ticket*> slow;
  for (int i = 0; i < 6; ++i) Come(slow.emplace_back(New()), "/s/Slow");
  Ticket* const waits_longer = New();
  EXPECT_FALSE(Come(waits_longer, "/s/Slow"));
  Come(New(), "/s/Quick");
  Come(New(), "/s/Quick");
  Ticket* const quick = New();
  EXPECT_FALSE(Come(quick, "/s/Quick"));
  Go(slow[0]);
  Go(slow[1]);
  EXPECT_TRUE(went_.empty()) << "six are under way: what is left is for methods below their share";
  Go(slow[2]);
  EXPECT_EQ(went_, (std::vector<Ticket*>{quick}));
}

TEST_F(AdmissionTest, AShortQueueIsServedInOrderAndAStandingOneFromItsNewEnd) {
  Make(Fixed(4));
  std::vector<Ticket*> under_way;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Come(under_way.emplace_back(New()), "/s/M"));
  std::vector<Ticket*> queue;
  for (int i = 0; i < 4; ++i) Come(queue.emplace_back(New()), "/s/M");
  Go(under_way[0]);
  EXPECT_EQ(went_, (std::vector<Ticket*>{queue[0]}));
  now_ += 101 * kMs;  // it stands: who is old is refused as soon as somebody looks
  Ticket* const newest = New();
  Come(newest, "/s/M");
  EXPECT_EQ(refused_[ShedReason::kWaited], (std::vector<Ticket*>{queue[1], queue[2], queue[3]}));
  Go(under_way[1]);
  EXPECT_EQ(went_.back(), newest);
}

TEST_F(AdmissionTest, WhoCannotBeAnsweredInTimeIsRefusedAtOnce) {
  Make(Fixed(4));
  Ticket* const first = New();
  Come(first, "/s/M");
  // What a call takes is learnt by the limit that adapts.
  AdmissionOptions adapts;
  adapts.limit.calls_min = 3;
  adapts.limit.calls_max = 4;
  Make(adapts);
  std::vector<Ticket*> under_way;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Come(under_way.emplace_back(New()), "/s/M"));
  for (int i = 0; i < 20; ++i) {
    now_ += 110 * kMs;
    admission_->OnReply(*under_way[0], now_ - 500 * kMs, now_);
  }
  EXPECT_FALSE(Come(New(), "/s/M", now_ + 300 * kMs));
  EXPECT_EQ(refused_[ShedReason::kDeadline].size(), 1u);
  Come(New(), "/s/M", now_ + 3 * kSecond);
  EXPECT_EQ(refused_[ShedReason::kDeadline].size(), 1u) << "this one may wait";
}

TEST_F(AdmissionTest, TheQueueIsBoundedAndTheOldestGoes) {
  Make(Fixed(4));
  for (int i = 0; i < 3; ++i) Come(New(), "/s/M");
  std::vector<Ticket*> queue;
  for (int i = 0; i < 20; ++i) Come(queue.emplace_back(New()), "/s/M");
  EXPECT_EQ(refused_[ShedReason::kQueueFull], (std::vector<Ticket*>(queue.begin(), queue.begin() + 4)));
  EXPECT_EQ(stats_.shed[static_cast<size_t>(ShedReason::kQueueFull)].value(), 4u);
}

TEST_F(AdmissionTest, WhoLeavesTheQueueIsForgotten) {
  Make(Fixed(4));
  std::vector<Ticket*> under_way;
  for (int i = 0; i < 3; ++i) Come(under_way.emplace_back(New()), "/s/M");
  Ticket *const one = New(), *const two = New(), *const three = New();
  for (Ticket* ticket : {one, two, three}) Come(ticket, "/s/M");
  Go(two);
  for (Ticket* ticket : under_way) Go(ticket);
  EXPECT_EQ(went_, (std::vector<Ticket*>{one, three}));
  EXPECT_FALSE(admission_->waiting());
  Go(one);
  Go(three);
  EXPECT_EQ(stats_.in_flight.value(), 0u);
}

TEST_F(AdmissionTest, StreamsHaveABoundOfTheirOwn) {
  AdmissionOptions options = Fixed(4);
  options.streams_max = 2;
  Make(options);
  Ticket *const one = New(), *const two = New(), *const three = New();
  EXPECT_TRUE(admission_->EnterStream(one));
  EXPECT_TRUE(admission_->EnterStream(two));
  EXPECT_FALSE(admission_->EnterStream(three));
  EXPECT_TRUE(Come(New(), "/s/M"));
  admission_->OnReply(*one, now_ - 100 * kSecond, now_);
  Go(one);
  EXPECT_TRUE(admission_->EnterStream(three));
}

TEST_F(AdmissionTest, NamesThatAClientMakesUpShareOneEntry) {
  Make(Fixed(4000));
  for (int i = 0; i < 1500; ++i) Come(New(), "/made/Up" + std::to_string(i));
  int methods = 0;
  stats_.methods.ForEach([&methods](const MethodStats&) { ++methods; });
  EXPECT_EQ(methods, 1001);
}

TEST_F(AdmissionTest, AProbeEndsAlsoWhenNoCallIsAnsweredInOrder) {
  AdmissionOptions adapts;
  adapts.limit.calls_min = 4;
  adapts.limit.calls_max = 400;
  adapts.queue_wait = absl::Hours(1);
  Make(adapts);
  for (int i = 0; i < 45; ++i) Come(New(), "/s/M");
  size_t next = 0;
  const auto end_one = [this, &next](int64_t took) {
    while (tickets_[next % tickets_.size()]->state != Ticket::State::kUnary) ++next;
    Ticket* const ticket = tickets_[next++ % tickets_.size()].get();
    if (took > 0) admission_->OnReply(*ticket, now_ - took, now_);
    Go(ticket);
    Come(ticket, "/s/M");
  };
  end_one(10 * kMs);
  // A little more than is allowed: strain that the limit lives with. Only a probe lowers it so much at once.
  int before = admission_->limit();
  for (int i = 0; i < 3000 && admission_->limit() > before * 0.6; ++i) {
    before = admission_->limit();
    now_ += 5 * kMs;
    end_one(60 * kMs);
  }
  const int probe = admission_->limit();
  ASSERT_LE(probe, before * 0.6);
  for (int i = 0; i < 100; ++i) {  // errors from here on
    now_ += 10 * kMs;
    end_one(0);
  }
  EXPECT_GT(admission_->limit(), probe * 2);
}

// --- Simulated upstreams.

struct Kind {
  std::string path;
  double per_second = 0;
  std::function<int64_t(int64_t now)> takes;  // at a server of the upstream
  int servers = 0;                            // its own; 0: the upstream's
  int64_t deadline = kSecond;
};

struct Tally {
  int good = 0;  // answered before the deadline
  int refused = 0;
  int late = 0;
};

// An upstream with so many servers and a queue without end in front of them, as a thread pool has. What a client has
// given up on is worked on all the same.
class Simulation {
 public:
  Simulation(const AdmissionOptions& options, int servers) : admission_(options, &stats_) {
    pools_[0].servers = servers;
  }

  // Runs for so long, with these arrivals. What is tallied is what came in that time.
  std::map<std::string, Tally> Run(std::vector<Kind> kinds, int64_t time) {
    kinds_ = std::move(kinds);
    tally_.clear();
    ++era_;
    const int64_t end = now_ + time;
    for (size_t i = 0; i < kinds_.size(); ++i) {
      pools_[static_cast<int>(i) + 1].servers = kinds_[i].servers;
      At(now_ + kMs, [this, i, end, era = era_] { Arrive(i, end, era); });
    }
    At(now_, [this, end] { Tick(end); });
    while (!events_.empty() && events_.top().when <= end) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.when;
      event.run();
    }
    now_ = end;
    return tally_;
  }
  int limit() const { return admission_.limit(); }

 private:
  struct Call {
    explicit Call(size_t of) : kind(of), ticket(this) {}
    size_t kind;
    Ticket ticket;
    int64_t sent = 0;
    bool over = false;
    int era = 0;
  };
  struct Pool {
    int servers = 0;
    int busy = 0;
    std::deque<Call*> queue;
  };
  struct Event {
    int64_t when;
    uint64_t number;
    std::function<void()> run;
    bool operator<(const Event& other) const { return when != other.when ? when > other.when : number > other.number; }
  };

  void At(int64_t when, std::function<void()> run) { events_.push({when, ++number_, std::move(run)}); }

  void Arrive(size_t kind, int64_t end, int era) {
    if (era != era_ || now_ >= end || kinds_[kind].per_second == 0) return;
    At(now_ + static_cast<int64_t>(1e9 / kinds_[kind].per_second), [this, kind, end, era] { Arrive(kind, end, era); });
    Call* call = calls_.emplace_back(std::make_unique<Call>(kind)).get();
    call->era = era_;
    At(now_ + kinds_[kind].deadline, [this, call] { Deadline(call); });
    if (admission_.Enter(&call->ticket, kinds_[kind].path)) {
      Send(call);
    } else if (!admission_.Wait(&call->ticket, now_ + kinds_[kind].deadline, now_)) {
      Refuse(call);
    }
    Serve();
  }
  void Serve() {
    while (const auto next = admission_.Next(now_)) {
      Call* call = static_cast<Call*>(next->ticket->call);
      next->go ? Send(call) : Refuse(call);
    }
  }
  void Refuse(Call* call) {
    call->over = true;
    if (call->era == era_) ++tally_[kinds_[call->kind].path].refused;
  }
  Pool& PoolOf(const Call& call) {
    return pools_[kinds_[call.kind].servers == 0 ? 0 : static_cast<int>(call.kind) + 1];
  }
  void Send(Call* call) {
    call->sent = now_;
    PoolOf(*call).queue.push_back(call);
    Work(&PoolOf(*call));
  }
  void Work(Pool* pool) {
    while (pool->busy < pool->servers && !pool->queue.empty()) {
      Call* call = pool->queue.front();
      pool->queue.pop_front();
      ++pool->busy;
      At(now_ + kinds_[call->kind].takes(now_), [this, pool, call] {
        --pool->busy;
        Work(pool);
        if (call->over) return;
        call->over = true;
        if (call->era == era_) ++tally_[kinds_[call->kind].path].good;
        admission_.OnReply(call->ticket, call->sent, now_);
        admission_.Leave(&call->ticket);
        Serve();
      });
    }
  }
  void Deadline(Call* call) {
    if (call->over) return;
    call->over = true;
    if (call->era == era_) ++tally_[kinds_[call->kind].path].late;
    admission_.OnTimeout(call->ticket, call->sent, now_);
    admission_.Leave(&call->ticket);
    Serve();
  }
  void Tick(int64_t end) {
    Serve();
    if (now_ < end) At(now_ + 5 * kMs, [this, end] { Tick(end); });
  }

  ClusterStats stats_;
  Admission admission_;
  std::map<int, Pool> pools_;
  std::vector<Kind> kinds_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::priority_queue<Event> events_;
  std::map<std::string, Tally> tally_;
  uint64_t number_ = 0;
  int era_ = 0;
  int64_t now_ = kStart;
};

std::function<int64_t(int64_t)> Always(int64_t takes) {
  return [takes](int64_t) { return takes; };
}

// Five times what is possible comes.
void ExpectGoodputUnderLoad(int servers, int64_t takes) {
  const double possible = servers * 1e9 / static_cast<double>(takes);
  const Kind pressing{"/s/M", 5 * possible, Always(takes)};
  Simulation without(Fixed(1'000'000), servers);
  without.Run({pressing}, 5 * kSecond);
  EXPECT_LT(without.Run({pressing}, 10 * kSecond)["/s/M"].good, possible) << "a tenth of what is possible";

  Simulation simulation({}, servers);
  simulation.Run({pressing}, 15 * kSecond);
  const Tally tally = simulation.Run({pressing}, 30 * kSecond)["/s/M"];
  const double share = tally.good / (possible * 30);
  EXPECT_GT(share, 0.9) << "refused " << tally.refused << " late " << tally.late << " limit " << simulation.limit();
  EXPECT_LT(tally.late, possible * 30 * 0.05);
  Kind calm = pressing;
  calm.per_second = possible / 2;
  const Tally after = simulation.Run({calm}, 20 * kSecond)["/s/M"];
  EXPECT_EQ(after.late, 0);
  EXPECT_LT(after.refused, 200) << "it is over: none but those that were queued before";
}

TEST(SimulatedUpstream, KeepsItsGoodputAtFiveTimesTheLoadWithManyServers) { ExpectGoodputUnderLoad(100, 125 * kMs); }
TEST(SimulatedUpstream, KeepsItsGoodputAtFiveTimesTheLoadWithAFew) { ExpectGoodputUnderLoad(8, 10 * kMs); }
TEST(SimulatedUpstream, KeepsItsGoodputAtFiveTimesTheLoadWithAFewSlowOnes) { ExpectGoodputUnderLoad(16, 125 * kMs); }
TEST(SimulatedUpstream, KeepsItsGoodputAtFiveTimesTheLoadWithOne) { ExpectGoodputUnderLoad(1, 1'250'000); }

TEST(SimulatedUpstream, RefusesNothingWhileThereIsRoom) {
  Simulation simulation({}, 100);
  const Tally tally = simulation.Run({{"/s/M", 700, Always(125 * kMs)}}, 60 * kSecond)["/s/M"];
  EXPECT_EQ(tally.refused + tally.late, 0);
}

TEST(SimulatedUpstream, ASlowMethodDoesNotStarveAQuickOne) {
  Simulation simulation({}, 100);
  // The slow one waits for something of its own, as for a lock that is held.
  auto tally = simulation.Run(
      {{"/s/Slow", 2000, Always(20 * kSecond), 100'000, 30 * kSecond}, {"/s/Quick", 400, Always(10 * kMs)}},
      60 * kSecond);
  EXPECT_EQ(tally["/s/Quick"].refused + tally["/s/Quick"].late, 0) << "limit " << simulation.limit();
  EXPECT_GT(tally["/s/Slow"].refused, 0);
  EXPECT_GT(tally["/s/Slow"].good, 0);
}

TEST(SimulatedUpstream, AMixOfQuickAndSlowRepliesIsNoOverload) {
  Simulation simulation({}, 100'000);
  int call = 0;
  const auto takes = [&call](int64_t) { return ++call % 3 == 0 ? 2 * kMs : 900 * kMs; };
  const Tally tally = simulation.Run({{"/s/M", 400, takes}}, 60 * kSecond)["/s/M"];
  EXPECT_EQ(tally.refused + tally.late, 0) << "limit " << simulation.limit();
}

TEST(SimulatedUpstream, AMethodThatBecomesSlowByItselfIsServedAgain) {
  Simulation simulation({}, 100'000);
  const Kind quick{"/s/M", 100, Always(10 * kMs), 0, 30 * kSecond};
  const Kind slow{"/s/M", 100, Always(3 * kSecond), 0, 30 * kSecond};
  EXPECT_EQ(simulation.Run({quick}, 20 * kSecond)["/s/M"].refused, 0);
  simulation.Run({slow}, 60 * kSecond);
  const Tally tally = simulation.Run({slow}, 30 * kSecond)["/s/M"];
  EXPECT_EQ(tally.refused, 0) << "three hundred are under way, limit " << simulation.limit();
}

TEST(SimulatedUpstream, AClientInAHurryDoesNotLowerTheLimit) {
  Simulation simulation({}, 100'000);
  auto tally =
      simulation.Run({{"/s/M", 100, Always(40 * kMs)}, {"/s/M", 1000, Always(40 * kMs), 0, 5 * kMs}}, 30 * kSecond);
  EXPECT_EQ(tally["/s/M"].refused, 0);
  EXPECT_GE(simulation.limit(), 256);
}

}  // namespace
}  // namespace stratus::gateway::upstream
