#pragma once

#include "fetch/downloader.hpp"
#include "state/digest.hpp"
#include "state/error.hpp"
#include "temporary_folder.hpp"
#include "web_server.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rtnode::fetch {

namespace fs = std::filesystem;

/// A downloader with a cache of its own that tries again at once.
struct Downloading : testing::Test {
    TemporaryFolder folder;
    fs::path cache = folder.path() / "cache";
    Limits limits;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> progress;

    void SetUp() override { limits.first_back_off = std::chrono::milliseconds(1); }
    Downloader downloader(Cancelled cancelled = {}) {
        return {cache, [this](auto done, auto total) { progress.emplace_back(done, total); }, cancelled, limits};
    }
    static Download of(std::vector<std::string> urls, const std::string& content = {}) {
        Download download;
        download.what = "package 'x'";
        download.urls = std::move(urls);
        if (!content.empty()) {
            download.size = content.size();
            download.checksum = {"sha256", sha256_of(content)};
        }
        return download;
    }
    Error refusal(const Download& download) {
        try {
            downloader().packages({download});
        } catch (const Error& error) {
            return error;
        }
        return fail(Reason::Internal, "nothing was refused");
    }
    std::vector<std::string> cached() const {
        std::vector<std::string> names;
        if (fs::exists(cache / "packages"))
            for (const auto& entry : fs::directory_iterator(cache / "packages"))
                names.push_back(entry.path().filename());
        return names;
    }
    static std::string answer(const std::string& body, std::size_t length) {
        return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", length, body);
    }
};

} // namespace rtnode::fetch
