#pragma once
// A copy of the throwaway node for one test, and a look at it that the worker has no part in: everything here asks
// standard tools (ostree, rpm, the files themselves).

#include "state/file_text.hpp"
#include "state/request.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace rtnode::tests {

/// Runs a command (no shell) and returns its standard output; a failing command fails the test.
std::string output_of(const std::vector<std::string>& command);
/// Its exit status, output discarded.
int status_of(const std::vector<std::string>& command);

/// The node that `tests/support/node/make` made, named by RTNODE_NODE; read only.
const std::filesystem::path& made_node();
const nlohmann::json& facts();

/// URL of a real nginx that offers made_node(), one for the whole test program, with '/' at the end.
const std::string& server_url();
const std::string& server_https_url(); ///< the same by https; trust made_node()/keys/ca.pem

/// tests/support/contract/compare: what stands on a node against an independent reading of the same RPMs.
std::string contract();

/// The fixture's own copy of a kernel RPM and such: path below made_node().
std::string package_path(const std::string& nevra);
std::string package_url(const std::string& nevra);

class TestNode {
  public:
    /// In a folder of the made node's file system, which is real and holds an overlay's upper (a tmpfs /tmp might not).
    TestNode();
    explicit TestNode(const std::filesystem::path& disk);
    ~TestNode();
    TestNode(const TestNode&) = delete;
    TestNode& operator=(const TestNode&) = delete;

    std::filesystem::path folder;  ///< everything of this test
    std::filesystem::path sysroot; ///< its copy of the node's disk

    /// A private copy of a deployment's RPM database.
    std::filesystem::path rpmdb(std::size_t index) const;

    /// A work order on this node with the throwaway node's two repositories (gpgcheck on, keys in the base's rpmdb).
    WorkOrder order(Request request) const;

    /// Deployment folders in boot order, by `ostree admin status`.
    std::vector<std::filesystem::path> deployments() const;
    std::string checksum(std::size_t index) const;                      ///< commit of deployments()[index]
    std::string origin(std::size_t index) const;                        ///< text
    std::vector<std::string> packages(std::size_t index) const;         ///< NEVRAs by rpm, on a copy of the database
    std::string boot_entry(std::size_t index) const;                    ///< the loader entry's text
    std::vector<std::string> kernel_arguments(std::size_t index) const; ///< of the loader entry, without ostree=
    std::string refs() const; ///< a line a ref with its commit, without libostree's own deployment refs
    std::string metadata(const std::string& commit, const std::string& key) const; ///< as GVariant text

    /// One text that changes when deployments, their origins, refs or loader entries do.
    std::string state() const;

    /// `ostree fsck`: no errors, and no partial commit.
    void expect_sound() const;

    /// No work folder, temporary ref, mount or sandbox process of the worker is left.
    void expect_no_leftovers() const;

    std::string repo() const; ///< "--repo=…"
};

} // namespace rtnode::tests
