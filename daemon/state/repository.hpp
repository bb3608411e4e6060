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
    std::string metalink, mirrorlist;   ///< URLs of lists of mirrors; as with dnf a metalink wins over a mirrorlist,
                                        ///< and that over base_urls
    bool enabled = true;
    bool gpgcheck = true; ///< absent means true
    bool repo_gpgcheck = false;
    std::vector<std::string> gpg_keys; ///< file:// or https:// URLs, or absolute paths
    int priority = 99;                 ///< lower wins, as dnf
    int cost = 1000;                   ///< lower wins among equals, as dnf
    std::vector<std::string> exclude;  ///< globs of names or of longer forms, as "name-version*" or "*.i686"
    std::vector<std::string> include;  ///< when there are any, what matches none of them is left out, too

    bool ssl_verify = true;
    bool ssl_verify_status = false;                           ///< wants a stapled OCSP answer
    std::string ssl_ca_cert, ssl_client_cert, ssl_client_key; ///< absolute paths, empty = system's
    std::string username, password;
    std::string proxy; ///< URL; empty = none
    std::string proxy_username, proxy_password;
    bool proxy_ssl_verify = true;
    std::string proxy_ssl_ca_cert; ///< absolute path, empty = system's
    int ip_version = 0;            ///< 4 or 6: nothing else is tried

    std::int64_t metadata_expire_s = 0; ///< for so long the server isn't asked again; -1 = never
    bool skip_if_unavailable = false;
    std::string defined_at; ///< "file:line", for messages
    std::string defect;     ///< why it can't be used as it is written, with file and line; empty = it can

    bool operator==(const Repository&) const = default;
};

} // namespace rtnode
