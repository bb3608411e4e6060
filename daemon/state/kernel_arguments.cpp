#include "state/kernel_arguments.hpp"

#include "state/error.hpp"

#include <algorithm>

namespace rtnode {
namespace {

std::string_view key_of(std::string_view token) {
    return token.substr(0, token.find('='));
}

void refuse_protected(std::string_view token) {
    const auto key = key_of(token);
    if (key == "ostree" || key == "root")
        throw fail(Reason::ProtectedKernelArgument,
                   "kernel argument '{}' is protected: the node would not find its root; leave '{}=' to the installer",
                   token, key);
}

void refuse_malformed(std::string_view token) {
    if (token.empty() || token.front() == '=')
        throw fail(Reason::InvalidKernelArgument, "'{}' is not a kernel argument: it has no name", token);
    if (token.find_first_of(" \t\n\r\v\f\"'\\") != std::string_view::npos ||
        std::any_of(token.begin(), token.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        throw fail(Reason::InvalidKernelArgument,
                   "kernel argument '{}' holds a blank, quote or control character; pass each argument as an element "
                   "of its own, quoting is not supported by the boot entry format",
                   token);
}

} // namespace

KernelArguments KernelArguments::parse(std::string_view command_line) {
    std::vector<std::string> tokens;
    std::string token;
    bool quoted = false;
    for (const char c : command_line) {
        if (c == '"') quoted = !quoted;
        if (!quoted && (c == ' ' || c == '\t' || c == '\n')) {
            if (!token.empty()) tokens.push_back(std::move(token));
            token.clear();
        } else {
            token += c;
        }
    }
    if (!token.empty()) tokens.push_back(std::move(token));
    return KernelArguments(std::move(tokens));
}

std::string KernelArguments::str() const {
    return fmt::format("{}", fmt::join(tokens_, " "));
}

KernelArguments KernelArguments::changed(const std::vector<std::string>& append,
                                         const std::vector<std::string>& remove) const {
    auto tokens = tokens_;
    for (const auto& pattern : remove) {
        refuse_malformed(pattern);
        refuse_protected(pattern);
        const bool exact = pattern.find('=') != std::string::npos;
        std::erase_if(tokens,
                      [&](const std::string& token) { return exact ? token == pattern : key_of(token) == pattern; });
    }
    for (const auto& token : append) {
        refuse_malformed(token);
        refuse_protected(token);
    }
    if (std::search(tokens.begin(), tokens.end(), append.begin(), append.end()) == tokens.end())
        tokens.insert(tokens.end(), append.begin(), append.end());
    return KernelArguments(std::move(tokens));
}

KernelArguments KernelArguments::without_ostree() const {
    auto tokens = tokens_;
    std::erase_if(tokens, [](const std::string& token) { return key_of(token) == "ostree"; });
    return KernelArguments(std::move(tokens));
}

} // namespace rtnode
