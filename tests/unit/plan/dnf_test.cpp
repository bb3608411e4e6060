// The same .repo files, the same base: the real dnf and we choose the same packages.

#include "config/settings.hpp"
#include "fetch/metadata.hpp"
#include "solve_fixture.hpp"
#include "state/digest.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>

namespace rtnode::plan {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct Case {
    std::string what;
    std::map<std::string, std::vector<Row>> repositories; ///< id → packages; "@ID@" in `files` is its URL
    std::string files;                                    ///< the .repo file
    std::vector<std::string> install, upgrade, remove;
    std::string conf = {};   ///< dnf.conf
    std::string packed = {}; ///< "gz gzip": ending of the metadata's names, and the program that makes it
};

Row row(const std::string& nevra, const std::vector<std::string>& needs = {}) {
    return {nevra, {}, needs, {}, {}, {}};
}
Row tool(const std::string& evr, const std::string& arch = "x86_64") {
    return row("tool-" + evr + "." + arch);
}
std::string repo(const std::string& id, const std::string& keys = {}) {
    return "[" + id + "]\nbaseurl=@" + id + "@\ngpgcheck=0\n" + keys;
}

const std::vector<Case>& cases() {
    static const std::vector<Case> all{
        {"the newest of several versions, by rpm's order",
         {{"a", {tool("1.9-1"), tool("1.10-1"), tool("1.10~rc1-1"), tool("1.2-9")}}},
         repo("a"),
         {"tool"},
         {},
         {}},
        {"an epoch beats a version", {{"a", {tool("9-1"), tool("1:1-1")}}}, repo("a"), {"tool"}, {}, {}},
        {"of two repositories the newer package",
         {{"a", {tool("1-1")}}, {"b", {tool("2-1")}}},
         repo("a") + repo("b"),
         {"tool"},
         {},
         {}},
        {"a better priority beats a newer package",
         {{"a", {tool("1-1")}}, {"b", {tool("2-1")}}},
         repo("a", "priority=10\n") + repo("b"),
         {"tool"},
         {},
         {}},
        {"a worse priority than the default",
         {{"a", {tool("1-1")}}, {"b", {tool("2-1")}}},
         repo("a") + repo("b", "priority=100\n"),
         {"tool"},
         {},
         {}},
        {"cost doesn't beat a newer package",
         {{"a", {tool("1-1")}}, {"b", {tool("2-1")}}},
         repo("a", "cost=1\n") + repo("b"),
         {"tool"},
         {},
         {}},
        {"cost decides about the same package",
         {{"a", {tool("1-1")}}, {"b", {tool("1-1")}}},
         repo("a") + repo("b", "cost=500\n"),
         {"tool"},
         {},
         {}},
        {"priority comes before cost",
         {{"a", {tool("1-1")}}, {"b", {tool("1-1")}}},
         repo("a", "priority=98\n") + repo("b", "cost=5\n"),
         {"tool"},
         {},
         {}},
        {"excluded by name",
         {{"a", {tool("1-1")}}, {"b", {tool("2-1")}}},
         repo("a") + repo("b", "excludepkgs=tool\n"),
         {"tool"},
         {},
         {}},
        {"excluded by glob and by yum's key",
         {{"a", {tool("1-1")}}, {"b", {tool("2-1")}}},
         repo("a") + repo("b", "exclude=x, to*\n"),
         {"tool"},
         {},
         {}},
        {"excluded in one version",
         {{"a", {tool("1-1"), tool("2-1"), tool("3-1")}}},
         repo("a", "excludepkgs=tool-3*,tool-2-1\n"),
         {"tool"},
         {},
         {}},
        {"excluded by name and architecture",
         {{"a", {tool("1-1", "noarch"), tool("2-1")}}},
         repo("a", "excludepkgs=tool.x86_64\n"),
         {"tool"},
         {},
         {}},
        {"excluded in full",
         {{"a", {tool("1:1-1"), tool("1:2-1")}}},
         repo("a", "excludepkgs=tool-1:2-1.x86_64\n"),
         {"tool"},
         {},
         {}},
        {"excluded with a better priority leaves the other",
         {{"a", {tool("1-1")}}, {"b", {tool("2-1")}}},
         repo("a", "priority=1\nexcludepkgs=tool\n") + repo("b"),
         {"tool"},
         {},
         {}},
        {"only what is included",
         {{"a", {tool("2-1"), row("other-1-1.x86_64")}}, {"b", {tool("1-1")}}},
         repo("a", "includepkgs=other\n") + repo("b"),
         {"tool", "other"},
         {},
         {}},
        {"an exclusion wins over an inclusion",
         {{"a", {tool("1-1"), tool("2-1")}}},
         repo("a", "includepkgs=t*\nexcludepkgs=tool-2*\n"),
         {"tool"},
         {},
         {}},
        {"excluded for all repositories",
         {{"a", {tool("1-1"), tool("2-1")}}},
         repo("a"),
         {"tool"},
         {},
         {},
         "[main]\nexcludepkgs=tool-2*\n"},
        {"included for all repositories",
         {{"a", {tool("1-1"), tool("2-1")}}, {"b", {tool("3-1"), row("x-1-1.noarch")}}},
         repo("a") + repo("b", "includepkgs=x\n"),
         {"tool", "x"},
         {},
         {},
         "[main]\nincludepkgs=tool-1*\n"},
        {"the main section has no say in cost and priority",
         {{"a", {tool("1-1")}}, {"b", {tool("1-1")}}},
         repo("a", "cost=900\n") + repo("b"),
         {"tool"},
         {},
         {},
         "[main]\ncost=800\npriority=3\n"},
        {"a disabled repository doesn't count",
         {{"a", {tool("1-1")}}, {"b", {tool("2-1")}}},
         repo("a") + repo("b", "enabled=False\n"),
         {"tool"},
         {},
         {}},
        {"the node's architecture", {{"a", {tool("2-1", "i686"), tool("1-1")}}}, repo("a"), {"tool"}, {}, {}},
        {"newer without architecture", {{"a", {tool("2-1", "noarch"), tool("1-1")}}}, repo("a"), {"tool"}, {}, {}},
        {"a named version", {{"a", {tool("1-1"), tool("2-1"), tool("3-1")}}}, repo("a"), {"tool-2-1"}, {}, {}},
        {"a named version of a worse repository",
         {{"a", {tool("1-1")}}, {"b", {tool("2-1")}}},
         repo("a", "priority=1\n") + repo("b"),
         {"tool-2-1.x86_64"},
         {},
         {}},
        {"a version without release, with its epoch",
         {{"a", {tool("1:1-1"), tool("1:1-2"), tool("1:2-1")}}},
         repo("a"),
         {"tool-1:1"},
         {},
         {}},
        {"newer than the base's",
         {{"a", {row("microcode_ctl-4:20240101-1.el9.x86_64"), row("microcode_ctl-4:20250101-1.el9.x86_64")}}},
         repo("a"),
         {},
         {"microcode_ctl"},
         {}},
        {"nothing newer than the base's",
         {{"a", {row("microcode_ctl-4:20220101-1.el9.x86_64"), row("microcode_ctl-20250101-1.el9.x86_64")}}},
         repo("a"),
         {},
         {"microcode_ctl"},
         {}},
        {"newer than the base's, of the better repository",
         {{"a", {row("app-2-1.el9.x86_64", {"libapp = 1"})}}, {"b", {row("app-3-1.el9.x86_64", {"libapp = 1"})}}},
         repo("a", "priority=1\n") + repo("b"),
         {},
         {"app"},
         {}},
        {"a better repository that has only older ones hides the newer",
         {{"a", {row("microcode_ctl-4:20220101-1.el9.x86_64")}}, {"b", {row("microcode_ctl-4:20240101-1.el9.x86_64")}}},
         repo("a", "priority=1\n") + repo("b"),
         {},
         {"microcode_ctl"},
         {}},
        {"an exclusion holds for updates, too",
         {{"a", {row("microcode_ctl-4:20240101-1.el9.x86_64"), row("microcode_ctl-4:20250101-1.el9.x86_64")}}},
         repo("a", "excludepkgs=*_ctl-20250101*\n"),
         {},
         {"microcode_ctl"},
         {}},
        {"a real-time kernel in the stock one's place, without the meta package",
         {{"a",
           {row("kernel-rt-6-1.x86_64", {"rt-setup"}), row("kernel-rt-core-6-1.x86_64", {"kernel-rt-modules"}),
            row("kernel-rt-modules-6-1.x86_64"), row("kernel-rt-core-5-1.x86_64")}},
          {"b", {row("kernel-rt-core-7-1.x86_64"), row("kernel-rt-modules-7-1.x86_64")}}},
         repo("a", "excludepkgs=kernel-rt\n") + repo("b", "priority=100\n"),
         {"kernel-rt-core", "kernel-rt-modules"},
         {},
         {"kernel", "kernel-core", "kernel-modules", "kernel-modules-extra"}},
        {"metadata by gzip", {{"a", {tool("1-1")}}}, repo("a"), {"tool"}, {}, {}, {}, "gz gzip"},
        {"metadata by xz", {{"a", {tool("1-1")}}}, repo("a"), {"tool"}, {}, {}, {}, "xz xz"},
        {"metadata by bzip2", {{"a", {tool("1-1")}}}, repo("a"), {"tool"}, {}, {}, {}, "bz2 bzip2"},
        {"metadata by zstd", {{"a", {tool("1-1")}}}, repo("a"), {"tool"}, {}, {}, {}, "zst zstd -q"},
        {"not there", {{"a", {tool("1-1")}}}, repo("a"), {"tol"}, {}, {}},
        {"needs what nobody has",
         {{"a", {tool("1-1"), row("tool-2-1.x86_64", {"never-there"})}}},
         repo("a"),
         {"tool"},
         {},
         {}},
    };
    return all;
}

Json chosen_by_us(const Case& test, const fs::path& folder) {
    const auto settings = config::load(config::Sources::in(folder));
    EXPECT_THAT(settings.warnings, testing::IsEmpty());
    fetch::Downloader downloader(folder / "our-cache", {}, {});
    SolveInput input;
    input.rpmdb_folder = BuiltPackages::get().rpmdb();
    input.architecture = "x86_64";
    input.base_kernel_owners = {"kernel-core", "kernel-modules", "kernel-modules-extra"};
    std::vector<std::string> warnings;
    for (const auto& repository : settings.repositories)
        if (auto files = fetch::fetch_metadata(downloader, repository, {}, warnings))
            input.repositories.push_back({repository, std::move(*files)});
    for (const auto& name : test.install)
        input.wishes.install.push_back({name, {}, {}});
    for (const auto& name : test.upgrade)
        input.wishes.replace.push_back({name, {}, {}});
    input.wishes.remove = test.remove;
    try {
        const auto solution = solve(std::move(input));
        Json entering = Json::array(), leaving = Json::array();
        for (const auto& change : solution.changes) {
            if (change.after) entering.push_back({change.after->str(), change.source});
            if (change.before) leaving.push_back(change.before->str());
        }
        std::sort(entering.begin(), entering.end());
        std::sort(leaving.begin(), leaving.end());
        return {{"entering", entering}, {"leaving", leaving}};
    } catch (const Error& error) {
        return {{"error", error.what()}};
    }
}

void publish(const fs::path& folder, const std::string& id, const std::vector<Row>& rows, const std::string& packed) {
    const auto data = folder / id / "repodata";
    fs::create_directories(data);
    const auto input = repository(data, id, rows);
    std::string index =
        "<?xml version=\"1.0\"?><repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1</revision>";
    for (const auto* type : {"primary", "filelists"}) {
        auto name = id + "-" + type + ".xml";
        if (const auto blank = packed.find(' '); blank != std::string::npos) {
            const auto plain = name;
            name += "." + packed.substr(0, blank);
            const auto command =
                fmt::format("{0} -c < {1}/{2} > {1}/{3}", packed.substr(blank + 1), data.string(), plain, name);
            ASSERT_EQ(std::system(command.c_str()), 0) << command;
        }
        const auto text = TemporaryFolder::read(data / name);
        index +=
            fmt::format("<data type=\"{}\"><checksum type=\"sha256\">{}</checksum><open-checksum type=\"sha256\">{}"
                        "</open-checksum><location href=\"repodata/{}\"/><timestamp>1</timestamp><size>{}</size>"
                        "<open-size>{}</open-size></data>",
                        type, sha256_of(text), sha256_of(text), name, text.size(), text.size());
    }
    // As createrepo_c --zck has it beside.
    index += fmt::format("<data type=\"primary_zck\"><checksum type=\"sha256\">{}</checksum>"
                         "<location href=\"repodata/none.zck\"/><timestamp>1</timestamp><size>1</size></data>",
                         std::string(64, '0'));
    std::ofstream(data / "repomd.xml") << index << "</repomd>";
}

/// dnf for all cases at once: to start it takes longer than to ask it.
struct BesideDnf : testing::TestWithParam<std::size_t> {
    static void SetUpTestSuite() {
        folder = std::make_unique<TemporaryFolder>();
        Json questions = Json::array();
        for (std::size_t i = 0; i < cases().size(); ++i) {
            const auto& test = cases()[i];
            const auto place = folder->path() / std::to_string(i);
            fs::create_directories(place / "root/usr/share");
            fs::copy(BuiltPackages::get().rpmdb(), place / "root/usr/share/rpm");
            auto files = test.files;
            for (const auto& [id, rows] : test.repositories) {
                publish(place, id, rows, test.packed);
                const auto mark = "@" + id + "@";
                files.replace(files.find(mark), mark.size(), "file://" + (place / id).string());
            }
            folder->write(std::to_string(i) + "/repos.d/test.repo", files);
            folder->write(std::to_string(i) + "/dnf.conf", test.conf);
            questions.push_back({{"root", (place / "root").string()},
                                 {"repos", (place / "repos.d").string()},
                                 {"conf", (place / "dnf.conf").string()},
                                 {"vars", (place / "vars").string()},
                                 {"cache", (place / "dnf-cache").string()},
                                 {"install", test.install},
                                 {"upgrade", test.upgrade},
                                 {"remove", test.remove}});
        }
        const auto asked = folder->write("questions.json", questions.dump()), told = folder->path() / "answers.json";
        const auto command =
            fmt::format("{} < {} > {} 2> {}.log", DNF_CHOICE, asked.string(), told.string(), told.string());
        ASSERT_EQ(std::system(command.c_str()), 0) << TemporaryFolder::read(told.string() + ".log");
        answers = Json::parse(TemporaryFolder::read(told));
    }
    static void TearDownTestSuite() { folder.reset(); }
    static std::unique_ptr<TemporaryFolder> folder;
    static Json answers;
};
std::unique_ptr<TemporaryFolder> BesideDnf::folder;
Json BesideDnf::answers;

TEST_P(BesideDnf, ChoosesTheSame) {
    const auto& test = cases().at(GetParam());
    const auto ours = chosen_by_us(test, folder->path() / std::to_string(GetParam()));
    const auto& dnfs = answers.at(GetParam());
    if (dnfs.contains("error")) {
        EXPECT_TRUE(ours.contains("error")) << test.what << "\ndnf: " << dnfs << "\nours: " << ours;
    } else {
        EXPECT_EQ(ours, dnfs) << test.what;
    }
}

INSTANTIATE_TEST_SUITE_P(Case, BesideDnf, testing::Range(std::size_t{0}, cases().size()));

} // namespace
} // namespace rtnode::plan
