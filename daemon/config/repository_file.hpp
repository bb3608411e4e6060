#pragma once
// .repo files, as dnf reads them (dnf.conf(5)).

#include "config/ini_file.hpp"
#include "config/variables.hpp"
#include "state/repository.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace rtnode::config {

/// [main] of dnf.conf: what its repositories inherit. Trust can only be asked for there, not taken away: gpgcheck=0
/// and sslverify=0 count where the repository itself is defined, else they are passed over with a warning.
struct MainSection {
    std::filesystem::path file;
    std::optional<IniSection> section; ///< nothing: no such file, or no such section
};

/// A missing file is none. One that can't be used is passed over with a warning.
MainSection read_main_section(const std::filesystem::path& file, std::vector<std::string>& warnings);

/// The enabled repositories of one file. Keys that mean nothing to us are passed over; one that looks like a mistyped
/// key of trust or choice (gpgchek) is named in `warnings`. A repository that can't be used as it is written comes with
/// its `defect`; so does one that stands for a whole file that can't be read. An absent gpgcheck means 1.
std::vector<Repository> read_repository_file(const std::filesystem::path& file, const Variables& variables,
                                             const MainSection& main, std::vector<std::string>& warnings);

} // namespace rtnode::config
