// The buffers that keep steady traffic away from malloc.
#include <memory>
#include <string>

#include "gateway/http/buffer_pool.h"
#include "gateway/http/out_buffer.h"
#include "gtest/gtest.h"

namespace stratus::gateway::http {
namespace {

TEST(BufferPool, KeepsNoMoreThanItsBounds) {
  BufferPool pool;
  Buffer huge;
  huge.Reserve(BufferPool::kBufferBytesMax + 1);
  pool.Give(std::move(huge));
  EXPECT_EQ(pool.Take().capacity(), 0u);
  Buffer small;
  small.Append("x");
  const size_t capacity = small.capacity();
  pool.Give(std::move(small));
  const Buffer again = pool.Take();
  EXPECT_EQ(again.capacity(), capacity);
  EXPECT_TRUE(again.empty());
}

TEST(OutBuffer, SendsOnlyWhatIsCommitted) {
  BufferPool pool;
  OutBuffer out(&pool);
  out.buffer().Append("first");
  out.Commit();
  out.buffer().Append("second");
  EXPECT_EQ(out.pending(), "first");
  EXPECT_EQ(out.backlog(), 11u);
  EXPECT_EQ(out.Sent(5), 0u);
  EXPECT_EQ(out.pending(), "");
  out.Rollback();
  out.buffer().Append("third");
  out.Commit();
  EXPECT_EQ(out.pending(), "third");
}

TEST(OutBuffer, TellsByHowMuchOffsetsFallWhenItMoves) {
  BufferPool pool;
  OutBuffer out(&pool);
  out.buffer().Append(std::string(200 << 10, 'a') + "tail");
  out.Commit();
  EXPECT_EQ(out.Sent(1000), 0u);
  out.buffer().Append(" and more");
  out.Commit();
  EXPECT_EQ(out.Sent((200 << 10) - 1000), size_t{200 << 10});
  EXPECT_EQ(out.pending(), "tail and more");
  EXPECT_EQ(out.buffer().view(), "tail and more");
  EXPECT_EQ(out.Sent(13), 13u);
  EXPECT_EQ(out.backlog(), 0u);
}

TEST(OutBuffer, SendsATailThatOthersOwnBehindWhatIsCommitted) {
  BufferPool pool;
  OutBuffer out(&pool);
  auto owner = std::make_shared<std::string>("shared");
  out.buffer().Append("head ");
  out.Commit();
  out.SetTail(owner, *owner);
  EXPECT_EQ(out.backlog(), 11u);
  EXPECT_EQ(out.pending(), "head ");
  out.Sent(5);
  EXPECT_EQ(out.pending(), "shared");
  out.Sent(2);
  EXPECT_EQ(out.pending(), "ared");
  EXPECT_EQ(owner.use_count(), 2);
  out.Sent(4);
  EXPECT_FALSE(out.has_tail());
  EXPECT_EQ(owner.use_count(), 1);
  EXPECT_EQ(out.pending(), "");
}

TEST(OutBuffer, LeavesAWholeReplyWhereItIs) {
  BufferPool pool;
  OutBuffer out(&pool);
  out.buffer().Append(std::string(1 << 20, 'a'));
  out.Commit();
  EXPECT_EQ(out.Sent(1000), 0u);
  EXPECT_EQ(out.Sent(900'000), 0u);
  EXPECT_EQ(out.pending().size(), (1u << 20) - 901'000);
}

}  // namespace
}  // namespace stratus::gateway::http
