// Tells when the sockets of a loop can be read and written: an epoll set of the gateway's own below asio's, which is
// itself one descriptor to asio. asio would try a recv for each read it is asked for, before there is anything to read
// (docs/adr/0007); here a turn of the loop costs two system calls more, and a request one less.
//
//   Poller& poller = Poller::Of(loop);
//   poller.Add(fd, &watched);     // until Remove
//
// Everything runs on the loop's thread.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <vector>

#include "boost/asio/io_context.hpp"
#include "boost/asio/posix/basic_stream_descriptor.hpp"
#include "gateway/loop/handler_memory.h"

namespace stratus::gateway {

class Poller final : public boost::asio::io_context::service {
 public:
  // Each of these may Add and Remove, itself too; after its Remove a Watched is called no more and may be destroyed.
  class Watched {
   public:
    // Something has come since the descriptor was read empty: the time to read it. `ended`: the peer's end of file or
    // an error is there, too, and will not be told again. Returns whether Handle shall follow.
    virtual bool OnReadable(bool ended) = 0;
    // Deals with what was read. It comes once all that were readable in this turn have read: many reads in a row, then
    // the work of all, cost less than the two by turns.
    virtual void Handle() = 0;
    // There is room again, or an error that the next write shows. After the first AwaitWritable it may come with any
    // event.
    virtual void OnWritable() = 0;

   protected:
    ~Watched() = default;
  };

  // The one of `loop`, made at the first call.
  static Poller& Of(boost::asio::io_context& loop);

  // asio makes it: see Of.
  explicit Poller(boost::asio::io_context& loop);
  ~Poller() override;

  // What can be read already is told, too. False, with errno, when the system refuses; Remove it all the same.
  bool Add(int fd, Watched* watched);
  // `fd` must still be open: while a child of the process shares it, closing alone would leave it in the set.
  void Remove(int fd, Watched* watched);
  // OnWritable comes when `fd` takes bytes, at once if it does now.
  void AwaitWritable(int fd, Watched* watched);
  // OnReadable(false) comes in the next turn: for a reader that stopped before it had read everything.
  void ReadAgain(Watched* watched);

  static boost::asio::execution_context::id id;  // by which asio finds it

 private:
  static constexpr size_t kEventsPerTurn = 64;
  using Descriptor = boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;

  void shutdown() override;
  bool Control(int operation, int fd, Watched* watched, uint32_t events);
  // Has asio say when the set has something to tell.
  void Await();
  void RunTurn();
  // Leaves null what Handle need not follow for.
  void Tell(epoll_event& event);
  void RunAgain();

  Descriptor set_;
  size_t watched_ = 0;
  bool awaiting_ = false;
  // The events of the turn under way. Whoever was removed since is null, here and below.
  std::array<epoll_event, kEventsPerTurn> events_;
  size_t count_ = 0;
  std::vector<Watched*> again_;          // for the next turn
  std::vector<Watched*> running_again_;  // for this one
  HandlerMemory await_memory_;
  HandlerMemory again_memory_;
};

}  // namespace stratus::gateway
