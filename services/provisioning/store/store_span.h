// A call of the store as a part of the current span: the database, the statements without their parameters, how it
// ended. Where no span records it costs a look at the thread's current one.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "lib/telemetry/span.h"
#include "services/provisioning/store/database.h"

namespace stratus::provisioning::store {

class StoreSpan {
 public:
  // `product`: the database's name, and the span's.
  explicit StoreSpan(std::string_view product) {
    const telemetry::SpanRef caller = telemetry::CurrentSpan();
    if (!caller.recording()) return;
    span_ = caller.StartChild(product, telemetry::SpanKind::kDatabase);
    product_ = product;
  }
  ~StoreSpan() {
    if (!span_.recording()) return;
    span_.SetDatabase(product_, statements_);
    if (attempts_ > 1) span_.Annotate("attempts", int64_t{attempts_});
  }
  StoreSpan(const StoreSpan&) = delete;
  StoreSpan& operator=(const StoreSpan&) = delete;

  // One attempt: while it lives, what the connection executes is written down.
  class Attempt {
   public:
    Attempt(StoreSpan* span, Connection* connection) : connection_(*connection) {
      ++span->attempts_;
      if (span->span_.recording()) connection_.set_statement_log(&span->statements_);
    }
    ~Attempt() { connection_.set_statement_log(nullptr); }
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

   private:
    Connection& connection_;
  };

  // How the call ends; returns `status`. A row that is not there, or a precondition, is an answer and no failure of the
  // database. Its message is left out: it may quote a value.
  absl::Status Ended(absl::Status status) {
    if (telemetry::OutcomeOf(status.code()) == telemetry::SpanOutcome::kFault) {
      span_.SetStatus(absl::Status(status.code(), ""));
    }
    return status;
  }

 private:
  telemetry::Span span_;
  std::string_view product_;
  std::string statements_;
  int attempts_ = 0;
};

}  // namespace stratus::provisioning::store
