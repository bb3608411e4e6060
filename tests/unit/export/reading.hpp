#pragma once
// A document as another YAML parser reads it (reads_as.py, PyYAML).

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace rtnode::exports {

/// The objects, in order; null when the parser refuses the text.
inline nlohmann::json read_again(const std::string& document) {
    std::string name = (std::filesystem::path(testing::TempDir()) / "rtnode-export-XXXXXX").string();
    const int fd = ::mkstemp(name.data());
    if (fd < 0) return nullptr;
    ::close(fd);
    std::ofstream(name) << document;
    const auto command = std::string(READS_AS) + " < '" + name + "'";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(::popen(command.c_str(), "r"), ::pclose);
    std::string text;
    char part[4096];
    for (std::size_t n = 0; (n = std::fread(part, 1, sizeof part, output.get())) > 0;)
        text.append(part, n);
    std::filesystem::remove(name);
    const auto objects = nlohmann::json::parse(text, nullptr, false);
    return objects.is_discarded() ? nlohmann::json() : objects;
}

} // namespace rtnode::exports
