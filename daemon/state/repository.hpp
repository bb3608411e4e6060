#pragma once
// An rpm-md repository as configured by a .repo file or the TOML configuration, variables already expanded.

#include <cstdint>
#include <string>
#include <vector>

namespace rtnode {

struct Repository {
    std::string id;                     ///< the section name
    std::string name;                   ///< for people
    std::vector<std::string> base_urls; ///< http, https or file; tried in order
    bool enabled = true;
    bool gpgcheck = true; ///< absent means true
    bool repo_gpgcheck = false;
    std::vector<std::string> gpg_keys; ///< file:// or absolute paths
    int priority = 99;                 ///< lower wins, as dnf
    int cost = 1000;                   ///< lower wins among equals, as dnf
    std::vector<std::string> exclude;  ///< globs of package names
    bool ssl_verify = true;
    std::string ssl_ca_cert, ssl_client_cert, ssl_client_key; ///< absolute paths, empty = system's
    bool skip_if_unavailable = false;
    std::string defined_at; ///< "file:line", for messages
};

} // namespace rtnode
