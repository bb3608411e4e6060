#include "fetch/repomd.hpp"

#include "fetch/digest.hpp"
#include "state/error.hpp"

#include <expat.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>
#include <type_traits>

namespace rtnode::fetch {
namespace {

struct FreeParser {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};
using Parser = std::unique_ptr<std::remove_pointer_t<XML_Parser>, FreeParser>;

/// What the elements of repomd.xml leave behind on their way through expat.
struct Reader {
    Repomd result;
    bool is_repomd = false;
    int depth = 0;
    std::string data_type, base, text;
    std::optional<MetadataFile> data;

    static std::string attribute(const XML_Char** attributes, const char* name) {
        for (; *attributes != nullptr; attributes += 2)
            if (std::strcmp(attributes[0], name) == 0) return attributes[1];
        return {};
    }

    static std::uint64_t number(const std::string& text) {
        // Timestamps may have a fraction (older createrepo); its whole seconds are enough.
        std::uint64_t value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value);
        return value;
    }

    static void XMLCALL on_start(void* self, const XML_Char* name, const XML_Char** attributes) {
        auto& reader = *static_cast<Reader*>(self);
        const std::string element = name;
        ++reader.depth;
        reader.text.clear();
        if (reader.depth == 1) reader.is_repomd = element == "repomd";
        if (reader.depth == 2 && element == "data") {
            reader.data.emplace();
            reader.data_type = attribute(attributes, "type");
        }
        if (!reader.data || reader.depth != 3) return;
        if (element == "checksum") reader.data->checksum.type = attribute(attributes, "type");
        if (element == "location") {
            reader.data->location = attribute(attributes, "href");
            if (const auto own = attribute(attributes, "xml:base"); !own.empty())
                reader.data->location = joined(own, reader.data->location);
        }
    }

    static void XMLCALL on_text(void* self, const XML_Char* text, int length) {
        static_cast<Reader*>(self)->text.append(text, static_cast<std::size_t>(length));
    }

    static void XMLCALL on_end(void* self, const XML_Char* name) {
        auto& reader = *static_cast<Reader*>(self);
        const std::string element = name;
        auto trimmed = reader.text;
        trimmed.erase(0, std::min(trimmed.find_first_not_of(" \t\r\n"), trimmed.size()));
        trimmed.erase(trimmed.find_last_not_of(" \t\r\n") + 1);
        if (reader.depth == 2 && element == "revision") reader.result.revision = trimmed;
        if (reader.data && reader.depth == 3) {
            if (element == "checksum") {
                std::transform(trimmed.begin(), trimmed.end(), trimmed.begin(),
                               [](unsigned char c) { return std::tolower(c); });
                reader.data->checksum.hex = trimmed;
            }
            if (element == "size") reader.data->size = number(trimmed);
            if (element == "timestamp") reader.data->timestamp = number(trimmed);
        }
        if (reader.data && reader.depth == 2) {
            reader.result.timestamp = std::max(reader.result.timestamp, reader.data->timestamp);
            if (reader.data_type == "primary") reader.result.primary = reader.data;
            if (reader.data_type == "filelists") reader.result.filelists = reader.data;
            reader.data.reset();
        }
        --reader.depth;
        reader.text.clear();
    }
};

void check(const char* type, const MetadataFile& data) {
    const auto& checksum = data.checksum;
    if (data.location.empty()) throw fail(Reason::RepositoryMetadata, "repomd.xml names no location of {}", type);
    if (!is_strong_checksum(checksum.type))
        throw fail(Reason::RepositoryMetadata,
                   "repomd.xml proves {} by a checksum of type '{}', and only sha224 to "
                   "sha512 count",
                   type, checksum.type);
    // It becomes part of a file name in the cache, too.
    if (checksum.hex.size() != checksum_hex_length(checksum.type) ||
        checksum.hex.find_first_not_of("0123456789abcdef") != std::string::npos)
        throw fail(Reason::RepositoryMetadata, "repomd.xml has a malformed {} checksum of {}", checksum.type, type);
}

} // namespace

Repomd parse_repomd(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(stream), {}};
    Reader reader;
    const Parser parser(XML_ParserCreate(nullptr));
    if (!parser) throw fail(Reason::Internal, "expat has no memory for a parser");
    XML_SetUserData(parser.get(), &reader);
    XML_SetElementHandler(parser.get(), &Reader::on_start, &Reader::on_end);
    XML_SetCharacterDataHandler(parser.get(), &Reader::on_text);
    if (XML_Parse(parser.get(), content.data(), static_cast<int>(content.size()), XML_TRUE) != XML_STATUS_OK)
        throw fail(Reason::RepositoryMetadata, "repomd.xml is no well-formed XML (line {}: {})",
                   XML_GetCurrentLineNumber(parser.get()), XML_ErrorString(XML_GetErrorCode(parser.get())));
    if (!reader.is_repomd) throw fail(Reason::RepositoryMetadata, "repomd.xml has no <repomd>");
    if (!reader.result.primary) throw fail(Reason::RepositoryMetadata, "repomd.xml names no primary metadata");
    check("primary", *reader.result.primary);
    if (reader.result.filelists) check("filelists", *reader.result.filelists);
    return reader.result;
}

std::string sha256_of_file(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    Digest digest("sha256");
    std::array<char, 1 << 16> buffer{};
    while (stream.read(buffer.data(), buffer.size()) || stream.gcount() > 0)
        digest.update({buffer.data(), static_cast<std::size_t>(stream.gcount())});
    return digest.hex();
}

bool has_checksum(const std::filesystem::path& file, const MetadataFile& data) {
    std::error_code missing;
    const auto size = std::filesystem::file_size(file, missing);
    if (missing || (data.size && size != *data.size)) return false;
    std::ifstream stream(file, std::ios::binary);
    Digest digest(data.checksum.type);
    std::array<char, 1 << 16> buffer{};
    while (stream.read(buffer.data(), buffer.size()) || stream.gcount() > 0)
        digest.update({buffer.data(), static_cast<std::size_t>(stream.gcount())});
    return digest.hex() == data.checksum.hex;
}

} // namespace rtnode::fetch
