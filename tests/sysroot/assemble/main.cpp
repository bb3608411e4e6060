#include "assemble/sandbox.hpp"

#include <gtest/gtest.h>

#include <string_view>

int main(int argc, char** argv) {
    // As rtnode-worker does: the sandbox is this very program.
    if (argc == 2 && std::string_view(argv[1]) == rtnode::assemble::sandbox_argument)
        return rtnode::assemble::sandbox_main();
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
