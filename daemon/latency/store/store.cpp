#include "latency/store/store.hpp"

#include "latency/report/report.hpp"
#include "latency/store/results_folder.hpp"
#include "state/durable_file.hpp"
#include "state/error.hpp"
#include "state/numbers.hpp"

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

namespace rtnode::latency {
namespace {

constexpr const char* counter = "next";
constexpr const char* texts_name = "texts.json";
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

/// A text that one of our runs wrote.
struct Store::Text {
    std::string path;
    std::uint64_t run = 0;
    std::int64_t written_ns = 0; ///< its time of modification; with another one somebody else wrote it since

    bool is_there() const { return written_ns == time_of(path); }

    static std::int64_t time_of(const std::string& path) {
        struct stat status {};
        if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return -1;
        return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    }
};

Store::Store(std::string folder, std::string text_folder)
    : folder_(std::move(folder)), text_folder_(std::move(text_folder)) {
    open_results_folder(folder_);
    if (!text_folder_.empty()) open_results_folder(text_folder_);
}

Saved Store::save(std::uint64_t number, const Result& result, Purpose purpose) const {
    Saved saved;
    // Our own first and for itself: the folder for texts may be another disk, and its trouble must not cost the result.
    NewFile own(folder_, name_of_run(number, purpose), report_json(result));
    own.publish();
    saved.paths.push_back(own.path());
    if (text_folder_.empty() || purpose != Purpose::request) return saved;
    try {
        NewFile text(text_folder_, text_name(result.options), report_cyclictest_2_4(result));
        auto known = texts();
        const auto before = std::ranges::find(known, text.path(), &Text::path);
        const bool taken = before != known.end() && before->is_there();
        text.publish();
        if (taken) saved.text_taken_from = before->run;
        if (before != known.end()) known.erase(before);
        known.push_back({.path = text.path(), .run = number, .written_ns = Text::time_of(text.path())});
        note_texts(known);
        saved.paths.push_back(text.path());
    } catch (const std::exception& e) {
        saved.text_error = e.what();
    }
    return saved;
}

std::vector<std::string> Store::files(std::uint64_t number) const {
    const auto folder = open_results_folder(folder_);
    std::vector<std::string> paths;
    for (const auto purpose : {Purpose::request, Purpose::watch})
        if (const auto name = name_of_run(number, purpose); ::faccessat(folder.get(), name.c_str(), F_OK, 0) == 0)
            paths.push_back(folder_ + "/" + name);
    for (const auto& text : texts())
        if (text.run == number && text.is_there()) paths.push_back(text.path);
    return paths;
}

std::vector<Store::Text> Store::texts() const {
    std::vector<Text> texts;
    const auto json = nlohmann::json::parse(text_in(open_results_folder(folder_), texts_name), nullptr, false);
    if (!json.is_array()) return texts; // there is none yet, or it is damaged
    try {
        for (const auto& entry : json)
            texts.push_back({.path = entry.at("path"), .run = entry.at("run"), .written_ns = entry.at("written-ns")});
    } catch (const nlohmann::json::exception&) {
        texts.clear(); // damaged: the texts stay, and are nobody's
    }
    return texts;
}

void Store::note_texts(const std::vector<Text>& texts) const {
    auto json = nlohmann::json::array();
    for (const auto& text : texts)
        json.push_back({{"path", text.path}, {"run", text.run}, {"written-ns", text.written_ns}});
    replace_file(open_results_folder(folder_), folder_, texts_name,
                 json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
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
    auto text = text_in(folder, counter);
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
    const auto folder = open_results_folder(folder_);
    for (const auto number : outdated(list(), keep))
        for (const auto purpose : {Purpose::request, Purpose::watch})
            remove(folder, folder_, name_of_run(number, purpose));
    const auto left = list();
    auto known = texts();
    const auto forgotten = std::erase_if(known, [&](const Text& text) {
        if (std::ranges::find(left, text.run, &Stored::number) != left.end()) return false;
        if (!text.is_there()) return true;
        const std::filesystem::path path(text.path);
        try {
            remove(open_results_folder(path.parent_path()), path.parent_path(), path.filename());
            return true;
        } catch (const Error&) {
            return false; // nothing may be removed from such a folder now; the next time
        }
    });
    for (const auto& path : {folder_, text_folder_})
        if (!path.empty()) NewFile::remove_unfinished(path);
    if (forgotten > 0) note_texts(known); // last: it alone needs room
}

std::string Store::text_name(const Options& options) {
    return fmt::format("cyclictest_{}.out", format_duration(options.duration));
}

} // namespace rtnode::latency
