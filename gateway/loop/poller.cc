#include "gateway/loop/poller.h"

#include <algorithm>
#include <utility>

#include "boost/asio/post.hpp"

namespace stratus::gateway {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Edge-triggered: a descriptor whose reader takes no more for now costs no wake-ups.
constexpr uint32_t kReads = EPOLLIN | EPOLLRDHUP | EPOLLET;

}  // namespace

asio::execution_context::id Poller::id;

Poller& Poller::Of(asio::io_context& loop) { return asio::use_service<Poller>(loop); }

Poller::Poller(asio::io_context& loop) : asio::io_context::service(loop), set_(loop.get_executor()) {
  error_code ignored;
  // Without a set Add fails, and says why.
  if (const int fd = ::epoll_create1(EPOLL_CLOEXEC); fd >= 0) set_.assign(fd, ignored);
}

Poller::~Poller() = default;

void Poller::shutdown() {
  error_code ignored;
  set_.close(ignored);
}

bool Poller::Control(int operation, int fd, Watched* watched, uint32_t events) {
  epoll_event event = {};
  event.events = events;
  event.data.ptr = watched;
  return ::epoll_ctl(set_.native_handle(), operation, fd, &event) == 0;
}

bool Poller::Add(int fd, Watched* watched) {
  if (!Control(EPOLL_CTL_ADD, fd, watched, kReads)) return false;
  ++watched_;
  if (!awaiting_) Await();
  return true;
}

void Poller::Remove(int fd, Watched* watched) {
  for (size_t i = 0; i < count_; ++i) {
    if (events_[i].data.ptr == watched) events_[i].data.ptr = nullptr;
  }
  std::replace(again_.begin(), again_.end(), watched, static_cast<Watched*>(nullptr));
  std::replace(running_again_.begin(), running_again_.end(), watched, static_cast<Watched*>(nullptr));
  if (!Control(EPOLL_CTL_DEL, fd, watched, 0) || --watched_ > 0) return;
  // A loop that has nothing else to wait for may end.
  error_code ignored;
  set_.cancel(ignored);
}

// The kernel looks at the descriptor anew, so that no edge is missed.
void Poller::AwaitWritable(int fd, Watched* watched) { Control(EPOLL_CTL_MOD, fd, watched, kReads | EPOLLOUT); }

void Poller::ReadAgain(Watched* watched) {
  if (again_.empty()) asio::post(set_.get_executor(), PooledHandler(&again_memory_, [this] { RunAgain(); }));
  again_.push_back(watched);
}

void Poller::RunAgain() {
  running_again_.swap(again_);
  // By index: Remove may null what is still to come.
  for (size_t i = 0; i < running_again_.size(); ++i) {
    if (running_again_[i] == nullptr || !running_again_[i]->OnReadable(false)) continue;
    running_again_[i]->Handle();
  }
  running_again_.clear();
}

void Poller::Await() {
  awaiting_ = true;
  set_.async_wait(Descriptor::wait_read, PooledHandler(&await_memory_, [this](const error_code&) {
                    awaiting_ = false;
                    if (watched_ == 0) return;  // cancelled
                    RunTurn();
                    if (watched_ > 0 && !awaiting_) Await();
                  }));
}

void Poller::RunTurn() {
  const int count = ::epoll_wait(set_.native_handle(), events_.data(), static_cast<int>(events_.size()), 0);
  count_ = static_cast<size_t>(std::max(count, 0));
  for (size_t i = 0; i < count_; ++i) Tell(events_[i]);
  for (size_t i = 0; i < count_; ++i) {
    if (events_[i].data.ptr != nullptr) static_cast<Watched*>(events_[i].data.ptr)->Handle();
  }
  count_ = 0;
}

void Poller::Tell(epoll_event& event) {
  const auto watched = [&event] { return static_cast<Watched*>(event.data.ptr); };  // null once it is removed
  const bool ended = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  if (watched() != nullptr && (event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) watched()->OnWritable();
  if (watched() == nullptr) return;
  const bool readable = ended || (event.events & EPOLLIN) != 0;
  if (!readable || !watched()->OnReadable(ended)) event.data.ptr = nullptr;
}

}  // namespace stratus::gateway
