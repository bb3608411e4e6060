#pragma once
// What assemble() and the sandbox say to each other. Private to daemon/assemble.

#include "assemble/accounts.hpp"
#include "state/error.hpp"
#include "state/nevra.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace rtnode::assemble {

inline constexpr int channel_fd = 3; ///< SOCK_SEQPACKET: messages out, one byte back for each that wants an answer
inline constexpr int spec_fd = 4;    ///< memfd with a SandboxSpec as JSON
inline constexpr int result_fd = 5;  ///< memfd for a SandboxResult as JSON
inline constexpr int first_package_fd = 10;

struct SandboxSpec {
    pid_t parent = 0; ///< dies with it
    std::filesystem::path lower, upper, work, merged;
    std::vector<Nevra> install; ///< the n-th package's file is descriptor first_package_fd + n
    std::vector<Nevra> erase;
    std::map<std::string, std::string> tmpfiles; ///< package name → its tmpfiles.d lines
    std::set<std::string> opt;                   ///< names of folders in /opt that packages bring
    std::vector<std::string> boot_files;         ///< paths in /boot that packages bring
    NodeAccounts node_accounts;
    std::vector<std::string> unmasked; ///< programs that the change itself ships: a mask over them would stop rpm
    bool changes_kernel = false, changes_microcode = false, regenerate_initramfs = false;
    std::vector<std::string> dracut_args;
};

struct SandboxResult {
    std::string kernel_version;
    std::vector<Nevra> packages;
};

void to_json(nlohmann::json& json, const SandboxSpec& spec);
void from_json(const nlohmann::json& json, SandboxSpec& spec);
void to_json(nlohmann::json& json, const SandboxResult& result);
void from_json(const nlohmann::json& json, SandboxResult& result);

/// How long what began may take.
enum class Limit { scriptlets, dracut };

/// The sandbox's end. Nothing here throws: without the other end there is nobody to tell, so the process ends.
class Channel {
  public:
    void step(std::string_view name) noexcept;
    void log(std::string_view line) noexcept;
    void warn(std::string_view line) noexcept; ///< the other end appends the last program's output, as with error()
    /// Waits until the other end has read all output so far, so that output is booked to the right program.
    void began(std::string_view what, Limit limit) noexcept;
    void ended(std::string_view what) noexcept;
    /// `with_output`: the other end appends the last lines that the program wrote.
    void error(const Error& error, bool with_output) noexcept;

  private:
    static void send(const nlohmann::json& message, bool wait) noexcept;
};

} // namespace rtnode::assemble
