#include "boot/loader_guard.hpp"

#include "boot/settle.hpp"
#include "loop/journal.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace rtnode::boot {
namespace {

using journal::Priority;

std::system_error failed(const std::string& what) {
    return {errno, std::generic_category(), what};
}

/// Somebody who waits in open(2); goes on at the end of this, whatever happened.
class Waiting {
  public:
    Waiting(int group, const fanotify_event_metadata& event) : group_(group), file_(event.fd) {}
    Waiting(Waiting&& other) noexcept : group_(other.group_), file_(std::move(other.file_)) {}
    Waiting& operator=(Waiting&&) = delete;
    ~Waiting() {
        if (!file_) return;
        const fanotify_response allowed{.fd = file_.get(), .response = FAN_ALLOW};
        [[maybe_unused]] const auto n = ::write(group_, &allowed, sizeof allowed);
    }

  private:
    int group_;
    UniqueFd file_;
};

std::vector<Waiting> who_waits(int group) {
    std::vector<Waiting> waiting;
    alignas(fanotify_event_metadata) std::array<char, 4096> buffer;
    for (;;) {
        auto size = ::read(group, buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return waiting;
        for (auto* event = reinterpret_cast<fanotify_event_metadata*>(buffer.data()); FAN_EVENT_OK(event, size);
             event = FAN_EVENT_NEXT(event, size))
            waiting.emplace_back(group, *event);
    }
}

} // namespace

LoaderGuard::LoaderGuard(std::filesystem::path boot) : boot_(std::move(boot)) {
    folder_ = UniqueFd(::open(boot_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder_) throw failed("cannot open " + boot_.string());
    current_entries(folder_.get(), boot_);
    moves_ = UniqueFd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!moves_ || ::inotify_add_watch(moves_.get(), boot_.c_str(), IN_MOVED_TO | IN_ONLYDIR) < 0)
        throw failed("cannot watch " + boot_.string());
    // A kernel without permission events: then the entries are settled at once, but nobody is held meanwhile.
    opens_ = UniqueFd(::fanotify_init(FAN_CLASS_CONTENT | FAN_NONBLOCK | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC));
    if (!opens_)
        journal::log(Priority::warning,
                     fmt::format("nobody can be kept from deleting boot entries here: {}", std::strerror(errno)));
    arm();
}

void LoaderGuard::arm() {
    entries_ = current_entries(folder_.get(), boot_);
    if (opens_) {
        ::fanotify_mark(opens_.get(), FAN_MARK_FLUSH, 0, AT_FDCWD, nullptr);
        if (::fanotify_mark(opens_.get(), FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN_PERM | FAN_ONDIR, folder_.get(),
                            entries_.c_str()) != 0)
            throw failed("cannot guard " + (boot_ / entries_).string());
    }
    second_name_.reset(); // else the destructor of the old one would take the new one's name
    second_name_.emplace(folder_.get(), ".loader.rtnode-guard");
}

void LoaderGuard::settle_if_switched() {
    const auto entries = current_entries(folder_.get(), boot_);
    if (entries == entries_) return;
    const bool frozen = settle(folder_.get());
    journal::log(Priority::info,
                 fmt::format("the boot entries of {} are current instead of {}'s, and {}", entries, entries_,
                             frozen ? "on the medium where the boot loader finds them"
                                    : "synced; the file system can't be frozen"));
    arm();
}

void LoaderGuard::answer() {
    // Read first: whoever waits now may have moved the link before.
    const auto waiting = opens_ ? who_waits(opens_.get()) : std::vector<Waiting>{};
    alignas(inotify_event) std::array<char, 4096> moves;
    while (::read(moves_.get(), moves.data(), moves.size()) > 0) {
    } // the link itself tells
    try {
        settle_if_switched();
    } catch (const std::exception& error) { // nobody is kept waiting for it
        journal::log(Priority::error, fmt::format("the boot entries may not be on the medium yet: {}", error.what()));
    }
}

void LoaderGuard::run(int stop) {
    std::array<pollfd, 3> sources{{{.fd = stop, .events = POLLIN},
                                   {.fd = opens_.get(), .events = POLLIN},
                                   {.fd = moves_.get(), .events = POLLIN}}};
    for (;;) {
        if (::poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) throw failed("poll");
        answer();
        if (sources[0].revents != 0) return;
    }
}

} // namespace rtnode::boot
