// Every command line that README.md and the manual tell people to type, typed: in the document's order, against the
// real daemon on a node in a folder.

#include "documented_commands.hpp"
#include "node_on_the_bus.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <regex>

namespace fs = std::filesystem;
using namespace rtnode::test;
using testing::HasSubstr;

namespace {

/// How a command ends here, where that is not well.
struct Exception {
    const char* begins; ///< the command
    int status;
    const char* says;
    const char* why; ///< for people
};

constexpr std::array exceptions{
    Exception{"rtnodectl reboot", 1, "this node is a folder", "nothing boots a folder; the machines of tests/vm do"},
    Exception{"busctl call org.rtnode1 /org/rtnode1 org.rtnode1.Manager Reboot", 1, "this node is a folder",
              "the same"},
    Exception{"rtnodectl update", 1, "follows the commit", "the throwaway node's origin is a commit, as the how-to's"},
    Exception{"rtnodectl latency compare previous", 1, "there is no valid one with the same options",
              "a change that a run could be compared over needs a boot"},
};

struct Document {
    const char* name;
    std::size_t least; ///< so many commands are in it, at least: else they aren't found any more
};

constexpr std::array documents{
    Document{"README.md", 15},
    Document{"packaging/man/rtnodectl.1.scd.in", 20},
    Document{"packaging/man/rtnoded.8.scd", 4},
    Document{"packaging/man/rtnoded.conf.5.scd", 4},
    Document{"packaging/man/rtnode.profile.5.scd", 5},
    Document{"packaging/man/org.rtnode1.5.scd.in", 10},
};

/// For a test's name.
std::string file_name(const testing::TestParamInfo<Document>& info) {
    auto name = fs::path(info.param.name).filename().string();
    std::erase_if(name, [](unsigned char c) { return std::isalnum(c) == 0; });
    return name;
}

std::vector<std::string> commands_of(const Document& document) {
    return documented_commands(std::string(SOURCE_ROOT "/") + document.name);
}

class DocumentedCommands : public NodeOnTheBus, public testing::WithParamInterface<Document> {
  protected:
    DocumentedCommands() {
        fs::create_directory(here);
        const auto profiles = temp.path / "config/profiles.d";
        fs::create_directories(profiles / "worker-rt.toml.d");
        for (const auto& profile : fs::directory_iterator(SOURCE_ROOT "/conf/profiles"))
            fs::copy(profile, profiles);
        // The how-to's 32 GiB of huge pages are more than machines have that run tests, and so refused.
        std::ofstream(profiles / "worker-rt.toml.d/50-test.toml")
            << "[kernel-arguments]\nappend = [\"nohz=on\", \"skew_tick=1\"]\n";
        std::ofstream(temp.path / "config/50-test.toml") << "[profile]\nname = \"worker-rt\"\n";
    }

    /// The medium that documents call DVD.iso.
    void burn() const {
        const auto made = run({"xorriso", "-as", "mkisofs", "-r", "-J", "-o", here / "DVD.iso", "-graft-points",
                               "RT=" + (rtnode::tests::made_node() / "repo").string(),
                               "AppStream=" + (rtnode::tests::made_node() / "repo2").string()});
        ASSERT_EQ(made.status, 0) << made.out;
    }

    /// As a shell runs it whose busctl and rtnodectl are for this bus; ten minutes are a second.
    Ran type(const std::string& command) const {
        const auto prelude = "cd '" + here.string() + "'\nbusctl() { command busctl --address='" + address +
                             "' \"$@\"; }\nrtnodectl() { '" RTNODECTL "' --bus-address '" + address + "' \"$@\"; }\n";
        return run({"bash", "-c", prelude + std::regex_replace(command, std::regex(R"(\b10m\b)"), "1s")});
    }

    const fs::path here = temp.path / "here";
};

} // namespace

TEST_P(DocumentedCommands, DoWhatTheySay) {
    const auto commands = commands_of(GetParam());
    EXPECT_GE(commands.size(), GetParam().least);
    if (std::ranges::any_of(commands, [](const auto& text) { return text.find("DVD.iso") != std::string::npos; }))
        burn();
    start();
    for (const auto& command : commands) {
        SCOPED_TRACE(command);
        const auto ran = type(command);
        const auto exception =
            std::ranges::find_if(exceptions, [&](const Exception& row) { return command.starts_with(row.begins); });
        if (exception == exceptions.end()) {
            EXPECT_EQ(ran.status, 0) << ran.out;
        } else {
            EXPECT_EQ(ran.status, exception->status) << ran.out << "\nexpected since " << exception->why;
            EXPECT_THAT(ran.out, HasSubstr(exception->says));
        }
    }
}

TEST(ExceptionsOfDocumentedCommands, AreOfCommandsThatAreDocumented) {
    std::vector<std::string> all;
    for (const auto& document : documents)
        for (auto& command : commands_of(document))
            all.push_back(std::move(command));
    for (const auto& exception : exceptions)
        EXPECT_TRUE(std::ranges::any_of(all, [&](const auto& command) {
            return command.starts_with(exception.begins);
        })) << exception.begins;
}

INSTANTIATE_TEST_SUITE_P(Of, DocumentedCommands, testing::ValuesIn(documents), file_name);
