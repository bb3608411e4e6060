#pragma once
// A node whose /proc, /sys, /etc and /var stand in a folder, as far as a test writes them: sysfs takes no files.

#include "profile/arguments/cpu_sets.hpp"
#include "temp_folder.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace rtnode::profile {

class NodeInAFolder : public testing::Test {
  protected:
    void write(const std::string& path, const std::string& text) const {
        const auto file = root / path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }
    std::string text_of(const std::string& path) const {
        std::ostringstream text;
        text << std::ifstream(root / path).rdbuf();
        return text.str();
    }
    void take_away(const std::string& path) const { std::filesystem::remove_all(root / path); }
    void forbid_writing(const std::string& path) const {
        std::filesystem::permissions(root / path, std::filesystem::perms(0444));
    }

    void interrupt(unsigned number, const std::string& handlers, const std::string& mask) const {
        write(fmt::format("sys/kernel/irq/{}/actions", number), handlers);
        write(fmt::format("proc/irq/{}/smp_affinity", number), mask);
    }
    /// @param flags as in /proc/PID/stat: 0x00200000 a kernel thread, 0x04000000 one that can't be moved
    void task(unsigned pid, const std::string& name, unsigned flags, const std::string& cpus) const {
        write(fmt::format("proc/{}/stat", pid), fmt::format("{} ({}) S 2 0 0 0 -1 {} 0 0 0\n", pid, name, flags));
        write(fmt::format("proc/{}/status", pid), fmt::format("Name:\t{}\nCpus_allowed_list:\t{}\n", name, cpus));
    }

    static constexpr unsigned movable = 0x00200000, bound = 0x04200000;

    TempFolder folder;
    const std::filesystem::path root = folder.path;
    const CpuSets sets{{0, 1}, {2, 3}};
};

} // namespace rtnode::profile
