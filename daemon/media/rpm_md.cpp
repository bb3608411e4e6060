#include "media/rpm_md.hpp"

#include "media/archive.hpp"
#include "state/digest.hpp"
#include "state/error.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <expat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <functional>
#include <memory>
#include <string_view>

namespace rtnode::media {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t most_bytes = 1 << 30; ///< of unpacked metadata; those of a whole distribution have 200 MB

struct FreeParser {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

/// The <data> elements of repomd.xml and the <package> elements of primary.xml look alike as far as they matter here.
struct Reader {
    const char* element; ///< "data" or "package"
    std::function<void(const std::string& type, ProvenFile file)> take;

    std::string root, type, text;
    std::optional<ProvenFile> file;
    int depth = 0;
    bool remote = false; ///< with xml:base: not on this medium

    static const char* attribute(const XML_Char** attributes, const char* name) {
        for (; *attributes != nullptr; attributes += 2)
            if (std::strcmp(attributes[0], name) == 0) return attributes[1];
        return "";
    }

    static void XMLCALL on_start(void* self, const XML_Char* name, const XML_Char** attributes) {
        auto& reader = *static_cast<Reader*>(self);
        reader.text.clear();
        if (++reader.depth == 1) reader.root = name;
        if (reader.depth == 2 && std::strcmp(name, reader.element) == 0) {
            reader.file.emplace();
            reader.remote = false;
            reader.type = attribute(attributes, "type");
        }
        if (!reader.file || reader.depth != 3) return;
        if (std::strcmp(name, "checksum") == 0) reader.file->checksum_type = attribute(attributes, "type");
        if (std::strcmp(name, "location") == 0) {
            reader.file->path = attribute(attributes, "href");
            reader.remote = *attribute(attributes, "xml:base") != '\0';
        }
        // primary: <size package="BYTES">; repomd: <size>BYTES</size>
        if (std::strcmp(name, "size") == 0) reader.file->size = number(attribute(attributes, "package"));
    }

    static void XMLCALL on_text(void* self, const XML_Char* text, int length) {
        auto& reader = *static_cast<Reader*>(self);
        if (reader.file && reader.depth == 3) reader.text.append(text, static_cast<std::size_t>(length));
    }

    static void XMLCALL on_end(void* self, const XML_Char* name) {
        auto& reader = *static_cast<Reader*>(self);
        if (reader.file && reader.depth == 3) {
            if (std::strcmp(name, "checksum") == 0) reader.file->checksum = lower(trimmed(reader.text));
            if (std::strcmp(name, "size") == 0 && !reader.file->size) reader.file->size = number(trimmed(reader.text));
        }
        if (reader.file && reader.depth == 2) {
            if (!reader.remote) reader.take(reader.type, std::move(*reader.file));
            reader.file.reset();
        }
        --reader.depth;
    }

    static std::optional<std::uint64_t> number(const std::string& text) {
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{}) return std::nullopt;
        return value;
    }
    static std::string trimmed(std::string text) {
        text.erase(0, std::min(text.find_first_not_of(" \t\r\n"), text.size()));
        text.erase(text.find_last_not_of(" \t\r\n") + 1);
        return text;
    }
    static std::string lower(std::string text) {
        std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
        return text;
    }
};

Error malformed(const fs::path& file, const std::string& what) {
    return fail(Reason::RepositoryMetadata, "'{}' {}; run createrepo_c on the repository, or get a whole copy of it",
                file.string(), what);
}

/// Streams the file, unpacked, through expat.
void parse(const fs::path& file, Reader& reader, const char* root) {
    const ArchivePtr source(archive_read_new());
    // Not all filters: some are other programs.
    archive_read_support_filter_gzip(source.get());
    archive_read_support_filter_bzip2(source.get());
    archive_read_support_filter_xz(source.get());
    archive_read_support_filter_zstd(source.get());
    archive_read_support_format_raw(source.get());
    archive_entry* entry = nullptr;
    const auto unreadable = [&] {
        const char* why = archive_error_string(source.get());
        return malformed(file, fmt::format("can't be read: {}", why == nullptr ? "unknown error" : why));
    };
    if (archive_read_open_filename(source.get(), file.c_str(), 1 << 16) != ARCHIVE_OK ||
        archive_read_next_header(source.get(), &entry) != ARCHIVE_OK)
        throw unreadable();
    const std::unique_ptr<std::remove_pointer_t<XML_Parser>, FreeParser> parser(XML_ParserCreate(nullptr));
    if (!parser) throw fail(Reason::Internal, "expat has no memory for a parser");
    XML_SetUserData(parser.get(), &reader);
    XML_SetElementHandler(parser.get(), &Reader::on_start, &Reader::on_end);
    XML_SetCharacterDataHandler(parser.get(), &Reader::on_text);
    std::array<char, 1 << 16> buffer{};
    for (std::uint64_t unpacked = 0;;) {
        const auto got = archive_read_data(source.get(), buffer.data(), buffer.size());
        if (got < 0) throw unreadable();
        unpacked += static_cast<std::uint64_t>(got);
        if (unpacked > most_bytes) throw malformed(file, fmt::format("unpacks to more than {} bytes", most_bytes));
        if (XML_Parse(parser.get(), buffer.data(), static_cast<int>(got), got == 0) != XML_STATUS_OK)
            throw malformed(file,
                            fmt::format("is no well-formed XML (line {}: {})", XML_GetCurrentLineNumber(parser.get()),
                                        XML_ErrorString(XML_GetErrorCode(parser.get()))));
        if (got == 0) break;
    }
    if (reader.root != root) throw malformed(file, fmt::format("is no {}", root));
}

/// @throws Error{RepositoryMetadata}
void check(const fs::path& file, const ProvenFile& proven) {
    const fs::path path(proven.path);
    if (proven.path.empty() || path.is_absolute() || proven.path != path.lexically_normal().string() ||
        *path.begin() == ".." || proven.path.find_first_of("\n\r") != std::string::npos)
        throw malformed(file, fmt::format("names the file '{}', which is not one below the repository", proven.path));
    if (!is_strong_checksum(proven.checksum_type))
        throw malformed(file, fmt::format("has a checksum of type '{}' for '{}', and only sha224 to sha512 count",
                                          proven.checksum_type, proven.path));
    if (proven.checksum.size() != checksum_hex_length(proven.checksum_type) ||
        proven.checksum.find_first_not_of("0123456789abcdef") != std::string::npos)
        throw malformed(file, fmt::format("has a malformed checksum for '{}'", proven.path));
}

} // namespace

RepositoryIndex read_repomd(const fs::path& file) {
    RepositoryIndex index;
    Reader reader{.element = "data", .take = [&](const std::string& type, ProvenFile proven) {
                      // zchunk's, which nobody needs, are no more than copies of the others.
                      if (type.ends_with("_zck")) return;
                      check(file, proven);
                      if (type == "primary") index.primary = proven;
                      index.files.push_back(std::move(proven));
                  }};
    parse(file, reader, "repomd");
    if (index.primary.path.empty()) throw malformed(file, "names no primary metadata");
    return index;
}

std::vector<ProvenFile> read_primary(const fs::path& file) {
    std::vector<ProvenFile> packages;
    Reader reader{.element = "package", .take = [&](const std::string&, ProvenFile proven) {
                      check(file, proven);
                      packages.push_back(std::move(proven));
                  }};
    parse(file, reader, "metadata");
    return packages;
}

} // namespace rtnode::media
