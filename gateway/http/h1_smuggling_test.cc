// Requests that two readers could understand differently, and other malformed ones: each is refused with its status,
// the connection ends, and what stands behind the request is never served (RFC 9112, 11.2).
#include <string>

#include "gateway/http/testing/test_client.h"
#include "gateway/http/testing/test_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stratus::gateway::http {
namespace {

using testing::TestClient;
using testing::TestResponse;
using testing::TestServer;

struct Malformed {
  const char* name;
  int status;
  std::string request;
};

class MalformedRequest : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedRequest, IsRefusedAndEndsTheConnection) {
  TestServer server;
  TestClient client(server.address());
  // Behind it, what an attacker would like to have served.
  client.Send(GetParam().request + "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n");
  const TestResponse response = client.Read();
  EXPECT_EQ(response.status, GetParam().status);
  EXPECT_EQ(response.Header("connection"), "close");
  EXPECT_THAT(response.body, ::testing::StartsWith("{\"code\":"));
  EXPECT_TRUE(client.AtEnd());
}

std::string Head(const std::string& line, const std::string& headers) {
  return line + "\r\nhost: a\r\n" + headers + "\r\n";
}
std::string Post(const std::string& headers, const std::string& body) {
  return Head("POST /echo HTTP/1.1", headers) + body;
}
std::string Chunked(const std::string& body) { return Post("transfer-encoding: chunked\r\n", body); }

INSTANTIATE_TEST_SUITE_P(
    Http1, MalformedRequest,
    ::testing::Values(
        Malformed{"LengthThenCoding", 400, Post("content-length: 3\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n")},
        Malformed{"CodingThenLength", 400, Post("transfer-encoding: chunked\r\ncontent-length: 3\r\n", "0\r\n\r\n")},
        Malformed{"LengthAndUnknownCoding", 400, Post("content-length: 3\r\ntransfer-encoding: x\r\n", "abc")},
        Malformed{"TwoLengths", 400, Post("content-length: 3\r\ncontent-length: 4\r\n", "abc")},
        Malformed{"RepeatedLength", 400, Post("content-length: 3\r\ncontent-length: 3\r\n", "abc")},
        Malformed{"LengthList", 400, Post("content-length: 3, 3\r\n", "abc")},
        Malformed{"SignedLength", 400, Post("content-length: +3\r\n", "abc")},
        Malformed{"NegativeLength", 400, Post("content-length: -3\r\n", "abc")},
        Malformed{"HexLength", 400, Post("content-length: 0x3\r\n", "abc")},
        Malformed{"EmptyLength", 400, Post("content-length:\r\n", "abc")},
        Malformed{"HugeLength", 400, Post("content-length: 99999999999999999999999\r\n", "abc")},
        Malformed{"LengthOverSigned", 400, Post("content-length: 18446744073709551615\r\n", "abc")},
        Malformed{"UnknownCoding", 501, Post("transfer-encoding: gzip, chunked\r\n", "0\r\n\r\n")},
        Malformed{"ChunkedNotLast", 501, Post("transfer-encoding: chunked, identity\r\n", "0\r\n\r\n")},
        Malformed{"ChunkedTwice", 501, Post("transfer-encoding: chunked, chunked\r\n", "0\r\n\r\n")},
        Malformed{"RepeatedCoding", 501, Post("transfer-encoding: x\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n")},
        Malformed{"CodingWithVerticalTab", 400, Post("transfer-encoding: \vchunked\r\n", "0\r\n\r\n")},
        Malformed{"CodingInHttp10", 400, Head("POST /echo HTTP/1.0", "transfer-encoding: chunked\r\n") + "0\r\n\r\n"},
        Malformed{"SpaceBeforeColon", 400, Post("content-length : 3\r\n", "abc")},
        Malformed{"FoldedHeader", 400, Post("x-a: b\r\n c\r\n", "")},
        Malformed{"FoldedByTab", 400, Post("x-a: b\r\n\tc\r\n", "")},
        Malformed{"HeaderWithoutColon", 400, Post("nonsense\r\n", "")},
        Malformed{"EmptyHeaderName", 400, Post(": x\r\n", "")},
        Malformed{"ControlInName", 400, Post("x\x01: x\r\n", "")},
        Malformed{"ControlInValue", 400, Post("x: a\x01\r\n", "")},
        Malformed{"NulInValue", 400, Post(std::string("x: a\0b\r\n", 8), "")},
        Malformed{"BareCrInValue", 400, Post("x: a\rb\r\n", "")},
        Malformed{"BareLfInHead", 400, "GET /hello HTTP/1.1\r\nhost: a\nx: b\r\n\r\n"},
        Malformed{"BareLfEverywhere", 400, "GET /hello HTTP/1.1\nhost: a\n\n"},
        Malformed{"NoHost", 400, "GET /hello HTTP/1.1\r\n\r\n"},
        Malformed{"TwoHosts", 400, Head("GET /hello HTTP/1.1", "host: b\r\n")},
        Malformed{"HostWithSpace", 400, "GET /hello HTTP/1.1\r\nhost: a b\r\n\r\n"},
        Malformed{"HostWithPath", 400, "GET /hello HTTP/1.1\r\nhost: a/b\r\n\r\n"},
        Malformed{"HostWithNamedPort", 400, "GET /hello HTTP/1.1\r\nhost: x:port\r\n\r\n"},
        Malformed{"HostWithTwoPorts", 400, "GET /hello HTTP/1.1\r\nhost: x:80:80\r\n\r\n"},
        Malformed{"HostWithOpenBracket", 400, "GET /hello HTTP/1.1\r\nhost: [::1\r\n\r\n"},
        Malformed{"TargetWithNamedPort", 400, Head("GET http://a:b/hello HTTP/1.1", "")},
        Malformed{"HostWithUser", 400, "GET /hello HTTP/1.1\r\nhost: u@a\r\n\r\n"},
        Malformed{"NoTarget", 400, Head("GET HTTP/1.1", "")},
        Malformed{"TwoSpaces", 400, Head("GET  /hello HTTP/1.1", "")},
        Malformed{"TargetWithoutSlash", 400, Head("GET hello HTTP/1.1", "")},
        Malformed{"TargetWithFragment", 400, Head("GET /hello#x HTTP/1.1", "")},
        Malformed{"OtherScheme", 400, Head("GET ftp://a/hello HTTP/1.1", "")},
        Malformed{"UserInTarget", 400, Head("GET http://u:p@a/hello HTTP/1.1", "")},
        Malformed{"AsteriskForGet", 400, Head("GET * HTTP/1.1", "")},
        Malformed{"Connect", 405, Head("CONNECT a:443 HTTP/1.1", "")},
        Malformed{"LaterVersion", 505, Head("GET /hello HTTP/1.2", "")},
        Malformed{"OtherVersion", 505, Head("GET /hello HTTP/3.0", "")},
        Malformed{"LowerCaseVersion", 505, Head("GET /hello http/1.1", "")},
        Malformed{"NoVersion", 400, "GET /hello\r\n\r\n"}, Malformed{"TlsHello", 400, "\x16\x03\x01\x02"},
        Malformed{"ChunkSizeMissing", 400, Chunked("\r\nabc\r\n")},
        Malformed{"ChunkSizeNotHex", 400, Chunked("g\r\nabc\r\n")},
        Malformed{"ChunkSizeSigned", 400, Chunked("-1\r\nabc\r\n")},
        Malformed{"ChunkSizeOverflow", 400, Chunked("fffffffffffffffff\r\nabc\r\n")},
        Malformed{"ChunkLineBareLf", 400, Chunked("3\nabc\r\n")},
        Malformed{"ChunkWithoutEnd", 400, Chunked("3\r\nabcd\r\n")},
        Malformed{"ChunkExtensionMalformed", 400, Chunked("3 x\r\nabc\r\n")},
        Malformed{"ChunkExtensionBareLf", 400, Chunked("3;a\nb\r\nabc\r\n")},
        Malformed{"ChunkExtensionEndless", 400, Chunked("3;a=" + std::string(40000, 'x'))},
        Malformed{"TrailerBareLf", 400, Chunked("0\r\na: b\n c\r\n\r\n")},
        Malformed{"TrailerFolded", 400, Chunked("0\r\na: b\r\n c\r\n\r\n")},
        Malformed{"TrailerFoldedAtItsStart", 400, Chunked("0\r\na:\r\n c\r\n\r\n")},
        Malformed{"TrailerFoldedAtItsEnd", 400, Chunked("0\r\na: b\r\n \r\n\r\n")},
        Malformed{"TrailerFoldedAndEmpty", 400, Chunked("0\r\na:\r\n \r\nb: c\r\n\r\n")}),
    [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace stratus::gateway::http
