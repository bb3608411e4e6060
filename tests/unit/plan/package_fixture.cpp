#include "package_fixture.hpp"

#include "state/digest.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <stdexcept>

namespace rtnode {
namespace {

namespace fs = std::filesystem;

struct Built {
    std::string nevra, tags; ///< tags: lines of the spec
    bool base = true;
};

const std::vector<Built>& built() {
    static const std::vector<Built> all{
        {"host-base-12-1.el9.x86_64", "Provides: coreutils\nProvides: dracut = 57\nProvides: systemd = 252\n"},
        {"kernel-5.14.0-1.el9.x86_64",
         "Requires: kernel-core-uname-r = 5.14.0-1.el9\nRequires: kernel-modules-uname-r = 5.14.0-1.el9\n"},
        {"kernel-core-5.14.0-1.el9.x86_64",
         "Provides: kernel-core-uname-r = 5.14.0-1.el9\nProvides: kernel-uname-r = 5.14.0-1.el9\n"
         "Requires: kernel-modules-uname-r = 5.14.0-1.el9\n"},
        {"kernel-modules-5.14.0-1.el9.x86_64",
         "Provides: kernel-modules-uname-r = 5.14.0-1.el9\nRequires: kernel-uname-r = 5.14.0-1.el9\n"},
        {"kernel-modules-extra-5.14.0-1.el9.x86_64", "Requires: kernel-modules-uname-r = 5.14.0-1.el9\n"},
        {"kernel-tools-5.14.0-1.el9.x86_64", ""},
        {"microcode_ctl-4:20230101-1.el9.x86_64", "Requires: coreutils\n"},
        {"app-1-1.el9.x86_64", "Requires: libapp = 1\n"},
        {"libapp-1-1.el9.x86_64", ""},
        {"always-broken-1-1.el9.x86_64", "Requires: never-there\n"},
        {"microcode_ctl-4:20240101-1.el9.x86_64", "", false},
        {"microcode_ctl-4:20220101-1.el9.x86_64", "", false},
        {"kernel-rt-core-5.14.0-2.rt1.el9.x86_64",
         "Provides: kernel-rt-core-uname-r = 2\nRequires: kernel-rt-modules-uname-r = 2\n", false},
        {"kernel-rt-modules-5.14.0-2.rt1.el9.x86_64", "Provides: kernel-rt-modules-uname-r = 2\n", false},
        {"tool-2-1.el9.x86_64", "Requires: libtool-that-nobody-has\n", false},
    };
    return all;
}

void run(const std::string& command) {
    if (std::system((command + " >/dev/null 2>&1").c_str()) != 0) throw std::runtime_error("failed: " + command);
}

std::string file_name(const Nevra& nevra) {
    return fmt::format("{}-{}-{}.{}.rpm", nevra.name, nevra.version, nevra.release, nevra.arch);
}

std::string entries(const char* kind, const std::vector<std::string>& dependencies) {
    std::string text;
    for (const auto& dependency : dependencies) {
        const auto blank = dependency.find(' ');
        if (blank == std::string::npos) {
            text += fmt::format("<rpm:entry name=\"{}\"/>", dependency);
            continue;
        }
        const auto second = dependency.find(' ', blank + 1);
        const auto op = dependency.substr(blank + 1, second - blank - 1);
        auto evr = dependency.substr(second + 1);
        std::string epoch = "0";
        if (const auto colon = evr.find(':'); colon != std::string::npos) {
            epoch = evr.substr(0, colon);
            evr.erase(0, colon + 1);
        }
        const auto dash = evr.find('-');
        text +=
            fmt::format("<rpm:entry name=\"{}\" flags=\"{}\" epoch=\"{}\" ver=\"{}\"{}/>", dependency.substr(0, blank),
                        op == "="    ? "EQ"
                        : op == ">=" ? "GE"
                        : op == "<"  ? "LT"
                                     : "GT",
                        epoch, evr.substr(0, dash),
                        dash == std::string::npos ? "" : fmt::format(" rel=\"{}\"", evr.substr(dash + 1)));
    }
    return text.empty() ? "" : fmt::format("<rpm:{0}>{1}</rpm:{0}>", kind, text);
}

} // namespace

BuiltPackages::BuiltPackages() : folder_(fs::temp_directory_path() / fmt::format("rtnode-plan-{}", getpid())) {
    fs::create_directories(folder_);
    // As few runs of rpmbuild as there are versions of one name: a spec has a sub-package for each.
    std::vector<const Built*> left;
    for (const auto& package : built())
        left.push_back(&package);
    std::string base;
    while (!left.empty()) {
        std::ofstream spec(folder_ / "all.spec");
        spec << "Name: all\nVersion: 1\nRelease: 1\nSummary: fixture\nLicense: none\nAutoReqProv: no\n"
                "%define debug_package %{nil}\n%description\n\n";
        std::set<std::string> names;
        std::vector<const Built*> later;
        for (const auto* package : left) {
            const auto nevra = Nevra::parse(package->nevra);
            if (!names.insert(nevra.name).second) {
                later.push_back(package);
                continue;
            }
            spec << fmt::format(
                "%package -n {}\nSummary: fixture\nEpoch: {}\nVersion: {}\nRelease: {}\nAutoReqProv: no\n{}"
                "%description -n {}\n\n%files -n {}\n\n",
                nevra.name, nevra.epoch, nevra.version, nevra.release, package->tags, nevra.name, nevra.name);
            if (package->base) base += " " + (folder_ / "rpms" / nevra.arch / file_name(nevra)).string();
        }
        spec.close();
        run(fmt::format("rpmbuild -bb --target x86_64 --define '_topdir {0}/top' --define '_rpmdir {0}/rpms' "
                        "--define '_dbpath {0}/none' {0}/all.spec",
                        folder_.string()));
        left = later;
    }
    run(fmt::format("rpm --dbpath {0}/db --justdb --nodeps --nosignature -i{1}", folder_.string(), base));
    fs::copy(rpmdb(), berkeley_rpmdb());
    run(fmt::format(TO_BERKELEY_DB " {}", berkeley_rpmdb().string()));
}

BuiltPackages::~BuiltPackages() {
    std::error_code ignored; // a leftover in /tmp is no reason to fail
    fs::remove_all(folder_, ignored);
}

const BuiltPackages& BuiltPackages::get() {
    static const BuiltPackages all;
    return all;
}

fs::path BuiltPackages::rpmdb() const {
    return folder_ / "db";
}

fs::path BuiltPackages::berkeley_rpmdb() const {
    return folder_ / "berkeley";
}

PackageFileOnDisk BuiltPackages::file(const std::string& nevra) const {
    PackageFileOnDisk file;
    file.nevra = Nevra::parse(nevra);
    file.path = folder_ / "rpms" / file.nevra.arch / file_name(file.nevra);
    file.sha256 = sha256_of(nevra); // any will do: solve() only hands it on
    file.size = fs::file_size(file.path);
    return file;
}

plan::RepositoryInput repository(const fs::path& folder, const std::string& id, const std::vector<Row>& rows) {
    std::string primary, filelists;
    for (const auto& row : rows) {
        const auto nevra = Nevra::parse(row.nevra);
        auto provides = row.provides;
        provides.push_back(fmt::format("{} = {}:{}-{}", nevra.name, nevra.epoch, nevra.version, nevra.release));
        std::string files, main_files;
        for (const auto& file : row.files) {
            files += fmt::format("<file>{}</file>", file);
            if (file.find("bin/") != std::string::npos || file.starts_with("/etc/"))
                main_files += fmt::format("<file>{}</file>", file);
        }
        const auto version =
            fmt::format("<version epoch=\"{}\" ver=\"{}\" rel=\"{}\"/>", nevra.epoch, nevra.version, nevra.release);
        primary += fmt::format(
            "<package type=\"rpm\"><name>{}</name><arch>{}</arch>{}<checksum type=\"sha256\" pkgid=\"YES\">{}</checksum>"
            "<summary/><description/><packager/><url/><time file=\"1\" build=\"1\"/>"
            "<size package=\"1234\" installed=\"5678\" archive=\"9\"/><location href=\"Packages/{}\"/><format>{}{}{}{}{}"
            "</format></package>",
            nevra.name, nevra.arch, version, sha256_of(id + row.nevra), file_name(nevra), entries("provides", provides),
            entries("requires", row.needs), entries("conflicts", row.conflicts), entries("obsoletes", row.obsoletes),
            main_files);
        filelists += fmt::format("<package pkgid=\"{}\" name=\"{}\" arch=\"{}\">{}{}</package>",
                                 sha256_of(id + row.nevra), nevra.name, nevra.arch, version, files);
    }
    const auto write = [&](const std::string& name, const std::string& text) {
        std::ofstream(folder / (id + name)) << text;
        return folder / (id + name);
    };
    plan::RepositoryInput input;
    input.repository.id = id;
    input.repository.base_urls = {"http://first/" + id + "/", "http://second/" + id};
    input.repository.defined_at = "repositories:1";
    input.files.id = id;
    input.files.base_urls = input.repository.base_urls;
    input.files.primary = write("-primary.xml", fmt::format("<?xml version=\"1.0\"?><metadata "
                                                            "xmlns=\"http://linux.duke.edu/metadata/common\" "
                                                            "xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" "
                                                            "packages=\"{}\">{}</metadata>",
                                                            rows.size(), primary));
    write("-filelists.xml",
          fmt::format("<?xml version=\"1.0\"?><filelists "
                      "xmlns=\"http://linux.duke.edu/metadata/filelists\" packages=\"{}\">{}</filelists>",
                      rows.size(), filelists));
    return input;
}

} // namespace rtnode
