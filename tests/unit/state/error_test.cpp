#include "state/error.hpp"

#include <gtest/gtest.h>

using namespace rtnode;

TEST(ErrorTable, NamesAreReversible) {
    EXPECT_EQ(dbus_name(Reason::StalePlan), "org.rtnode1.Error.StalePlan");
    EXPECT_EQ(reason_of("org.rtnode1.Error.StalePlan"), Reason::StalePlan);
}

TEST(ErrorTable, ForeignNamesAreNobodys) {
    EXPECT_EQ(reason_of("org.freedesktop.DBus.Error.Failed"), std::nullopt);
    EXPECT_EQ(reason_of("org.rtnode1.Error.Nope"), std::nullopt);
}
