#pragma once
// Records of the state folder that the worker writes and the daemon reads.

#include "loop/journal.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace rtnode::bus {

/// @param damaged what a record's reader has put aside
inline void tell_damage(const std::vector<std::string>& damaged) {
    for (const auto& warning : damaged)
        journal::log(journal::Priority::warning, warning);
}

/// A profile::Ledger or profile::AcceptanceRecord; what was damaged is told in the journal. @throws Error{Internal}
template <typename Record>
Record load_record(const std::filesystem::path& state_dir) {
    std::vector<std::string> damaged;
    auto record = Record::load(state_dir, damaged);
    tell_damage(damaged);
    return record;
}

} // namespace rtnode::bus
