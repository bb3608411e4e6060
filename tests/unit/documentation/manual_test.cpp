// rtnoded.conf(5) and rtnode.profile(5) say of each key what the code says of it, and of no other.

#include "manual.hpp"

#include "config/profile_keys.hpp"
#include "config/settings.hpp"
#include "temp_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

using namespace rtnode;
using namespace rtnode::config;
using namespace rtnode::test;
using testing::AnyOf;
using testing::ContainerEq;
using testing::HasSubstr;

namespace {

std::set<std::string> names_of(const auto& keys) {
    std::set<std::string> names;
    for (const auto& [name, value] : keys)
        names.insert(name);
    return names;
}

class Manual : public testing::Test {
  protected:
    Settings settings_of(const std::string& toml) const {
        std::ofstream(temp.path / "a.toml") << toml;
        auto settings = load(Sources::in(temp.path));
        for (auto& repository : settings.repositories)
            repository.defined_at.clear();
        return settings;
    }
    Profile profile_of(const std::string& toml) const {
        std::ofstream(temp.path / "a.toml") << toml;
        ProfileReading reading;
        read_profile_keys(read_toml(temp.path / "a.toml"), reading);
        return reading.profile;
    }

    template <typename F>
    static Reader refusals_of(F read) {
        return [read](const std::string& toml) -> std::string {
            try {
                read(toml);
            } catch (const Error& error) {
                return error.what();
            }
            return {};
        };
    }

    static void expect_types(const std::map<std::string, DocumentedKey>& documented,
                             const std::map<std::string, std::string>& known) {
        for (const auto& [name, key] : documented)
            if (known.contains(name)) {
                EXPECT_EQ(key.type, as_the_page_says(known.at(name))) << name;
            }
    }

    /// The default as a file would say it changes nothing; where there is none, the page says what is then.
    template <typename F>
    static void expect_defaults(const std::map<std::string, DocumentedKey>& documented, F same_with) {
        for (const auto& [name, key] : documented) {
            EXPECT_NE(key.text, "") << name << " has no meaning";
            if (!key.default_value)
                EXPECT_THAT(key.text, AnyOf(HasSubstr("Not set"), HasSubstr("Must be given"))) << name;
            else
                same_with(key);
        }
    }

    TempFolder temp;
    const std::map<std::string, DocumentedKey> settings_page = documented_keys(MANUAL "/rtnoded.conf.5.scd");
    const std::map<std::string, DocumentedKey> profile_page = documented_keys(MANUAL "/rtnode.profile.5.scd");
};

} // namespace

TEST_F(Manual, HasEverySettingWithItsTypeAndNoOther) {
    const auto known = known_keys(refusals_of([&](const std::string& toml) { settings_of(toml); }));
    EXPECT_GT(known.size(), 40U);
    EXPECT_THAT(names_of(settings_page), ContainerEq(names_of(known)));
    expect_types(settings_page, known);
}

TEST_F(Manual, HasEveryKeyOfAProfileWithItsTypeAndNoOther) {
    const auto known = known_keys(refusals_of([&](const std::string& toml) { profile_of(toml); }));
    EXPECT_GT(known.size(), 40U);
    EXPECT_THAT(names_of(profile_page), ContainerEq(names_of(known)));
    expect_types(profile_page, known);
}

TEST_F(Manual, SaysTheDefaultOfEachSetting) {
    expect_defaults(settings_page, [&](const DocumentedKey& key) {
        const auto line = key.key + " = " + *key.default_value + "\n";
        if (!key.section.starts_with("[repository.")) {
            EXPECT_TRUE(settings_of(key.section + "\n" + line) == Settings()) << line;
            return;
        }
        const std::string source = key.key == "mirrorlist" ? "metalink = 'http://a'\n" : "mirrorlist = 'http://a'\n";
        const auto without = settings_of(key.section + "\n" + source);
        EXPECT_TRUE(settings_of(key.section + "\n" + source + line) == without) << line;
    });
}

TEST_F(Manual, SaysTheDefaultOfEachKeyOfAProfile) {
    expect_defaults(profile_page, [&](const DocumentedKey& key) {
        const auto text = key.section + "\n" + key.key + " = " + *key.default_value + "\n";
        EXPECT_TRUE(profile_of(text) == Profile()) << text;
    });
}
