#include "profile/gate/record_file.hpp"

#include "state/durable_file.hpp"

#include <fcntl.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string_view>
#include <system_error>

namespace rtnode::profile {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> text_of(const fs::path& file) {
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd && errno == ENOENT) return std::nullopt;
    if (!fd) throw file_error("can't read", file);
    std::string text;
    std::array<char, 16384> part{};
    for (;;) {
        const auto n = ::read(fd.get(), part.data(), part.size());
        if (n == 0) return text;
        if (n > 0)
            text.append(part.data(), static_cast<std::size_t>(n));
        else if (errno != EINTR)
            throw file_error("can't read", file);
    }
}

} // namespace

void read_record(const fs::path& file, std::vector<std::string>& warnings,
                 const std::function<void(const nlohmann::json&)>& take) {
    const auto text = text_of(file);
    if (!text) return;
    std::string why;
    try {
        take(nlohmann::json::parse(*text));
        return;
    } catch (const nlohmann::json::exception& e) {
        why = e.what();
    } catch (const Error& e) {
        why = e.what();
    }
    const auto aside = file.string() + ".damaged";
    const bool moved = std::rename(file.c_str(), aside.c_str()) == 0;
    warnings.push_back(fmt::format("{} is damaged and {}; what it said is not known now: {}", file.string(),
                                   moved ? "was put aside as " + aside : "can't even be put aside", why));
}

void write_record(const fs::path& file, const nlohmann::json& record) {
    const auto path = file.parent_path();
    const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) throw file_error("can't open the folder", path);
    replace_file(folder, path, file.filename().string(),
                 record.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

} // namespace rtnode::profile
