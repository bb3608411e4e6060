#include "export/kernel_arguments.hpp"

#include "profile/arguments/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace rtnode::exports {
namespace {

using Tokens = std::vector<std::string>;

/// What is a machine's or its image's own: names between blanks, with '_' for '-', and what names begin with.
constexpr std::string_view names_of_machine =
    " BOOT_IMAGE boot initrd nfsroot ostree resume ro root rootflags rootfstype rw" // where it boots from
    " bond bootdev bridge console earlycon ifname ip nameserver netroot team vlan"  // how it is reached
    " $ignition_firstboot random.trust_cpu ";                                       // put there by CoreOS
constexpr std::string_view beginnings_of_machine[] = {"coreos.", "ignition.", "rd."};

constexpr std::string_view secret_words[] = {"credential", "passphrase", "passwd", "password", "secret", "token"};

bool is_of_machine(const std::string& token) {
    const auto name = profile::name_of_argument(token);
    return names_of_machine.find(fmt::format(" {} ", name)) != std::string_view::npos ||
           std::ranges::any_of(beginnings_of_machine, [&](auto beginning) { return name.starts_with(beginning); });
}

/// Takes one equal token out of the list.
bool take(Tokens& tokens, const std::string& token) {
    const auto found = std::ranges::find(tokens, token);
    if (found == tokens.end()) return false;
    tokens.erase(found);
    return true;
}

/// Names, each once, in order.
void add_name(Tokens& names, const std::string& token) {
    auto name = token.substr(0, token.find('='));
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
}

void note(Tokens& notes, Tokens names, std::string_view why) {
    std::ranges::reverse(names); // they were met from the last to the first
    if (!names.empty()) notes.push_back(fmt::format("left out, {}: {}", why, fmt::join(names, " ")));
}

} // namespace

bool is_secret(std::string_view token) {
    auto name = profile::name_of_argument(token);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const bool worded =
        std::ranges::any_of(secret_words, [&](std::string_view word) { return name.find(word) != std::string::npos; });
    return worded || (name == "netroot" && token.find('@') != std::string_view::npos); // iscsi:user:password@…
}

ExportedArguments exported_arguments(const NodeState& state) {
    auto booted = state.deployment.kernel_arguments.without_ostree().tokens();
    std::ranges::reverse(booted);
    auto ours = state.ours;
    auto owners = state.owners;
    ExportedArguments result;
    Tokens secret, split, machine, shared;
    std::vector<Tokens> of_others(owners.size());
    for (const auto& token : booted) {
        const bool wanted = take(ours, token);
        const auto owner =
            std::ranges::find_if(owners, [&](auto& candidate) { return take(candidate.arguments, token); });
        if (is_secret(token))
            add_name(secret, token);
        else if (token.find_first_of(" \t") != std::string::npos)
            add_name(split, token);
        else if (!wanted && is_of_machine(token))
            add_name(machine, token);
        else if (!wanted && owner != owners.end())
            of_others[static_cast<std::size_t>(owner - owners.begin())].push_back(token);
        else {
            result.tokens.push_back(token);
            if (owner != owners.end()) shared.push_back(token);
        }
    }
    std::ranges::reverse(result.tokens);
    note(result.notes, std::move(machine), "this machine's or its image's own");
    for (std::size_t i = 0; i < owners.size(); ++i)
        note(result.notes, std::move(of_others[i]), fmt::format("set by {} ({})", owners[i].name, owners[i].evidence));
    note(result.notes, std::move(secret), "since they may hold secrets");
    note(result.notes, std::move(split), "since the machine-config daemon can't check values with blanks");
    std::ranges::reverse(shared);
    if (!shared.empty())
        result.notes.push_back(fmt::format("somebody else sets these here, too; take them out of one of both, since "
                                           "MachineConfigs' arguments add up: {}",
                                           fmt::join(shared, " ")));
    return result;
}

} // namespace rtnode::exports
