#include "boot/loader_link.hpp"

#include "loop/journal.hpp"
#include "state/error.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace rtnode::boot {
namespace {

constexpr const char* link_name = "loader";

} // namespace

std::string current_entries(int folder, const std::filesystem::path& boot) {
    std::array<char, 64> target{};
    const auto size = ::readlinkat(folder, link_name, target.data(), target.size());
    const std::string entries(target.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    if (entries != "loader.0" && entries != "loader.1")
        throw fail(Reason::NotOstree,
                   "{} is no link to loader.0 or loader.1, as libostree makes it; it isn't known how to guard the boot "
                   "entries of this node",
                   (boot / link_name).string());
    return entries;
}

SecondName::SecondName(int folder, std::string name) : folder_(folder), name_(std::move(name)) {
    ::unlinkat(folder_, name_.c_str(), 0);
    if (::linkat(folder_, link_name, folder_, name_.c_str(), 0) != 0)
        journal::log(journal::Priority::warning,
                     fmt::format("cannot keep {} as a second name for the link to the boot entries: {}", name_,
                                 std::strerror(errno)));
}

SecondName::~SecondName() {
    ::unlinkat(folder_, name_.c_str(), 0);
}

} // namespace rtnode::boot
