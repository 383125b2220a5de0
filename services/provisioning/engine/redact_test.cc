#include "services/provisioning/engine/redact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace stratus::provisioning::engine {
namespace {

using ::testing::HasSubstr;

constexpr char kPem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVcB/UNPxalR9zDYA\n"
    "jQIfjojUDiQuGnSJrFEEzZPT/92hRANCAASc7UJtgnF/abqWM60T3XNJEzBv5ez9\n"
    "TdwKH0M6xpM2q+53wmsN/eYLdgtjgBd3DBmHtPilCkiFICXyaA8z9LkJ\n"
    "-----END PRIVATE KEY-----\n";

// Whether `text` has 8 bytes in a row of the secret, white space left out of both.
bool Tells(std::string_view text, std::string_view secret) {
  const auto folded = [](std::string_view from) {
    std::string out;
    for (const char c : from) {
      if (c != ' ' && c != '\n' && c != '\r' && c != '\t') out += c;
    }
    return out;
  };
  const std::string in = folded(text);
  const std::string out = folded(secret);
  for (size_t i = 0; i + 8 <= out.size(); ++i) {
    if (in.find(out.substr(i, 8)) != std::string::npos) return true;
  }
  return false;
}

TEST(Redactor, TakesAValueOutWhereverItStands) {
  const Redactor redactor({"tr0ub4dor"});
  EXPECT_EQ(redactor.Apply("tr0ub4dor"), "(redacted)");
  EXPECT_EQ(redactor.Apply("a tr0ub4dor, b:tr0ub4dor;"), "a (redacted), b:(redacted);");
  EXPECT_EQ(redactor.Apply("nothing"), "nothing");
  EXPECT_EQ(redactor.Apply(""), "");
  EXPECT_EQ(Redactor().Apply("tr0ub4dor"), "tr0ub4dor");
}

TEST(Redactor, LeavesWhatIsTooShortAlone) {
  const Redactor redactor({"abc", "", "1234"});
  EXPECT_EQ(redactor.Apply("abc 1234"), "abc (redacted)");
}

TEST(Redactor, ShortValuesAreNotFoundAcrossWords) {
  EXPECT_EQ(Redactor({"hest"}).Apply("in the state"), "in the state");
  EXPECT_EQ(Redactor({"longer one"}).Apply("long\n  er o ne"), "(redacted)");
}

TEST(Redactor, TakesAllOfASecretThatHasAnotherWithinIt) {
  EXPECT_EQ(Redactor({"secret", "secret-and-more"}).Apply("secret-and-more secret"), "(redacted) (redacted)");
}

TEST(Redactor, TwoSecretsSideBySideAreTwo) {
  const Redactor redactor({"first-secret", "second-secret"});
  EXPECT_EQ(redactor.Apply("first-secret second-secret"), "(redacted) (redacted)");
}

TEST(Redactor, FindsAKeyHoweverItIsPrinted) {
  const Redactor redactor({kPem});
  const std::vector<std::string> lines = absl::StrSplit(kPem, '\n', absl::SkipEmpty());
  for (const std::string& text : {std::string(kPem), absl::StrCat("    ", absl::StrJoin(lines, "\n    ")),
                                  absl::StrJoin(lines, "\r\n"), absl::StrJoin(lines, " "), absl::StrJoin(lines, ""),
                                  absl::StrJoin(lines, "\\n"), absl::StrJoin(lines, "\\r\\n")}) {
    EXPECT_FALSE(Tells(redactor.Apply(absl::StrCat("key: ", text, " end")), kPem)) << redactor.Apply(text);
    EXPECT_THAT(redactor.Apply(absl::StrCat("key: ", text, " end")), HasSubstr("(redacted)"));
  }
  for (const std::string& line : lines) {
    EXPECT_EQ(redactor.Apply(absl::StrCat("  ", line, "\r")), "  (redacted)\r") << line;
  }
}

TEST(Redactor, FindsLinesOfAValueThatAreTooShortForFragments) {
  const Redactor redactor({"user: admin\npass: tr0ub\n}\n"});
  EXPECT_EQ(redactor.Apply("| pass: tr0ub |"), "| (redacted) |");
  EXPECT_EQ(redactor.Apply("}"), "}");
}

TEST(Redactor, FindsWhatIsLeftOfACutSecret) {
  const std::string secret = "0f9a8b7c6d5e4f30217263549586a7b8";
  const Redactor redactor({secret});
  EXPECT_EQ(redactor.Apply(secret.substr(0, 16)), "(redacted)");
  EXPECT_EQ(redactor.Apply(absl::StrCat("...", secret.substr(9, 20), "...")), "...(redacted)...");
  EXPECT_EQ(redactor.Apply(absl::StrCat(secret.substr(0, 16), "\n", secret.substr(16))), "(redacted)");
}

TEST(Redactor, FindsEncodedForms) {
  for (const std::string secret : {"a b&<c>\"/?=ü", "correct horse battery staple", "hunter22", kPem}) {
    const Redactor redactor({secret});
    std::string percent;
    for (const char c : secret)
      absl::StrAppend(&percent, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    for (const std::string prefix : {"", "u", "us", "user:"}) {
      for (const std::string suffix : {"", "\n", ":x", "---"}) {
        const std::string whole = absl::StrCat(prefix, secret, suffix);
        for (const std::string& encoded : {absl::Base64Escape(whole), absl::WebSafeBase64Escape(whole)}) {
          const std::string shown = redactor.Apply(absl::StrCat("Basic ", encoded));
          std::string_view kept = shown;
          // At most the characters that share bits with what stands around the secret are left.
          EXPECT_THAT(shown, HasSubstr("(redacted)")) << encoded;
          EXPECT_LE(kept.size(), std::string_view("Basic (redacted)").size() + 4 * (prefix.size() + suffix.size()) + 4)
              << encoded << " " << shown;
        }
      }
    }
  }
  const Redactor redactor({"a b&<c>\"/?=x"});
  EXPECT_EQ(redactor.Apply(R"({"p":"a b\u0026\u003cc\u003e\"/?=x"})"), R"x({"p":"(redacted)"})x");
  EXPECT_EQ(redactor.Apply(R"({"p":"a b&<c>\"/?=x"})"), R"x({"p":"(redacted)"})x");
  EXPECT_EQ(redactor.Apply("?p=a%20b%26%3Cc%3E%22%2F%3F%3Dx"), "?p=(redacted)");
  EXPECT_EQ(redactor.Apply("?p=a%20b%26%3cc%3e%22%2f%3f%3dx"), "?p=(redacted)");
  EXPECT_EQ(redactor.Apply("?p=a+b%26%3Cc%3E%22%2F%3F%3Dx"), "?p=(redacted)");
}

TEST(Redactor, FindsBase64ThatIsFoldedIntoLines) {
  const Redactor redactor({kPem});
  const std::string encoded = absl::Base64Escape(absl::StrCat("x=", kPem));
  for (size_t i = 0; i < encoded.size(); i += 76) {
    const std::string line = encoded.substr(i, 76);
    EXPECT_FALSE(Tells(redactor.Apply(line), encoded.substr(3, encoded.size() - 8))) << redactor.Apply(line);
  }
}

TEST(Redactor, TakesKeysOfAddressesOut) {
  const Redactor redactor({"tr0ub4dor & \"3\""});
  EXPECT_EQ(redactor.Address(R"(a.b["tr0ub4dor & \"3\""])"), R"x(a.b["(redacted)"])x");
  EXPECT_EQ(Redactor::Withholding().Address(R"(module.m["x\"]"].a.b[0] and c.d["y"])"),
            R"x(module.m["(redacted)"].a.b[0] and c.d["(redacted)"])x");
  EXPECT_EQ(Redactor::Withholding().Address(R"(a.b["open)"), R"x(a.b["(redacted)")x");
}

TEST(Redactor, WithholdsEverythingWhenThereIsTooMuchToLookFor) {
  std::vector<std::string> secrets;
  for (int i = 0; i < 8192; ++i) secrets.push_back(absl::StrCat("secret", 1000 + i % 9000));
  secrets.resize(6553);  // of 10 bytes: just what it takes
  const Redactor all(secrets);
  EXPECT_FALSE(all.withholds());
  EXPECT_EQ(all.Apply("no secret1007 here"), "no (redacted) here");
  secrets.push_back("one more");
  const Redactor withholding(secrets);
  EXPECT_TRUE(withholding.withholds());
  EXPECT_EQ(withholding.Apply("anything"), "(redacted)");
  EXPECT_EQ(withholding.Apply(""), "");
  EXPECT_TRUE(Redactor({std::string(Redactor::kAllBytesMax + 1, 'x')}).withholds());
}

TEST(Redactor, CutsALongTextAndNoSecretWithIt) {
  const std::string filler(Redactor::kTextBytesMax - 4, 'x');
  const std::string shown = Redactor({"tr0ub4dor"}).Apply(filler + "tr0ub4dor");
  EXPECT_LT(shown.size(), Redactor::kTextBytesMax);
  EXPECT_EQ(shown.find("tr0u"), std::string::npos);
  EXPECT_EQ(Redactor().Apply(filler + "tr0ub4dor").size(), Redactor::kTextBytesMax);
}

TEST(Redactor, GivesUpNoTimeToManySecrets) {
  std::vector<std::string> secrets;
  for (int i = 0; i < 3000; ++i) secrets.push_back(absl::StrCat("pw", i, std::string(i % 14, 'x')));
  const Redactor redactor(secrets);
  const std::string text(1 << 20, 'y');
  const absl::Time began = absl::Now();
  EXPECT_EQ(redactor.Apply(text), text);
  // Looked for one by one it would be minutes.
  EXPECT_LT(absl::Now() - began, absl::Seconds(20));
}

}  // namespace
}  // namespace stratus::provisioning::engine
