#pragma once

#include <string_view>

namespace rtnode::assemble {

/// What an assembly tells and asks while it works. The worker implements it.
class Progress {
  public:
    virtual ~Progress() = default;
    virtual void step(std::string_view name) = 0; ///< e.g. "Running pre scripts"; ends the step before it
    virtual void log(std::string_view line) = 0;  ///< e.g. "kernel-core.posttrans: depmod done"
    virtual void warn(std::string_view line) = 0; ///< what the caller should know though the assembly goes on
    virtual bool cancelled() const = 0;           ///< asked a few times a second
};

} // namespace rtnode::assemble
