#pragma once
// The values of one section of a .repo file by dnf's types (dnf.conf(5), "TYPES OF OPTIONS"). Inside of config/ only.

#include "config/repository_file.hpp"

namespace rtnode::config {

/// A repository's own values before those of [main]. Every getter throws Error{RepositoryConfiguration} as
/// "FILE:LINE: why" for a value that can't be what it is written for.
class RepositoryValues {
  public:
    RepositoryValues(const std::filesystem::path& file, const IniSection& section, const MainSection& main,
                     const Variables& variables)
        : file_(file), section_(section), main_(main), variables_(variables) {}

    std::optional<std::string> text(const char* key) const;
    std::optional<std::string> own_text(const char* key) const; ///< never of [main]
    std::string raw_text(const char* key) const; ///< itself, with its variables; empty when it isn't there
    std::vector<std::string> own_list(const char* key) const;
    std::vector<std::string> lists(const char* key) const; ///< of the section and of [main]
    std::optional<bool> flag(const char* key) const;
    std::optional<bool> own_flag(const char* key) const;
    int own_number(const char* key, int otherwise) const;
    std::int64_t seconds(const char* key, std::int64_t otherwise) const; ///< "90", "1.5h", "2d"; "never" or -1 is -1
    std::string path(const char* key) const;                             ///< absolute, or empty when it isn't there

  private:
    struct Found {
        std::string value, place; ///< expanded; "FILE:LINE"
    };
    std::optional<Found> find(const char* key, bool inherited) const;
    std::optional<Found> found_in(const std::filesystem::path& file, const IniSection& section, const char* key) const;
    std::vector<std::string> list_of(const std::filesystem::path& file, const IniSection& section,
                                     const char* key) const;
    std::optional<bool> flag_of(const std::optional<Found>& found, const char* key) const;

    const std::filesystem::path& file_;
    const IniSection& section_;
    const MainSection& main_;
    const Variables& variables_;
};

} // namespace rtnode::config
