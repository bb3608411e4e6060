#pragma once
// What is to be said about an argument or a setting before it is applied.

#include <string>

namespace rtnode::profile {

enum class Severity {
    note,    ///< good to know
    warning, ///< the plan shows it and goes on
    blocker  ///< the profile is refused
};

struct Remark {
    enum class Kind {
        note,
        ignored,  ///< it has no effect
        dangerous ///< it has one that can harm
    };

    /// The argument; of memory at run time "node0/hugepages-1048576kB"; "" = the whole command line.
    std::string token;
    Severity severity = Severity::note;
    std::string text; ///< a clause that begins after "'token': "
    Kind kind = Kind::note;

    bool operator==(const Remark&) const = default;
};

} // namespace rtnode::profile
