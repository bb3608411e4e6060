#include "profile/gate/ledger.hpp"

#include "profile/gate/record_file.hpp"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace rtnode::profile {
namespace {

using Tokens = std::vector<std::string>;

/// Throws for arguments that no profile may set. As for the ledger's: nobody may make us take out a root=.
void check(const Tokens& tokens) {
    static_cast<void>(KernelArguments().changed(tokens, {}));
}

/// The places of `ours`, the last such run of tokens in their order with others between; none when there is no such.
std::vector<std::size_t> places_in_order(const Tokens& tokens, const Tokens& ours) {
    auto start = tokens.size();
    for (auto token = ours.rbegin(); token != ours.rend(); ++token) {
        while (start > 0 && tokens[start - 1] != *token)
            --start;
        if (start == 0) return {};
        --start;
    }
    // From there forwards: what equals ours further behind is others'.
    std::vector<std::size_t> places;
    for (const auto& token : ours) {
        while (tokens[start] != token)
            ++start;
        places.push_back(start++);
    }
    return places;
}

Tokens taken_out(Tokens tokens, const Tokens& ours) {
    if (ours.empty()) return tokens;
    const auto run = std::find_end(tokens.begin(), tokens.end(), ours.begin(), ours.end());
    if (run != tokens.end()) {
        tokens.erase(run, run + static_cast<Tokens::difference_type>(ours.size()));
        return tokens;
    }
    const auto places = places_in_order(tokens, ours);
    for (auto place = places.rbegin(); place != places.rend(); ++place)
        tokens.erase(tokens.begin() + static_cast<Tokens::difference_type>(*place));
    if (!places.empty()) return tokens;
    for (const auto& token : ours)
        if (const auto last = std::find(tokens.rbegin(), tokens.rend(), token); last != tokens.rend())
            tokens.erase(std::next(last).base());
    return tokens;
}

MetPackages met_by(const Profile& profile, const std::string& commit) {
    return {profile.name,
            fmt::format("kernel {} {} replace {} remove {} install {}", profile.kernel, profile.kernel_version,
                        fmt::join(profile.replace, " "), fmt::join(profile.remove, " "),
                        fmt::join(profile.install, " ")),
            commit};
}

template <typename Element>
void keep_newest(std::vector<Element>& elements) {
    if (elements.size() > Ledger::most_entries)
        elements.erase(elements.begin(), elements.end() - static_cast<std::ptrdiff_t>(Ledger::most_entries));
}

} // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LedgerEntry, profile, plan, commit, arguments, owned, deployed)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(MetPackages, profile, wanted, commit)

Ledger Ledger::load(const std::filesystem::path& state_dir, std::vector<std::string>& warnings) {
    Ledger ledger;
    read_record(state_dir / file_name, warnings, [&](const nlohmann::json& json) {
        auto entries = json.at("entries").get<std::vector<LedgerEntry>>();
        for (const auto& entry : entries)
            check(entry.owned);
        ledger.met_ = json.value("packages-met", std::vector<MetPackages>());
        ledger.entries_ = std::move(entries);
    });
    return ledger;
}

void Ledger::save(const std::filesystem::path& state_dir) const {
    write_record(state_dir / file_name, {{"entries", entries_}, {"packages-met", met_}});
}

void Ledger::intend(std::string profile, std::string plan, std::string commit, const KernelArguments& arguments,
                    std::vector<std::string> owned) {
    LedgerEntry entry{.profile = std::move(profile),
                      .plan = std::move(plan),
                      .commit = std::move(commit),
                      .arguments = arguments.without_ostree().str(),
                      .owned = std::move(owned)};
    std::erase_if(entries_, [&](const LedgerEntry& older) {
        if (older.arguments != entry.arguments || older.commit != entry.commit) return false;
        entry.deployed |= older.deployed;
        return true;
    });
    entries_.push_back(std::move(entry));
    keep_newest(entries_);
}

bool Ledger::found(const std::string& profile, const std::string& plan, const std::string& commit,
                   const KernelArguments& arguments) {
    const auto* entry = made(commit, arguments);
    if (entry != nullptr && entry->profile == profile) return false;
    intend(profile, plan, commit, arguments, owned_in(arguments));
    saw(arguments);
    return true;
}

bool Ledger::saw(const KernelArguments& of_a_deployment) {
    const auto text = of_a_deployment.without_ostree().str();
    bool changed = false;
    for (auto& entry : entries_)
        if (entry.arguments == text && !std::exchange(entry.deployed, true)) changed = true;
    return changed;
}

std::vector<std::string> Ledger::owned_in(const KernelArguments& of_a_deployment) const {
    if (entries_.empty()) return {};
    const auto arguments = of_a_deployment.without_ostree();
    const auto newest = [&](const auto& which) { return std::find_if(entries_.rbegin(), entries_.rend(), which); };
    auto found = newest([text = arguments.str()](const LedgerEntry& entry) { return entry.arguments == text; });
    if (found == entries_.rend()) found = newest([](const LedgerEntry& entry) { return entry.deployed; });
    if (found == entries_.rend()) found = entries_.rbegin();
    return in_both(found->owned, arguments.tokens());
}

const LedgerEntry* Ledger::made(const std::string& commit, const KernelArguments& arguments) const {
    const auto text = arguments.without_ostree().str();
    const auto found = std::find_if(entries_.rbegin(), entries_.rend(), [&](const LedgerEntry& entry) {
        return entry.commit == commit && entry.arguments == text;
    });
    return found == entries_.rend() ? nullptr : &*found;
}

std::string Ledger::plan_of(const std::string& profile, const KernelArguments& arguments) const {
    const auto text = arguments.without_ostree().str();
    const auto found = std::find_if(entries_.rbegin(), entries_.rend(), [&](const LedgerEntry& entry) {
        return entry.profile == profile && entry.arguments == text;
    });
    return found == entries_.rend() ? std::string() : found->plan;
}

bool Ledger::packages_met(const Profile& profile, const std::string& commit) {
    if (has_packages(profile, commit)) return false;
    met_.push_back(met_by(profile, commit));
    keep_newest(met_);
    return true;
}

bool Ledger::has_packages(const Profile& profile, const std::string& commit) const {
    return std::find(met_.begin(), met_.end(), met_by(profile, commit)) != met_.end();
}

ArgumentChange apply_profile(const KernelArguments& start, const std::vector<std::string>& owned_before,
                             const std::vector<std::string>& wanted) {
    check(wanted);
    check(owned_before);
    auto owned = in_both(owned_before, start.tokens());
    const bool stands = start.changed(wanted, {}) == start;
    if (stands && only_in_first(owned, wanted).empty()) return {start, std::move(owned)};
    const KernelArguments others(taken_out(start.tokens(), owned));
    auto after = others.changed(wanted, {});
    const bool appended = after != others;
    return {std::move(after), appended ? wanted : Tokens()};
}

std::vector<std::string> in_both(const std::vector<std::string>& first, std::vector<std::string> second) {
    Tokens both;
    for (const auto& token : first)
        if (const auto found = std::find(second.begin(), second.end(), token); found != second.end()) {
            second.erase(found);
            both.push_back(token);
        }
    return both;
}

std::vector<std::string> only_in_first(const std::vector<std::string>& first, std::vector<std::string> second) {
    Tokens rest;
    for (const auto& token : first)
        if (const auto found = std::find(second.begin(), second.end(), token); found != second.end())
            second.erase(found);
        else
            rest.push_back(token);
    return rest;
}

} // namespace rtnode::profile
