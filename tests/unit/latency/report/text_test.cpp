#include "latency/report/text.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace rtnode::latency {
namespace {

TEST(Text, WritesLatenciesWithThreeDigits) {
    for (const auto& [ns, text] : std::vector<std::pair<double, std::string>>{{0, "0 ns"},
                                                                              {7, "7 ns"},
                                                                              {843, "843 ns"},
                                                                              {999.4, "999 ns"},
                                                                              {999.6, "1.00 µs"},
                                                                              {1'000, "1.00 µs"},
                                                                              {9'996, "10.0 µs"},
                                                                              {19'240, "19.2 µs"},
                                                                              {99'960, "100 µs"},
                                                                              {999'400, "999 µs"},
                                                                              {999'600, "1.00 ms"},
                                                                              {4'040'100, "4.04 ms"},
                                                                              {1.2e9, "1.20 s"},
                                                                              {5e11, "500 s"},
                                                                              {1.2e12, "1,200 s"},
                                                                              {-1'500, "−1.50 µs"}})
        EXPECT_EQ(latency_text(ns), text);
    EXPECT_EQ(tick_text(1e3), "1 µs");
    EXPECT_EQ(tick_text(2e7), "20 ms");
    EXPECT_EQ(tick_text(100), "100 ns");
    EXPECT_EQ(tick_text(1e12), "1000 s");
}

TEST(Text, WritesNumbersForTables) {
    EXPECT_EQ(microseconds_text(4'040'149), "4,040.1");
    EXPECT_EQ(microseconds_text(49), "0.0");
    EXPECT_EQ(microseconds_text(999'960), "1,000.0");
    EXPECT_EQ(microseconds_text(1'234'040, 3), "1,234.040") << "gaps of some nanoseconds";
    EXPECT_EQ(microseconds_text(40, 3), "0.040");
    EXPECT_EQ(count_text(0), "0");
    EXPECT_EQ(count_text(999), "999");
    EXPECT_EQ(count_text(1'234'567), "1,234,567");
    EXPECT_EQ(numbered(1, "spike"), "1 spike");
    EXPECT_EQ(numbered(2'000, "spike"), "2,000 spikes");
}

TEST(Text, WritesTimesInUtc) {
    EXPECT_EQ(utc_text(std::chrono::nanoseconds(1'795'472'790'123'456'789)), "2026-11-23 22:26:30");
    EXPECT_EQ(utc_text(std::chrono::nanoseconds(1'795'472'790'123'456'789), 6), "2026-11-23 22:26:30.123456");
    EXPECT_EQ(utc_text(std::chrono::nanoseconds(-1), 3), "1969-12-31 23:59:59.999");
}

TEST(Text, ReplacesWhatIsNotUtf8) {
    EXPECT_EQ(utf8_of("plain µs \xe2\x82\xac"), "plain µs €");
    EXPECT_EQ(utf8_of("a\xff"
                      "b\xe2\x82"),
              "a\ufffd"
              "b\ufffd");
    EXPECT_EQ(utf8_of(""), "");
}

TEST(Text, EscapesMarkupAndControlCharacters) {
    EXPECT_EQ(html_of("<a href=\"x\"> & 'y'"), "&lt;a href=&quot;x&quot;&gt; &amp; &#39;y&#39;");
    EXPECT_EQ(html_of(std::string_view("\0\a\x1b\x7f tab\t line\n", 15)), "\ufffd\ufffd\ufffd\ufffd tab\t line\n");
}

} // namespace
} // namespace rtnode::latency
