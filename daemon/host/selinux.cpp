#include "host/selinux.hpp"

#include "state/file_text.hpp"
#include "state/unique_fd.hpp"

#include <fcntl.h>
#include <sys/xattr.h>

#include <cerrno>
#include <string_view>

namespace rtnode::host {
namespace {

constexpr char unknown_label[] = "system_u:object_r:rtnode_label_of_no_policy_t:s0"; // with its NUL, as labels are

/// True also where it can't be tried: then SELinux isn't the reason.
bool takes_any_label(const std::filesystem::path& folder) {
    const UniqueFd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    return !file || ::fsetxattr(file.get(), "security.selinux", unknown_label, sizeof unknown_label, 0) == 0 ||
           errno == EOPNOTSUPP;
}

} // namespace

std::string confined_by_selinux(const std::filesystem::path& folder, const std::filesystem::path& selinuxfs) {
    if (!file_text(selinuxfs / "enforce").starts_with('1') || takes_any_label(folder)) return {};
    const auto context = file_text("/proc/thread-self/attr/current");
    const auto end = context.find_first_of(std::string_view("\0\n", 2));
    return context.empty() || end == 0 ? "of no name" : context.substr(0, end);
}

} // namespace rtnode::host
