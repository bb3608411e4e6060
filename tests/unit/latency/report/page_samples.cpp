// Writes pages of report_html() into a folder, for a browser: latency_page_samples FOLDER
#include "page_samples.hpp"
#include "latency/report/page.hpp"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace {

using namespace rtnode::latency;

void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: latency_page_samples FOLDER\n");
        return 2;
    }
    try {
        const std::filesystem::path folder = argv[1];
        std::filesystem::create_directories(folder);
        const auto stalled = run_with_a_stall();
        const auto comparison = made_up_comparison();
        write(folder / "stall.html", report_html(stalled));
        write(folder / "many.html", report_html(run_on_many_cpus()));
        write(folder / "one.html", report_html(made_up_run({{.typical_us = 6, .worse_from_ms = 40'000}}, 60, 1000)));
        write(folder / "empty.html", report_html(empty_run()));
        write(folder / "spoilt.html", report_html(spoilt_run()));
        write(folder / "compared.html", report_html(stalled, &comparison, "measurement 12"));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "latency_page_samples: %s\n", e.what());
        return 1;
    }
    return 0;
}
