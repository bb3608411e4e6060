#pragma once
// Namespaces that live as long as this object, made by a command that prints a line when they are ready and then waits
// for the end of its input.

#include <string>
#include <vector>

#include <sys/types.h>

namespace rtnode::tests {

class Namespaces {
  public:
    /// @param command becomes `unshare --mount --pid --fork …`: its first child is the first process inside
    explicit Namespaces(std::vector<std::string> command);
    ~Namespaces();
    Namespaces(const Namespaces&) = delete;
    Namespaces& operator=(const Namespaces&) = delete;

    pid_t pid() const { return maker_; } ///< the process that made them; its root is theirs

    /// The command that runs `command` inside.
    std::vector<std::string> inside(std::vector<std::string> command) const;

    std::string mounts() const;                      ///< the mount table, as text
    std::string file(const std::string& path) const; ///< content of an absolute path inside; empty when there is none

  private:
    pid_t maker_ = -1;
    int end_ = -1;
};

} // namespace rtnode::tests
