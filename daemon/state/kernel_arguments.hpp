#pragma once
// Kernel arguments as an ordered multiset of tokens. Order matters (hugepagesz= before its hugepages=), repetition
// matters (console= twice), and a token that we did not write passes verbatim, quoted ones too.

#include <string>
#include <string_view>
#include <vector>

namespace rtnode {

class KernelArguments {
  public:
    KernelArguments() = default;
    explicit KernelArguments(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {}

    /// Splits as the kernel does (lib/cmdline.c next_arg): at blanks, but not inside double quotes.
    static KernelArguments parse(std::string_view command_line);

    /// Tokens joined with one blank.
    std::string str() const;

    const std::vector<std::string>& tokens() const { return tokens_; }

    /// This list changed as a request asks: removals first, then the append sequence.
    /// Removal `k` takes every `k` and `k=…`, `k=v` every exact token; what is absent is no error.
    /// The append sequence is left out when it already stands contiguously, else it is appended whole.
    /// @throws Error{ProtectedKernelArgument} for `ostree` and `root`, Error{InvalidKernelArgument} for new tokens
    ///         that are empty or hold blanks or quotes.
    KernelArguments changed(const std::vector<std::string>& append, const std::vector<std::string>& remove) const;

    /// Without the boot loader's `ostree=` token, which libostree sets itself for each deployment.
    KernelArguments without_ostree() const;

    bool operator==(const KernelArguments&) const = default;

  private:
    std::vector<std::string> tokens_;
};

} // namespace rtnode
