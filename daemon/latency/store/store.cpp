#include "latency/store/store.hpp"

#include "latency/report/report.hpp"
#include "latency/store/results_folder.hpp"
#include "state/durable_file.hpp"
#include "state/error.hpp"
#include "state/numbers.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace rtnode::latency {
namespace {

constexpr const char* counter = "next";
constexpr off_t largest_result = off_t{256} << 20;

constexpr std::string_view ending_of(Purpose purpose) {
    return purpose == Purpose::watch ? ".watch.json" : ".json";
}

/// The N of "N.json" and "N.watch.json".
std::optional<Stored> run_called(std::string_view name) {
    const auto purpose = name.ends_with(ending_of(Purpose::watch)) ? Purpose::watch : Purpose::request;
    const auto ending = ending_of(purpose);
    if (!name.ends_with(ending) || name.starts_with('0')) return std::nullopt;
    const auto number = whole_number<std::uint64_t>(name.substr(0, name.size() - ending.size()));
    if (!number) return std::nullopt;
    return Stored{.number = *number, .path = std::string(name), .purpose = purpose};
}

/// "" when it isn't there or can't be read.
std::string read_small(const UniqueFd& folder, const std::string& name) {
    const UniqueFd file(::openat(folder.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    std::string text;
    if (!file) return text;
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = ::read(file.get(), part.data(), part.size())) > 0;)
        text.append(part.data(), static_cast<std::size_t>(got));
    return text;
}

std::string name_of_run(std::uint64_t number, Purpose purpose) {
    return fmt::format("{}{}", number, ending_of(purpose));
}

} // namespace

std::vector<std::uint64_t> outdated(const std::vector<Stored>& runs, const Keep& keep) {
    std::vector<std::uint64_t> numbers;
    std::size_t requested = 0, watched = 0;
    for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
        if (keep.always.contains(run->number)) continue;
        const bool watch = run->purpose == Purpose::watch;
        if (++(watch ? watched : requested) > (watch ? keep.watched : keep.requested)) numbers.push_back(run->number);
    }
    return numbers;
}

Store::Store(std::string folder, std::string text_folder)
    : folder_(std::move(folder)), text_folder_(std::move(text_folder)) {
    open_results_folder(folder_);
    if (!text_folder_.empty()) open_results_folder(text_folder_);
}

std::vector<std::string> Store::save(std::uint64_t number, const Result& result, Purpose purpose) const {
    std::vector<std::string> paths;
    const auto put = [&paths](const std::string& folder, std::string name, const std::string& text) {
        NewFile file(folder, std::move(name), text);
        file.publish();
        paths.push_back(file.path());
    };
    // Our own first and for itself: the folder for texts may be another disk, and its trouble must not cost the result.
    put(folder_, name_of_run(number, purpose), report_json(result));
    if (!text_folder_.empty() && purpose == Purpose::request)
        put(text_folder_, text_name(result.options), report_cyclictest_2_4(result));
    return paths;
}

std::vector<Stored> Store::list() const {
    std::vector<Stored> runs;
    for (const auto& name : names_in(open_results_folder(folder_), folder_))
        if (auto run = run_called(name)) {
            run->path = folder_ + "/" + name;
            runs.push_back(*std::move(run));
        }
    std::sort(runs.begin(), runs.end(), [](const Stored& a, const Stored& b) { return a.number < b.number; });
    return runs;
}

std::uint64_t Store::take_number(std::uint64_t at_least) const {
    const auto folder = open_results_folder(folder_);
    auto number = std::max<std::uint64_t>(at_least, 1);
    // Damaged or of before there was one: then the runs that are kept say which were taken.
    auto text = read_small(folder, counter);
    if (text.ends_with('\n')) text.pop_back();
    if (const auto next = whole_number<std::uint64_t>(text)) number = std::max(number, *next);
    if (const auto runs = list(); !runs.empty()) number = std::max(number, runs.back().number + 1);
    replace_file(folder, folder_, counter, fmt::format("{}\n", number + 1));
    return number;
}

Result Store::load(std::uint64_t number) const {
    const auto folder = open_results_folder(folder_);
    std::string path;
    const auto open = [&](Purpose purpose) {
        const auto name = name_of_run(number, purpose);
        path = folder_ + "/" + name;
        return UniqueFd(::openat(folder.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    };
    auto file = open(Purpose::request);
    if (!file && errno == ENOENT) file = open(Purpose::watch);
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0)
        throw fail(Reason::NoSuchMeasurement, "there is no result of measurement {} in {}: {}", number, folder_,
                   std::strerror(errno));
    if (!S_ISREG(status.st_mode) || status.st_size > largest_result)
        throw fail(Reason::NoSuchMeasurement, "{} is not a result of ours: it is no regular file or too large", path);
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t have = 0;
    while (have < text.size()) {
        const auto got = ::pread(file.get(), text.data() + have, text.size() - have, static_cast<off_t>(have));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw failed_to("read", path, errno);
        if (got == 0) break;
        have += static_cast<std::size_t>(got);
    }
    text.resize(have);
    try {
        return from_json(text);
    } catch (const Error& e) {
        throw fail(Reason::NoSuchMeasurement, "the result in {} is damaged: {}; remove the file", path, e.what());
    }
}

void Store::prune(const Keep& keep) const {
    const auto remove = [](const UniqueFd& folder, const std::string& path, const std::string& name) {
        if (::unlinkat(folder.get(), name.c_str(), 0) != 0 && errno != ENOENT)
            throw failed_to("remove", path + "/" + name, errno);
    };
    const auto runs = list();
    const auto folder = open_results_folder(folder_);
    for (const auto number : outdated(runs, keep))
        for (const auto purpose : {Purpose::request, Purpose::watch})
            remove(folder, folder_, name_of_run(number, purpose));
    for (const auto& path : {folder_, text_folder_}) {
        if (path.empty()) continue;
        const auto at = open_results_folder(path);
        for (const auto& name : names_in(at, path))
            if (name.starts_with(temporary_prefix)) remove(at, path, name);
    }
}

std::string Store::text_name(const Options& options) {
    return fmt::format("cyclictest_{}.out", format_duration(options.duration));
}

} // namespace rtnode::latency
