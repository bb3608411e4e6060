#pragma once

#include <filesystem>
#include <fstream>
#include <stdlib.h>
#include <string>

namespace rtnode {

/// A folder that is gone with its test.
class TemporaryFolder {
  public:
    TemporaryFolder() : path_(mkdtemp((std::filesystem::temp_directory_path() / "rtnode-XXXXXX").string().data())) {}
    ~TemporaryFolder() {
        // Again when something went while it was looked at: a gpg-agent that ends removes its sockets.
        std::error_code error;
        for (int attempt = 0; attempt < 5; ++attempt)
            if (std::filesystem::remove_all(path_, error); !error) break;
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

    std::filesystem::path write(const std::filesystem::path& name, const std::string& content) const {
        std::filesystem::create_directories((path_ / name).parent_path());
        std::ofstream(path_ / name, std::ios::binary) << content;
        return path_ / name;
    }

    static std::string read(const std::filesystem::path& file) {
        std::ifstream stream(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }

  private:
    std::filesystem::path path_;
};

} // namespace rtnode
