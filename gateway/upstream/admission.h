// Which calls go to an upstream now, which wait for their turn, and which are refused: one a cluster, on its loop.
//
// Unary calls under way are bounded by an AdaptiveLimit. A method may have three quarters of it; the rest is for those
// that have less than their share, so that one slow method does not starve the others. Beyond that calls wait by
// method, and the method with the fewest under way is next. While a queue stands it is served from its new end, and the
// old one is refused early: what a client has all but given up on is no use to it. Streams are counted apart.
//
//   if (!admission.Enter(&ticket, path) && !admission.Wait(&ticket, deadline_ns, now, &reason)) ... it is refused ...
//   while (auto next = admission.Next(now)) next->go ? Start(next->ticket) : Refuse(next->ticket, next->reason);
//   ... the call ...
//   admission.Leave(&ticket);  // and Next again
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "gateway/upstream/adaptive_limit.h"
#include "gateway/upstream/stats.h"

namespace stratus::gateway::upstream {

struct AdmissionOptions {
  LimitOptions limit;
  // How long a call may wait for its turn; a tenth of it while a queue stands. Zero: none waits.
  absl::Duration queue_wait = absl::Milliseconds(250);
  int streams_max = 8192;
};

class Admission {
 public:
  struct Method;

  // A call's place. Lives in the call, which leaves before it dies.
  struct Ticket {
    enum class State : uint8_t { kOut, kWaiting, kUnary, kStream };
    explicit Ticket(void* owner) : call(owner) {}

    void* const call;  // whose it is
    State state = State::kOut;
    Method* method = nullptr;  // of a unary call, from Enter on
    Ticket* older = nullptr;
    Ticket* newer = nullptr;
    int64_t queued_ns = 0;
    int64_t deadline_ns = 0;  // 0: none
  };

  struct Decision {
    Ticket* ticket;
    bool go;
    ShedReason reason;  // of one that does not go; its ticket is out
  };

  // `stats` outlives it.
  Admission(const AdmissionOptions& options, ClusterStats* stats);
  ~Admission();
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // True: the call may go. False: it waits, or is refused, by Wait.
  bool Enter(Ticket* ticket, std::string_view path);
  // After Enter: Next gives it back, at NextCheck at the latest. False: it cannot be answered before its deadline.
  // `deadline_ns` 0: none.
  bool Wait(Ticket* ticket, int64_t deadline_ns, int64_t now_ns);
  // False: there are too many.
  bool EnterStream(Ticket* ticket);
  // The call has ended, or is not wanted any more while it waits.
  void Leave(Ticket* ticket);
  // Who goes now, or is refused now; nothing when all that wait have to go on waiting.
  std::optional<Decision> Next(int64_t now_ns);
  bool waiting() const { return waiting_ > 0; }
  // When Next may have something to say although nobody has left.
  int64_t NextCheck(int64_t now_ns) const;

  // How long the call took at the upstream: it was answered in order, or its deadline passed before. Of a stream
  // nothing.
  void OnReply(const Ticket& ticket, int64_t sent_ns, int64_t now_ns);
  void OnTimeout(const Ticket& ticket, int64_t sent_ns, int64_t now_ns);

  int limit() const { return limit_.value(); }

 private:
  // Methods beyond that share one entry: a client must not be able to make up names.
  static constexpr size_t kMethodsMax = 1000;
  // Of each method; where the limit is larger, as many as that.
  static constexpr int kQueueMin = 16;

  Method* Find(std::string_view path);
  bool MayGo(const Method& method) const;
  void Go(Ticket* ticket);
  void Unlink(Ticket* ticket);
  // Who is to be refused of those that wait: the oldest of a method, too many or too long.
  std::optional<Decision> Overdue(int64_t now_ns);
  // Whose turn it is among those that may go; null when none may.
  Method* Chosen() const;
  Decision Refuse(Ticket* ticket, ShedReason reason);
  void Count(const Method& method, ShedReason reason);
  bool Standing(int64_t now_ns) const;
  int64_t Patience(int64_t now_ns) const;

  const AdmissionOptions options_;
  ClusterStats* stats_;
  AdaptiveLimit limit_;
  absl::flat_hash_map<std::string, std::unique_ptr<Method>> methods_;
  Method* last_ = nullptr;       // that was found
  std::vector<Method*> hungry_;  // with calls that wait
  int in_flight_ = 0;
  int streams_ = 0;
  int waiting_ = 0;
  int active_ = 0;                // methods with calls under way or waiting
  int64_t waiting_since_ns_ = 0;  // when the first of those that wait without a break came
};

}  // namespace stratus::gateway::upstream
