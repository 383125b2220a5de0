// What a gateway does with bodies beside JSON: masks that they imply, codings, validators.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gateway/testing/gateway_fixture.h"

namespace stratus::gateway {
namespace {

using ::testing::HasSubstr;
using testing::RawClient;
using testing::RawResponse;

constexpr char kJson[] = "Content-Type: application/json\r\n";

class GatewayBodyTest : public testing::GatewayFixture {
 protected:
  RawResponse Call(const std::string& method, const std::string& target, const std::string& headers,
                   const std::string& body) {
    client_->Send(method, target, headers, body);
    return client_->Receive();
  }
};

// --- PATCH.

TEST_F(GatewayBodyTest, APatchWithoutAMaskMeansWhatItsBodyNames) {
  Start();
  const RawResponse response = Call("PATCH", "/t/items/1", kJson, R"({"count":"0","tags":[],"inner":{"count":3}})");
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.body,
            R"({"item":{"name":"items/1","inner":{"count":"3"}},"updateMask":"count,tags,inner.count"})");
  EXPECT_THAT(Call("PATCH", "/t/items/1", "Content-Type: application/merge-patch+json\r\n", R"({"inner":null})").body,
              HasSubstr(R"("updateMask":"inner")"));
}

TEST_F(GatewayBodyTest, AMaskThatIsGivenStays) {
  Start();
  for (const char* query : {"updateMask=tags", "update_mask=tags"}) {
    EXPECT_THAT(Call("PATCH", absl::StrCat("/t/items/1?", query), kJson, R"({"count":1})").body,
                HasSubstr(R"("updateMask":"tags")"));
  }
}

TEST_F(GatewayBodyTest, APatchOfTheWholeRequestGetsNoMask) {
  Start();
  EXPECT_EQ(Call("PATCH", "/t/whole", kJson, R"({"item":{"count":1}})").body, R"({"item":{"count":"1"}})");
  EXPECT_EQ(Call("PATCH", "/t/whole", kJson, R"({"item":{"count":1},"updateMask":"item.tags"})").body,
            R"({"item":{"count":"1"},"updateMask":"item.tags"})");
  EXPECT_EQ(Call("PATCH", "/t/items/1", "", "").body, R"({"item":{"name":"items/1"}})");
}

}  // namespace
}  // namespace stratus::gateway
