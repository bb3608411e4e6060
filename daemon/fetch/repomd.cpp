#include "fetch/repomd.hpp"

#include "fetch/xml.hpp"
#include "state/digest.hpp"
#include "state/error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>

namespace rtnode::fetch {
namespace {

std::uint64_t number(const std::string& text) {
    // Timestamps may have a fraction (older createrepo); its whole seconds are enough.
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

std::string attribute(const XmlElement& element, const char* name) {
    const auto found = element.attributes.find(name);
    return found == element.attributes.end() ? "" : found->second;
}

/// What the elements of repomd.xml leave behind.
struct Reader {
    Repomd result;
    MetadataFile data; ///< of the <data> that is being read

    void take(const std::vector<XmlElement>& path) {
        const auto& element = path.back();
        if (path.size() == 2 && element.name == "revision") result.revision = element.text;
        if (path.size() == 3 && path[1].name == "data") take_part(element);
        if (path.size() != 2 || element.name != "data") return;
        result.timestamp = std::max(result.timestamp, data.timestamp);
        // Others are for others: primary_db (SQLite), primary_zck (zchunk), modules, groups.
        const auto type = attribute(element, "type");
        if (type == "primary") result.primary = data;
        if (type == "filelists") result.filelists = data;
        data = {};
    }
    void take_part(const XmlElement& element) {
        if (element.name == "checksum") data.checksum = {attribute(element, "type"), lower(element.text)};
        if (element.name == "size") data.size = number(element.text);
        if (element.name == "timestamp") data.timestamp = number(element.text);
        if (element.name != "location") return;
        data.location = attribute(element, "href");
        if (const auto own = attribute(element, "xml:base"); !own.empty()) data.location = joined(own, data.location);
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
    bool is_repomd = false;
    parse_xml(content, "repomd.xml", [&](const std::vector<XmlElement>& path) {
        reader.take(path);
        is_repomd = path.front().name == "repomd";
    });
    if (!is_repomd) throw fail(Reason::RepositoryMetadata, "repomd.xml has no <repomd>");
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
