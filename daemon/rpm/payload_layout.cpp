#include "rpm/payload_layout.hpp"

#include "rpm/header.hpp"
#include "rpm/raw_package.hpp"
#include "state/error.hpp"

namespace rtnode::rpm {

PayloadLayout payload_layout(const std::filesystem::path& path) {
    const RawPackage package(path, path.string());
    const auto header = package.main_header();
    const auto first = [&](rpmTagVal tag, const char* absent) {
        const auto values = strings_of(header, tag);
        return values.empty() ? std::string(absent) : values.front();
    };
    if (const auto format = first(RPMTAG_PAYLOADFORMAT, "cpio");
        format != "cpio" || headerIsEntry(header, RPMTAG_LONGFILESIZES) != 0)
        throw fail(Reason::DamagedPackage, "the payload of '{}' is {}; only a plain cpio archive can be made anew",
                   path.string(), format == "cpio" ? "a cpio archive with files of 4 GiB or more" : format);
    PayloadLayout layout;
    layout.compressor = first(RPMTAG_PAYLOADCOMPRESSOR, "gzip");
    const FilesHandle files{rpmfilesNew(nullptr, header, 0, RPMFI_KEEPHEADER)};
    for (int i = 0; i < static_cast<int>(rpmfilesFC(files.get())); ++i) {
        const int* linked = nullptr;
        // The names of a hard link share the first one's index.
        const auto count = rpmfilesFLinks(files.get(), i, &linked);
        layout.inodes.push_back(static_cast<std::uint64_t>(count > 1 ? linked[0] : i) + 1);
    }
    return layout;
}

} // namespace rtnode::rpm
