// Hears what replicas notify each other of, on a connection of its own, and connects again when that breaks.
#pragma once

#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/provisioning/store/notifier.h"
#include "services/provisioning/store/postgres_link.h"

namespace stratus::provisioning::store {

class PostgresListener {
 public:
  // What is notified after it returns is published to `notifier`, which outlives it. kTopicAll is published whenever
  // something may have been missed.
  static absl::StatusOr<std::unique_ptr<PostgresListener>> Start(const PostgresAddress& address, absl::Duration timeout,
                                                                 Notifier* notifier);
  ~PostgresListener();
  PostgresListener(const PostgresListener&) = delete;
  PostgresListener& operator=(const PostgresListener&) = delete;

 private:
  PostgresListener(const PostgresAddress& address, absl::Duration timeout, Notifier* notifier);

  absl::StatusOr<std::unique_ptr<PostgresLink>> Listen() const;
  void Run(std::unique_ptr<PostgresLink> link);
  // Until it is connected again; nullptr when it has to stop.
  std::unique_ptr<PostgresLink> Reconnect() const;
  // False when it has to stop.
  bool Pause(absl::Duration time) const;

  const PostgresAddress address_;
  const absl::Duration timeout_;
  Notifier& notifier_;
  const int stop_fd_;
  std::thread thread_;
};

}  // namespace stratus::provisioning::store
