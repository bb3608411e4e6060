#pragma once

#include "../fetch/temporary_folder.hpp"
#include "package_fixture.hpp"
#include "state/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rtnode::plan {

/// "replace 4:1-1 → 4:2-1 x", …: a solution as lines, in its order.
inline std::vector<std::string> lines(const Solution& solution) {
    std::vector<std::string> all;
    for (const auto& change : solution.changes) {
        std::string line(name_of(change.kind));
        if (change.before) line += " " + change.before->str();
        if (change.after) line += (change.before ? " -> " : " ") + change.after->str();
        all.push_back(line);
    }
    return all;
}

struct Solving : testing::Test {
    TemporaryFolder folder;
    SolveInput input;

    void SetUp() override {
        input.rpmdb_folder = BuiltPackages::get().rpmdb();
        input.architecture = "x86_64";
        input.base_kernel_owners = {"kernel-core", "kernel-modules", "kernel-modules-extra", "host-base"};
    }
    RepositoryInput& add(const std::string& id, const std::vector<Row>& rows) {
        input.repositories.push_back(repository(folder.path(), id, rows));
        return input.repositories.back();
    }
    static Wish named(const std::string& text) { return {text, {}, {}}; }
    static Wish file(const std::string& nevra) {
        return {"", BuiltPackages::get().file(nevra), "/tmp/" + nevra + ".rpm"};
    }
    std::vector<std::string> solved() { return lines(solve(input)); }
    Error refusal() {
        try {
            const auto solution = lines(solve(input));
            return fail(Reason::Internal, "nothing was refused: {}", fmt::join(solution, ", "));
        } catch (const Error& error) {
            return error;
        }
    }

    /// One build of a real-time kernel as RHEL's are.
    static std::vector<Row> real_time(const std::string& evr) {
        return {{"kernel-rt-" + evr + ".x86_64", {}, {"kernel-rt-core-uname-r = " + evr, "rt-setup"}, {}, {}, {}},
                {"kernel-rt-core-" + evr + ".x86_64",
                 {"kernel-rt-core-uname-r = " + evr, "kernel-uname-r = " + evr},
                 {"kernel-rt-modules-uname-r = " + evr, "dracut >= 27"},
                 {},
                 {},
                 {}},
                {"kernel-rt-modules-" + evr + ".x86_64",
                 {"kernel-rt-modules-uname-r = " + evr},
                 {"kernel-uname-r = " + evr},
                 {},
                 {},
                 {}},
                {"kernel-rt-modules-extra-" + evr + ".x86_64", {}, {"kernel-rt-modules-uname-r = " + evr}, {}, {}, {}}};
    }
};

} // namespace rtnode::plan
