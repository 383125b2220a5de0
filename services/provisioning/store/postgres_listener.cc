#include "services/provisioning/store/postgres_listener.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/core/log.h"
#include "lib/core/random.h"
#include "lib/core/status.h"
#include "services/provisioning/store/postgres_connection.h"
#include "services/provisioning/store/store.h"

namespace stratus::provisioning::store {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(5);

}  // namespace

PostgresListener::PostgresListener(const PostgresAddress& address, absl::Duration timeout, Notifier* notifier)
    : address_(address), timeout_(timeout), notifier_(*notifier), stop_fd_(eventfd(0, EFD_CLOEXEC)) {}

absl::StatusOr<std::unique_ptr<PostgresListener>> PostgresListener::Start(const PostgresAddress& address,
                                                                          absl::Duration timeout, Notifier* notifier) {
  std::unique_ptr<PostgresListener> listener(new PostgresListener(address, timeout, notifier));
  if (listener->stop_fd_ < 0) return absl::ResourceExhaustedError("no file descriptor is left for the listener");
  absl::StatusOr<std::unique_ptr<PostgresLink>> link = listener->Listen();
  if (!link.ok()) return link.status();
  listener->thread_ =
      std::thread([raw = listener.get(), link = *std::move(link)]() mutable { raw->Run(std::move(link)); });
  return listener;
}

PostgresListener::~PostgresListener() {
  const uint64_t one = 1;
  if (stop_fd_ < 0) return;
  // An eventfd takes eight bytes or fails for reasons that cannot be here.
  if (write(stop_fd_, &one, sizeof(one)) == sizeof(one) && thread_.joinable()) thread_.join();
  close(stop_fd_);
}

absl::StatusOr<std::unique_ptr<PostgresLink>> PostgresListener::Listen() const {
  absl::StatusOr<std::unique_ptr<PostgresLink>> link = PostgresLink::Connect(address_, timeout_, stop_fd_);
  if (!link.ok()) return link;
  PostgresLink::Error error = (*link)->Run(absl::StrCat("LISTEN ", kPostgresChannel).c_str());
  if (error.failure != Failure::kNone) return error.status;
  return link;
}

void PostgresListener::Run(std::unique_ptr<PostgresLink> link) {
  while (link != nullptr) {
    bool alive = true;
    while (alive) {
      for (const std::string& topic : link->Notifications()) notifier_.Publish(topic);
      alive = link->WaitForInput();
    }
    link.reset();
    link = Reconnect();
    if (link != nullptr) notifier_.Publish(kTopicAll);
  }
}

std::unique_ptr<PostgresLink> PostgresListener::Reconnect() const {
  bool told = false;
  for (absl::Duration pause = kFirstPause; Pause(pause * (0.5 + core::RandomFraction() / 2));
       pause = std::min(pause * 2, kLongestPause)) {
    absl::StatusOr<std::unique_ptr<PostgresLink>> link = Listen();
    if (link.ok()) return *std::move(link);
    if (!std::exchange(told, true)) {
      core::Log(core::Severity::kWarning, "the database's notifications are lost; connecting again",
                {{"error", core::ToStd(link.status().message())}});
    }
  }
  return nullptr;
}

bool PostgresListener::Pause(absl::Duration time) const {
  pollfd polled = {stop_fd_, POLLIN, 0};
  return poll(&polled, 1, static_cast<int>(absl::ToInt64Milliseconds(time))) == 0;
}

}  // namespace stratus::provisioning::store
