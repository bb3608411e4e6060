#pragma once

#include "config/profile_file.hpp"

#include "state/error.hpp"
#include "temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

/// Profiles in three folders, "usr", "run" and "etc"; the one that most tests are about is usr/node.toml.
class ProfileFixture : public testing::Test {
  protected:
    ProfileFixture() {
        sources.profile_folders = {temp.path / "usr", temp.path / "run", temp.path / "etc"};
        write("usr/node.toml", "");
    }

    void write(const std::string& name, const std::string& text) {
        const auto path = temp.path / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }

    rtnode::Profile profile_of(const std::string& text) {
        write("usr/node.toml", text);
        return rtnode::config::load_profile(sources, "node");
    }

    std::string refusal(const std::string& name = "node") {
        try {
            rtnode::config::load_profile(sources, name);
        } catch (const rtnode::Error& e) {
            EXPECT_EQ(e.reason(), rtnode::Reason::Configuration);
            return e.what();
        }
        return "accepted";
    }

    std::string refusal_of(const std::string& text) {
        write("usr/node.toml", text);
        return refusal();
    }

    TempFolder temp;
    rtnode::config::Sources sources;
};

/// A message that shows that line of that file.
inline auto shows(const std::string& file, unsigned line) {
    return testing::AllOf(testing::HasSubstr(" --> "), testing::HasSubstr(file),
                          testing::HasSubstr(fmt::format(" {} | ", line)));
}

/// The profile that stands in the documentation comment, with every key.
inline std::string documented_profile() {
    std::ifstream header(SHIPPED_PROFILES "/../../daemon/config/profile_file.hpp");
    std::string text;
    bool inside = false;
    for (std::string line; std::getline(header, line);) {
        if (line.starts_with("/// ```"))
            inside = line == "/// ```toml";
        else if (inside)
            text += line.substr(std::min<std::size_t>(4, line.size())) + "\n";
    }
    return text;
}
