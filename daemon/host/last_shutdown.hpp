#pragma once
// What the journal, and libostree's stamp, tell about the shutdown of a boot before this one.

#include "state/shutdown_trace.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace rtnode::host {

/// @param boot_id of the boot that ended, as boot_id() gave it then
/// @param boot_folder /boot: libostree >= 2022.3 leaves ostree/finalize-failure.stamp there, which
///   ostree-boot-complete.service takes away and repeats in the journal of the next boot. For when the journal of the
///   shutdown itself has nothing.
/// @param since_us what is older (µs since the epoch) is of no interest: finalizing can be tried more than once a boot
ShutdownTrace last_shutdown(const std::string& boot_id, const std::filesystem::path& boot_folder,
                            std::uint64_t since_us);

} // namespace rtnode::host
