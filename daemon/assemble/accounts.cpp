#include "assemble/accounts.hpp"

#include "assemble/new_file.hpp"
#include "state/file_text.hpp"

#include <array>

namespace fs = std::filesystem;

namespace rtnode::assemble {
namespace {

constexpr std::array<const char*, 2> names{"passwd", "group"};
/// What useradd and its kin write beside them; a tree's accounts have none of it.
constexpr std::array<const char*, 4> secrets{"shadow", "gshadow", "subuid", "subgid"};

bool is_there(const fs::path& file) {
    return fs::exists(fs::symlink_status(file));
}

} // namespace

TreeAccounts::TreeAccounts(fs::path root, const NodeAccounts& node)
    // Not /etc, which is a mount of its own in the sandbox: nothing can be renamed from there to usr/lib.
    : etc_(root / "usr/etc"), lib_(root / "usr/lib"), aside_(etc_ / ".rtnode-accounts"),
      apart_(is_there(lib_ / "passwd")) {
    if (!apart_) return;
    fs::create_directory(aside_);
    for (const auto* name : names) {
        const auto own = lib_ / name;
        if (is_there(etc_ / name)) fs::rename(etc_ / name, aside_ / name);
        if (is_there(own)) fs::rename(own, aside_ / (std::string("lib-") + name));
        write_new_file(etc_ / name, file_text(aside_ / (std::string("lib-") + name)));
        const auto of_node = node.find(name);
        write_new_file(own, of_node == node.end() ? file_text(aside_ / name) : of_node->second);
    }
    for (const auto* name : secrets)
        if (is_there(etc_ / name)) fs::copy_file(etc_ / name, aside_ / name);
}

void TreeAccounts::keep() const {
    if (!apart_) return;
    for (const auto* name : names) {
        const auto before = aside_ / (std::string("lib-") + name);
        // The same file where nothing was added: with its attributes.
        if (is_there(before) && file_text(before) == file_text(etc_ / name))
            fs::rename(before, lib_ / name);
        else
            fs::rename(etc_ / name, lib_ / name);
        fs::remove(etc_ / name);
        if (is_there(aside_ / name)) fs::rename(aside_ / name, etc_ / name);
    }
    for (const auto* name : secrets) {
        fs::remove(etc_ / name);
        if (is_there(aside_ / name)) fs::rename(aside_ / name, etc_ / name);
    }
    fs::remove_all(aside_);
}

} // namespace rtnode::assemble
