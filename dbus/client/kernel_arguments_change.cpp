#include "client/kernel_arguments_change.hpp"

#include <map>

namespace rtnode::client {

KernelArgumentsChange kernel_arguments_change(const std::vector<std::string>& before,
                                              const std::vector<std::string>& after) {
    KernelArgumentsChange change;
    std::map<std::string, unsigned> old_left, new_left;
    for (const auto& token : before)
        ++old_left[token];
    for (const auto& token : after)
        ++new_left[token];

    for (const auto& token : after) {
        unsigned& left = old_left[token];
        if (left > 0) {
            --left;
            change.marked.push_back(token);
        } else {
            change.added.push_back(token);
            change.marked.push_back("+" + token);
        }
    }
    for (const auto& token : before) {
        unsigned& left = new_left[token];
        if (left > 0) {
            --left;
        } else {
            change.removed.push_back(token);
            change.marked.push_back("-" + token);
        }
    }
    return change;
}

} // namespace rtnode::client
