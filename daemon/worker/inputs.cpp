#include "worker/inputs.hpp"

#include "fetch/local.hpp"
#include "fetch/url.hpp"
#include "rpm/package_file.hpp"
#include "state/worker_message.hpp"

namespace rtnode::worker {
namespace {

fetch::CachedFile bring(const fetch::PackageInput& input, fetch::Downloader& downloader, Reporter& reporter) {
    using Kind = fetch::PackageInput::Kind;
    switch (input.kind) {
    case Kind::path:
        return fetch::import_file(input.value, input.sha256, downloader.cache_dir(), canceled);
    case Kind::descriptor:
        return fetch::import_descriptor(first_passed_fd + static_cast<int>(input.descriptor), input.display(),
                                        input.sha256, downloader.cache_dir(), canceled);
    case Kind::url:
    case Kind::name:
        break;
    }
    fetch::Download download;
    download.what = fmt::format("package '{}'", input.display());
    download.urls = {input.value};
    if (!input.sha256.empty()) download.checksum = fetch::Checksum{"sha256", input.sha256};
    reporter.step(fmt::format("Downloading '{}'", input.display()));
    auto file = downloader.packages({download}).front();
    reporter.end_step();
    return file;
}

} // namespace

std::vector<plan::Wish> read_inputs(const std::vector<std::string>& texts, const Request& request,
                                    fetch::Downloader& downloader, const rpm::Keyring& keyring, Reporter& reporter) {
    std::vector<plan::Wish> wishes;
    for (const auto& text : texts) {
        throw_if_canceled();
        const auto input = fetch::parse_package_input(text);
        plan::Wish wish;
        wish.source = input.display();
        if (input.kind == fetch::PackageInput::Kind::name) {
            wish.text = input.value;
        } else {
            const auto file = bring(input, downloader, reporter);
            wish.file =
                rpm::read_package(file.path, input.display(), keyring,
                                  {.digest_proven = !input.sha256.empty(), .allow_unsigned = request.allow_unsigned});
            if (wish.file->trust == Trust::none)
                reporter.warn(fmt::format("{} from '{}' is not signed by a trusted key; taken as 'allow-unsigned' asks",
                                          wish.file->nevra.str(), wish.source));
        }
        wishes.push_back(std::move(wish));
    }
    return wishes;
}

std::vector<plan::Wish> carried(const std::map<std::string, PinnedPackage>& pins, Payloads& payloads) {
    std::vector<plan::Wish> wishes;
    for (const auto& [name, pin] : pins) {
        throw_if_canceled();
        plan::Wish wish;
        wish.file = payloads.find(pin);
        wish.source = payloads.rebuilt(*wish.file) ? "package cache" : "package store";
        wishes.push_back(std::move(wish));
    }
    return wishes;
}

} // namespace rtnode::worker
