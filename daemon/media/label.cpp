#include "media/label.hpp"

#include "state/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>

namespace rtnode::media {
namespace {

constexpr std::string_view label("system_u:object_r:httpd_sys_content_t:s0",
                                 41);                    // with its NUL, as the kernel wants it
constexpr const char* check = "/sys/fs/selinux/context"; // takes only what the policy knows
constexpr const char* create = "/proc/thread-self/attr/fscreate";

bool write_to(const char* file, std::string_view text) {
    const UniqueFd fd(::open(file, O_RDWR | O_CLOEXEC));
    return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

} // namespace

WebContentLabel::WebContentLabel() : active_(write_to(check, label) && write_to(create, label)) {}

WebContentLabel::~WebContentLabel() {
    if (active_) write_to(create, std::string_view("\0", 1));
}

} // namespace rtnode::media
