#pragma once
// /boot/loader: the symbolic link whose rename is the moment in which a node gets another next boot.

#include <filesystem>
#include <string>

namespace rtnode::boot {

/// The folder that the link leads to, "loader.0" or "loader.1".
/// @param folder descriptor of the boot folder, and its path for the message
/// @throws Error{NotOstree} when there is no such link
std::string current_entries(int folder, const std::filesystem::path& boot);

/// A second name for the link that is current, so that its inode isn't freed when another is renamed over it: between
/// the writes of the folder and of the inode a medium would have a link to a freed inode, with which no boot loader
/// boots.
class SecondName {
  public:
    /// @param folder descriptor of the boot folder, open at least as long as this
    /// @param name one a user; what a dead one left is replaced. Can't it be made (read-only), the log has a warning.
    SecondName(int folder, std::string name);
    SecondName(const SecondName&) = delete;
    SecondName& operator=(const SecondName&) = delete;
    ~SecondName();

  private:
    int folder_;
    std::string name_;
};

} // namespace rtnode::boot
