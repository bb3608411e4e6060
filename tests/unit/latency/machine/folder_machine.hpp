#pragma once
// A machine that stands in a folder: its /proc and /sys, as far as a test writes them. sysfs itself can't be written.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace rtnode::latency {

class FolderMachine : public ::testing::Test {
  protected:
    FolderMachine() {
        root = (std::filesystem::path(::testing::TempDir()) / "rtnode-machine-XXXXXX").string();
        if (::mkdtemp(root.data()) == nullptr) throw std::runtime_error("mkdtemp");
    }
    ~FolderMachine() override {
        std::error_code ignored;
        std::filesystem::remove_all(root, ignored);
    }

    void write(const std::string& path, const std::string& text) {
        const auto file = std::filesystem::path(root) / path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }

    std::string root;
};

} // namespace rtnode::latency
