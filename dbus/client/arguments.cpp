#include "client/arguments.hpp"

#include "state/numbers.hpp"

#include <fmt/format.h>

#include <limits>

namespace rtnode::client {

namespace {

constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();

CLI::Option* check_number(CLI::Option* option, std::uint64_t least, std::uint64_t most, const std::string& must_be) {
    return option->check([=](const std::string& word) {
        const auto number = rtnode::whole_number<std::uint64_t>(word);
        if (number && *number >= least && *number <= most) return std::string();
        return fmt::format("'{}' is wrong, it must be {}", word, must_be);
    });
}

} // namespace

CLI::Option* not_empty(CLI::Option* option) {
    return option->check([option](const std::string& word) {
        if (!word.empty()) return std::string();
        return std::string("it is empty; give a value") + (option->get_required() ? "" : ", or leave it out");
    });
}

CLI::Option* whole_number(CLI::Option* option, std::uint64_t least, std::uint64_t most) {
    return check_number(option, least, most, fmt::format("a whole number, {} to {}", least, most));
}

CLI::Option* number_of_one(CLI::Option* option, const std::string& listed_by) {
    return check_number(option, 1, any, "a whole number from 1 on; see which there are: " + listed_by);
}

} // namespace rtnode::client
