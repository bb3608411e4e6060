#include "boot/settle.hpp"

#include "state/unique_fd.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rtnode::boot {
namespace {

std::system_error failed(const char* what) {
    return {errno, std::generic_category(), what};
}

/// A file system stays frozen when the process that froze it dies, and with it the shutdown. This child thaws it as
/// soon as its parent is done or dead; nothing else happens in it.
class Thawer {
  public:
    explicit Thawer(int folder) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw failed("pipe");
        UniqueFd theirs(ends[0]);
        ours_ = UniqueFd(ends[1]);
        child_ = ::fork();
        if (child_ < 0) throw failed("fork");
        if (child_ > 0) return;
        ::close(ours_.get());
        char nothing = 0;
        while (::read(theirs.get(), &nothing, 1) < 0 && errno == EINTR) {
        }
        ::ioctl(folder, FITHAW, 0); // EINVAL: it was thawed in time
        ::_exit(0);
    }
    Thawer(const Thawer&) = delete;
    Thawer& operator=(const Thawer&) = delete;
    ~Thawer() {
        ours_.reset();
        while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }

  private:
    UniqueFd ours_;
    pid_t child_ = -1;
};

} // namespace

bool settle(int folder) {
    bool frozen = false;
    {
        const Thawer thawer(folder);
        frozen = ::ioctl(folder, FIFREEZE, 0) == 0;
        if (frozen && ::ioctl(folder, FITHAW, 0) != 0 && errno != EINVAL) throw failed("FITHAW");
    }
    if (!frozen && ::syncfs(folder) != 0) throw failed("syncfs");
    return frozen;
}

} // namespace rtnode::boot
