#include "client/command_table.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace rtnode::client {

namespace {

/// Of "fifo|rr|other" all; of "match-base|VERSION" the first: what stands for something else is in capitals.
Json values_of(const std::string& type) {
    Json values = Json::array();
    std::istringstream alternatives(type);
    for (std::string word; std::getline(alternatives, word, '|');)
        if (std::none_of(word.begin(), word.end(), [](unsigned char c) { return std::isupper(c) != 0; }))
            values.push_back(word);
    return values;
}

Json row(const CLI::Option& option) {
    Json names = Json::array();
    for (const auto& name : option.get_lnames())
        names.push_back("--" + name);
    for (const auto& name : option.get_snames())
        names.push_back("-" + name);
    if (names.empty()) names.push_back(option.get_name(true));
    const std::string type = option.get_items_expected_max() == 0 ? "" : option.get_type_name();
    return {{"names", std::move(names)},
            {"type", type},
            {"values", values_of(type)},
            {"description", option.get_description()},
            {"default", option.get_default_str()},
            {"required", option.get_required()},
            {"repeats",
             option.get_expected_max() > 1 || option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll}};
}

} // namespace

Json command_table(const CLI::App& command) {
    Json options = Json::array(), positionals = Json::array(), commands = Json::array();
    for (const CLI::Option* option : command.get_options())
        if (!option->get_group().empty()) (option->get_positional() ? positionals : options).push_back(row(*option));
    for (const CLI::App* sub : command.get_subcommands({}))
        if (!sub->get_group().empty()) commands.push_back(command_table(*sub));
    return {
        {"name", command.get_name()},    {"description", command.get_description()}, {"footer", command.get_footer()},
        {"options", std::move(options)}, {"positionals", std::move(positionals)},    {"commands", std::move(commands)}};
}

} // namespace rtnode::client
