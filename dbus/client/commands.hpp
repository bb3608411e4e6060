#pragma once
// The commands of rtnodectl. Each add_…() declares one on the command line; what the user chose is left in
// Session::action and run by main().

#include "client/bus.hpp"
#include "client/terminal.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>

namespace rtnode::client {

/// What holds for every command.
struct Session {
    std::string bus_address;
    bool json = false;
    bool no_follow = false;
    bool verbose = false;
    bool unchanged_exit_77 = false;
    std::string color = "auto";
    bool no_color = false;
    std::function<Exit(Session&)> action;

    Bus& bus();           ///< connects at the first use
    Terminal& terminal(); ///< standard output

    /// The one JSON document of --json.
    void print(const Json& document);

  private:
    std::unique_ptr<Bus> bus_;
    std::unique_ptr<Terminal> terminal_;
};

void add_override(CLI::App& app, Session& session);
void add_kernel_arguments(CLI::App& app, Session& session);
void add_update(CLI::App& app, Session& session);
void add_profiles(CLI::App& app, Session& session); ///< apply, plan, explain, verify, accept
void add_export(CLI::App& app, Session& session);
void add_repositories(CLI::App& app, Session& session);
void add_deployments(CLI::App& app, Session& session); ///< status, rollback, drop-pending, reboot, version
void add_jobs(CLI::App& app, Session& session);        ///< jobs, log
void add_latency(CLI::App& app, Session& session);
void add_latency_check(CLI::App& latency, Session& session); ///< a part of it
void add_self(CLI::App& app, Session& session);              ///< completion, and what is behind it and the manual

/// Gives @p option these values alone; they stand in --help, in the manual and behind <Tab>.
CLI::Option* choose(CLI::Option* option, const std::vector<std::string>& values);

/// Options that every job takes.
struct JobOptions {
    bool dry_run = false, reboot = false;
    std::string os, expected_plan;

    void declare(CLI::App& command);
    void fill(Options& options) const; ///< only what was given
};

/// And of those that make a new tree.
struct TreeOptions : JobOptions {
    std::vector<std::string> append, remove; ///< kernel arguments
    std::string version;                     ///< of the new commit

    void declare(CLI::App& command);
    void fill(Options& options) const; ///< only what was given
};

/// And of those that choose packages.
struct PackageOptions : TreeOptions {
    std::string kernel_version;
    bool allow_unsigned = false;

    void declare(CLI::App& command);
    void fill(Options& options) const; ///< only what was given
};

/// Follows a job just started to its end and prints what came of it, or with --no-follow how to follow it.
Exit finish_job(Session& session, const std::string& path);

} // namespace rtnode::client
