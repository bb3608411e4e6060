#pragma once
// Repositories as createrepo_c writes them, in the layout of a distribution's DVD, and real ISO images of them.

#include "state/digest.hpp"
#include "temp_folder.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace rtnode::media {

namespace fs = std::filesystem;

inline void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

inline std::string read(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

inline std::string sha256(const std::string& text) {
    Digest digest("sha256");
    digest.update(text);
    return digest.hex();
}

/// Runs a command of the test; false unless it exits with 0.
inline bool ran(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

/// A repository of these files (path below it → content), whatever they hold.
inline void make_repository(const fs::path& folder, const std::map<std::string, std::string>& packages) {
    std::string primary = "<?xml version=\"1.0\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\">\n";
    for (const auto& [path, content] : packages) {
        write(folder / path, content);
        primary += fmt::format("<package type=\"rpm\"><name>p</name>"
                               "<checksum type=\"sha256\" pkgid=\"YES\">{}</checksum>"
                               "<size package=\"{}\" installed=\"7\" archive=\"9\"/><location href=\"{}\"/>"
                               "<format><rpm:size xmlns:rpm=\"x\">1</rpm:size></format></package>\n",
                               sha256(content), content.size(), path);
    }
    primary += "</metadata>\n";
    write(folder / "repodata/primary.xml", primary);
    ASSERT_TRUE(ran("gzip -fkn '" + (folder / "repodata/primary.xml").string() + "'"));
    const auto packed = read(folder / "repodata/primary.xml.gz");
    fs::remove(folder / "repodata/primary.xml");
    const std::string comps = "<comps/>";
    write(folder / "repodata/comps.xml", comps);
    const auto data = [](const char* type, const std::string& content, const char* name) {
        return fmt::format("<data type=\"{}\"><checksum type=\"sha256\">{}</checksum>"
                           "<location href=\"repodata/{}\"/><size>{}</size></data>\n",
                           type, sha256(content), name, content.size());
    };
    write(folder / "repodata/repomd.xml", "<?xml version=\"1.0\"?>\n<repomd><revision>1</revision>\n" +
                                              data("primary", packed, "primary.xml.gz") +
                                              data("group", comps, "comps.xml") + "</repomd>\n");
}

} // namespace rtnode::media
