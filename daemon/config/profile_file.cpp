#include "config/profile_file.hpp"

#include "config/profile_keys.hpp"
#include "config/table.hpp"
#include "state/error.hpp"

#include <map>

namespace rtnode::config {
namespace {

namespace fs = std::filesystem;

std::map<std::string, fs::path> profile_files(const Sources& sources) {
    std::map<std::string, fs::path> files;
    for (auto& file : files_in(sources.profile_folders, ".toml"))
        files[file.stem().string()] = file;
    return files;
}

Error no_such_profile(const Sources& sources, const std::string& name) {
    const auto names = profile_names(sources);
    std::vector<std::string> folders;
    for (const auto& folder : sources.profile_folders)
        folders.push_back(folder.string());
    return fail(Reason::Configuration, "there is no profile '{}' (NAME.toml of {}); {}{}", name,
                fmt::join(folders, ", "),
                names.empty() ? "there is none" : fmt::format("there are: {}", fmt::join(names, ", ")),
                did_you_mean(name, names));
}

} // namespace

std::vector<std::string> profile_names(const Sources& sources) {
    std::vector<std::string> names;
    for (const auto& [name, file] : profile_files(sources))
        names.push_back(name);
    return names;
}

Profile load_profile(const Sources& sources, const std::string& name) {
    const auto profiles = profile_files(sources);
    const auto main = profiles.find(name); // a path is the name of none
    if (main == profiles.end()) throw no_such_profile(sources, name);

    std::vector<fs::path> drop_in_folders;
    for (const auto& folder : sources.profile_folders)
        drop_in_folders.push_back(folder / (name + ".toml.d"));
    auto files = files_in(drop_in_folders, ".toml");
    files.insert(files.begin(), main->second);

    ProfileReading reading;
    reading.profile.name = name;
    for (const auto& file : files) {
        read_profile_keys(read_toml(file), reading);
        reading.profile.files.push_back(file.string());
    }
    refuse_contradictions(reading);
    return std::move(reading.profile);
}

} // namespace rtnode::config
