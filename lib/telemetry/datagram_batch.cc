#include "lib/telemetry/datagram_batch.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace stratus::telemetry {
namespace {

// What has become of the datagrams sent so far.
int PendingError(int socket) {
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

}  // namespace

void DatagramBatch::Add(std::string_view header, std::string_view document, size_t spans) {
  datagrams_.push_back({text_.size(), header.size() + document.size(), spans});
  text_.append(header).append(document);
}

void DatagramBatch::Send(int socket, Report report) {
  std::array<int, kDatagramsMax> errors{};
  const size_t together = SendTogether(socket);
  if (together == datagrams_.size() && together > 0) errors[together - 1] = PendingError(socket);
  int flags = 0;
  for (size_t i = together; i < datagrams_.size(); ++i) {
    const Outcome outcome = SendAlone(socket, datagrams_[i], flags);
    if (outcome.failed == EAGAIN) flags = MSG_DONTWAIT;
    errors[i] = outcome.failed != 0 ? outcome.failed : outcome.reported;
    // Where only some went together the kernel stopped at an error and kept it to itself: that of the next one, or the
    // socket's word about the last one that had gone. The next one could be sent now: it was the latter.
    if (i == together && i > 0 && outcome.failed == 0) errors[i - 1] = outcome.reported != 0 ? outcome.reported : EIO;
  }
  for (size_t i = 0; i < datagrams_.size(); ++i) report(datagrams_[i].spans, errors[i]);
  Clear();
}

void DatagramBatch::Abandon(absl::FunctionRef<void(size_t spans)> report) {
  for (const Datagram& datagram : datagrams_) report(datagram.spans);
  Clear();
}

void DatagramBatch::Clear() {
  text_.clear();
  datagrams_.clear();
}

size_t DatagramBatch::SendTogether(int socket) const {
  std::array<iovec, kDatagramsMax> texts;
  std::array<mmsghdr, kDatagramsMax> messages;
  for (size_t i = 0; i < datagrams_.size(); ++i) {
    // The kernel does not write through this.
    texts[i] = {const_cast<char*>(text_.data() + datagrams_[i].at), datagrams_[i].size};
    messages[i] = {};
    messages[i].msg_hdr.msg_iov = &texts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int sent = sendmmsg(socket, messages.data(), static_cast<unsigned>(datagrams_.size()), MSG_NOSIGNAL);
  return sent > 0 ? static_cast<size_t>(sent) : 0;
}

DatagramBatch::Outcome DatagramBatch::SendAlone(int socket, const Datagram& datagram, int flags) const {
  while (send(socket, text_.data() + datagram.at, datagram.size, MSG_NOSIGNAL | flags) < 0) {
    if (errno != EINTR) return {errno, 0};
  }
  return {0, PendingError(socket)};
}

}  // namespace stratus::telemetry
