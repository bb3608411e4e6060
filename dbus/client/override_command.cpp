#include "client/commands.hpp"
#include "client/exit_statuses.hpp"
#include "client/override.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rtnode::client {

namespace {

struct Request {
    std::vector<std::string> replace, remove, install;
    std::string kernel;
    PackageOptions packages;

    Options options() const {
        Options out;
        packages.fill(out);
        if (!kernel.empty()) out["kernel"] = kernel;
        return out;
    }
};

struct ResetRequest {
    std::vector<std::string> names;
    TreeOptions tree;
};

/// RPM files that the caller may read, opened as the daemon would: no symlinks, regular files only.
class OpenFiles {
  public:
    explicit OpenFiles(const std::vector<std::string>& paths) {
        try {
            for (const auto& path : paths)
                open(path);
        } catch (const ClientError&) {
            close_all();
            throw;
        }
    }
    ~OpenFiles() { close_all(); }
    OpenFiles(const OpenFiles&) = delete;
    OpenFiles& operator=(const OpenFiles&) = delete;

    const std::vector<int>& fds() const { return fds_; }

  private:
    void open(const std::string& path) {
        // O_NONBLOCK: opening a FIFO must not wait for a writer.
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
            throw ClientError(Exit::usage, "",
                              fmt::format("can't open '{}': {}; give the RPM file itself", path,
                                          errno == ELOOP ? "it is a symbolic link" : std::strerror(errno)));
        fds_.push_back(fd);
        struct stat info {};
        if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
            throw ClientError(Exit::usage, "", fmt::format("'{}' is not a regular file; give an RPM file", path));
    }

    void close_all() {
        for (const int fd : fds_)
            close(fd);
        fds_.clear();
    }

    std::vector<int> fds_;
};

std::vector<std::string> all_absolute(const std::vector<std::string>& arguments) {
    std::vector<std::string> out;
    for (const auto& argument : arguments)
        out.push_back(absolute(argument, std::filesystem::current_path()));
    return out;
}

Exit override_packages(Session& session, const Request& request) {
    if (request.replace.empty() && request.remove.empty() && request.install.empty() && request.kernel.empty())
        throw ClientError(Exit::usage, "",
                          "nothing to override: give --replace, --remove, --install or --kernel; for kernel arguments "
                          "alone use: rtnodectl kargs --append …");
    const auto replace = all_absolute(request.replace), install = all_absolute(request.install);
    std::string job;
    if (passes_files(geteuid() == 0, replace, install)) {
        const OpenFiles replace_files(replace), install_files(install);
        job = session.bus().override_files(replace_files.fds(), request.remove, install_files.fds(), request.options());
    } else {
        job = session.bus().override_packages(replace, request.remove, install, request.options());
    }
    return finish_job(session, job);
}

} // namespace

void add_override(CLI::App& app, Session& session) {
    auto request = std::make_shared<Request>();
    CLI::App* command = app.add_subcommand("override", "Replace, remove and add packages, as one new deployment");
    const auto repeated = [&](const char* name, std::vector<std::string>& value, const char* what, const char* type) {
        command->add_option(name, value, what)
            ->type_name(type)
            ->expected(1)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    };
    repeated("--replace", request->replace, "Put this package in the place of the base's; may be given again",
             "URL|PATH|NAME");
    repeated("--remove", request->remove, "Remove this package of the base; may be given again", "NAME");
    repeated("--install", request->install, "Add this package; may be given again", "URL|PATH|NAME");
    choose(
        command->add_option("--kernel", request->kernel, "The kernel to have; what to remove and install is derived"),
        {"rt", "stock"});
    request->packages.declare(*command);

    auto reset_request = std::make_shared<ResetRequest>();
    CLI::App* reset = command->add_subcommand("reset", "Put packages back as the base has them; without names all");
    reset->add_option("NAME", reset_request->names, "Names of packages");
    reset_request->tree.declare(*reset);

    command->footer("URLs may end with #sha256=HEX. Relative paths count from here.\n\n" + job_exit_statuses());

    reset->callback([&session, reset_request] {
        session.action = [reset_request](Session& s) {
            Options options;
            reset_request->tree.fill(options);
            return finish_job(s, s.bus().reset_overrides(reset_request->names, options));
        };
    });
    command->callback([&session, request, reset] {
        if (reset->parsed()) return;
        session.action = [request](Session& s) { return override_packages(s, *request); };
    });
}

} // namespace rtnode::client
