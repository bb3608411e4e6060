#pragma once
// A small real sysroot, made anew for each test: stateroot "host", one deployment of a tree with a kernel, an RPM
// database folder and a few ordinary files. Needs root. `ostree fsck` runs after each test.

#include "ostree/sysroot.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace rtnode::ostree {

/// Runs a shell command of the test (not of the product); fails the test unless it exits with 0. @return its output
std::string run(const std::string& command);

/// A command that sets an extended attribute.
std::string set_attribute(const std::string& path, const std::string& name, const std::string& value);

std::string read(const std::filesystem::path& path);
void write(const std::filesystem::path& path, const std::string& text);

class SysrootTest : public testing::Test {
  protected:
    SysrootTest();
    ~SysrootTest() override;
    void SetUp() override;
    void TearDown() override;

    /// What a test does to the finished tree before it is committed and deployed.
    virtual void complete_tree() {}

    /// Commits `tree` to branch `fixture/host`. @param more further options of `ostree commit`
    std::string commit_tree(const std::string& more = "");
    void deploy_tree(const std::string& commit, const std::string& stateroot = "host");

    /// A fresh view on what is on disk.
    Sysroot open() const { return Sysroot(root, true); }

    /// Deployments, refs, origins and loader entries as text: what a failed job must leave as it was.
    std::string observable() const;

    std::string ostree(const std::string& command) const; ///< `ostree --repo=… command`

    std::filesystem::path folder, root, tree, repo;
    std::string base;       ///< commit of the first deployment
    bool check_fsck = true; ///< false in tests that damage the repository
};

/// Mounts an overlay of the kind that assembly uses, runs a command in it, unmounts it. @return the upper folder
std::filesystem::path change_on_overlay(const std::filesystem::path& lower, const std::filesystem::path& work_folder,
                                        const std::string& command);

/// A layered deployment's worth of change: tool replaced, gone removed. @return the new commit, under temporary refs
/// of `transaction`
class Transaction;
std::string commit_change(Sysroot& sysroot, Transaction& transaction, const std::string& base,
                          const std::string& command);

} // namespace rtnode::ostree
