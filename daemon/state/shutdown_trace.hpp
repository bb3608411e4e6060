#pragma once
// How the end of a boot dealt with the deployment that was staged in it. A staged deployment is only written to the
// disk by ostree-finalize-staged.service at the shutdown; when that fails, or doesn't happen, the old one boots again.

#include <string>
#include <string_view>
#include <vector>

namespace rtnode {

/// One entry of the journal about ostree-finalize-staged.service: the service's own, or systemd's on it.
struct FinalizationEntry {
    std::string message;
    std::string message_id;  ///< MESSAGE_ID, 32 hex digits; "" when it has none
    std::string checksum;    ///< OSTREE_CHECKSUM
    std::string unit_result; ///< UNIT_RESULT, of systemd's "Failed with result"
};

/// Ids of libostree (src/libostree/ostree-sysroot-deploy.c, ostree-sysroot.c).
inline constexpr std::string_view finalizing_id = "e8646cd63dff4625b77909a8e7a40994";
inline constexpr std::string_view deployments_written_id = "dd440e3e549083b63d0efc7dc15255f1";
/// SD_MESSAGE_UNIT_STOPPING of systemd.
inline constexpr std::string_view unit_stopping_id = "de5b426a63be47a7b6ac3eaac82e2f6f";

struct ShutdownTrace {
    bool boot_known = false;     ///< the journal has entries of that boot at all
    bool orderly = false;        ///< it came as far as stopping the service
    bool nothing_staged = false; ///< the service found none
    bool locked = false;         ///< the service found it locked against finalizing
    bool began = false;
    bool written = false;            ///< the boot loader's entries are the new ones
    std::string checksum;            ///< of what it began to finalize
    std::vector<std::string> errors; ///< ostree's own words, else systemd's; each once

    bool operator==(const ShutdownTrace&) const = default;
};

/// @param entries of one boot, in order; `boot_known` is for the caller to say
ShutdownTrace trace_of(const std::vector<FinalizationEntry>& entries);

/// What became of the commit that was staged in a boot which ended so, for people, with what to do next: the end of a
/// sentence that begins with "what job N made is neither booted nor booted next: ".
std::string fate_of(const std::string& checksum, const ShutdownTrace& trace);

} // namespace rtnode
