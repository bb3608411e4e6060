#include "jobs/journal_folder.hpp"

#include "loop/journal.hpp"
#include "state/durable_file.hpp"

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <system_error>

namespace rtnode::jobs {
namespace {

using Json = nlohmann::json;

State state_of(const std::string& name) {
    for (const auto state : all_states)
        if (name_of(state) == name) return state;
    throw fail(Reason::Internal, "'{}' is not a state of a job", name);
}

std::string text_of(const Job& job) {
    const Json json{{"id", job.id},
                    {"kind", job.kind},
                    {"caller", job.caller},
                    {"request", Json::parse(job.request)},
                    {"state", name_of(job.state)},
                    {"created-us", job.created_us},
                    {"ended-us", job.ended_us},
                    {"percent", job.percent},
                    {"step", job.step},
                    {"error-name", job.error_name},
                    {"error-message", job.error_message},
                    {"result", Json::parse(job.result)},
                    {"boot-id", job.boot_id}};
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Job job_of(const std::string& text) {
    const auto json = Json::parse(text);
    Job job;
    json.at("id").get_to(job.id);
    json.at("kind").get_to(job.kind);
    json.at("caller").get_to(job.caller);
    job.request = json.at("request").dump();
    job.state = state_of(json.at("state").get<std::string>());
    json.at("created-us").get_to(job.created_us);
    json.at("ended-us").get_to(job.ended_us);
    json.at("percent").get_to(job.percent);
    json.at("step").get_to(job.step);
    json.at("error-name").get_to(job.error_name);
    json.at("error-message").get_to(job.error_message);
    if (!json.at("result").is_object()) throw fail(Reason::Internal, "the result is not an object");
    job.result = json.at("result").dump();
    json.at("boot-id").get_to(job.boot_id);
    return job;
}

/// N of "N.json".
std::uint32_t number_of(const std::string& name) {
    std::uint32_t number = 0;
    const auto [end, e] = std::from_chars(name.data(), name.data() + name.size(), number);
    return e == std::errc() && std::string_view(end) == ".json" ? number : 0;
}

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
struct FreeLine {
    void operator()(char* line) const { std::free(line); }
};

/// Calls take(line) for each line until it says false.
template <typename F>
void each_line(int folder, const std::string& name, F take) {
    const int fd = ::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return;
    const std::unique_ptr<std::FILE, CloseFile> file(::fdopen(fd, "re"));
    char* raw = nullptr;
    std::size_t room = 0;
    for (ssize_t n = 0; (n = ::getline(&raw, &room, file.get())) > 0;) {
        std::string_view line(raw, static_cast<std::size_t>(n));
        if (line.ends_with('\n')) line.remove_suffix(1);
        if (!take(line)) break;
    }
    const std::unique_ptr<char, FreeLine> free_line(raw);
}

} // namespace

JournalFolder::JournalFolder(const std::filesystem::path& folder) : path_(folder) {
    std::error_code error;
    std::filesystem::create_directories(folder.parent_path(), error);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) throw file_error("can't create the folder", folder);
    folder_ = UniqueFd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!folder_) throw file_error("can't open the folder of jobs", folder);

    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const auto name = entry.path().filename().string();
        next_ = std::max(next_, number_of(name) + 1);
        if (name.ends_with(".tmp")) ::unlinkat(folder_.get(), name.c_str(), 0); // a crash's
    }
    const auto text = text_in(folder_, "next");
    std::uint32_t stored = 0;
    std::from_chars(text.data(), text.data() + text.size(), stored);
    next_ = std::max(next_, stored);
}

std::vector<Job> JournalFolder::load() const {
    std::vector<Job> jobs;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
        const auto name = entry.path().filename().string();
        const auto id = number_of(name);
        if (id == 0) continue;
        try {
            auto job = job_of(text_in(folder_, name));
            if (job.id != id) throw fail(Reason::Internal, "it says that it is job {}", job.id);
            job.log_lines = count_log_lines(id);
            jobs.push_back(std::move(job));
        } catch (const std::exception& e) {
            const auto aside = name + ".damaged";
            ::renameat(folder_.get(), name.c_str(), folder_.get(), aside.c_str());
            journal::log(journal::Priority::warning,
                         fmt::format("the record of job {} can't be read and was put aside as {}: {}", id,
                                     (path_ / aside).string(), e.what()));
        }
    }
    std::ranges::sort(jobs, {}, &Job::id);
    return jobs;
}

void JournalFolder::store(const Job& job) const {
    replace_file(folder_, path_, fmt::format("{}.json", job.id), text_of(job));
}

void JournalFolder::remove(std::uint32_t id) const noexcept {
    ::unlinkat(folder_.get(), fmt::format("{}.json", id).c_str(), 0);
    ::unlinkat(folder_.get(), fmt::format("{}.log", id).c_str(), 0);
}

std::uint32_t JournalFolder::take_number() {
    replace_file(folder_, path_, "next", fmt::format("{}\n", next_ + 1));
    return next_++;
}

void JournalFolder::append(std::uint32_t id, std::string_view line) const noexcept {
    const UniqueFd file(::openat(folder_.get(), fmt::format("{}.log", id).c_str(),
                                 O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return;
    std::string text(line);
    std::ranges::replace(text, '\n', ' ');
    text += '\n';
    [[maybe_unused]] const auto n = ::write(file.get(), text.data(), text.size());
}

std::vector<std::string> JournalFolder::read_log(std::uint32_t id, std::uint64_t from, std::size_t limit) const {
    std::vector<std::string> lines;
    std::uint64_t number = 0;
    each_line(folder_.get(), fmt::format("{}.log", id), [&](std::string_view line) {
        if (number++ >= from) lines.emplace_back(line);
        return lines.size() < limit;
    });
    return lines;
}

std::uint64_t JournalFolder::count_log_lines(std::uint32_t id) const {
    std::uint64_t number = 0;
    each_line(folder_.get(), fmt::format("{}.log", id), [&](std::string_view) { return ++number > 0; });
    return number;
}

} // namespace rtnode::jobs
