#include "rpm/raw_package.hpp"

#include "state/error.hpp"

#include <rpm/rpmtd.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace rtnode::rpm {
namespace {

constexpr std::size_t lead_size = 96;
constexpr std::size_t introduction_size = 16;  // magic, reserved, number of entries, size of the data
constexpr std::uint32_t most_entries = 0xffff; // librpm's own limits (lib/header.c)
constexpr std::uint32_t most_data = 256 * 1024 * 1024;

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return number_; }

  private:
    int number_;
};

std::uint32_t big_endian(Bytes bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value = value << 8 | std::to_integer<std::uint32_t>(bytes[i]);
    return value;
}

template <std::size_t Size>
bool starts_with(Bytes bytes, const std::array<unsigned char, Size>& magic) {
    return bytes.size() >= Size && std::memcmp(bytes.data(), magic.data(), Size) == 0;
}

Bytes map(const std::filesystem::path& path, const std::string& shown_as) {
    // O_NONBLOCK: a FIFO must be refused, not waited for.
    const Descriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    struct stat about {};
    if (file.get() < 0 || fstat(file.get(), &about) != 0)
        throw fail(Reason::UnsafePath, "the package '{}' can't be opened: {}", shown_as,
                   errno == ELOOP ? "it is a symbolic link" : std::strerror(errno));
    if (!S_ISREG(about.st_mode))
        throw fail(Reason::UnsafePath, "the package '{}' is not a regular file; pass the path of an RPM file",
                   shown_as);
    if (about.st_size == 0)
        throw fail(Reason::NotAPackage, "'{}' is not an RPM package: it is empty; check what was downloaded", shown_as);
    const auto size = static_cast<std::size_t>(about.st_size);
    void* address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (address == MAP_FAILED)
        throw fail(Reason::Internal, "the package '{}' can't be mapped into memory: {}", shown_as,
                   std::strerror(errno));
    madvise(address, size, MADV_SEQUENTIAL);
    return {static_cast<const std::byte*>(address), size};
}

} // namespace

RawPackage::RawPackage(const std::filesystem::path& path, const std::string& shown_as)
    : shown_as_(shown_as), whole_(map(path, shown_as)) {
    constexpr std::array<unsigned char, 4> magic{0xed, 0xab, 0xee, 0xdb};
    try {
        if (!starts_with(whole_, magic))
            throw fail(Reason::NotAPackage,
                       "'{}' is not an RPM package: it does not begin as one; check what was downloaded", shown_as);
        if (whole_.size() < lead_size)
            throw fail(Reason::DamagedPackage,
                       "the package '{}' is truncated within its first {} bytes; fetch it again", shown_as, lead_size);
        const auto signature_size = header_size(lead_size, "signature header");
        const auto main_offset = lead_size + (signature_size + 7) / 8 * 8; // padded to 8 bytes
        const auto main_size = header_size(main_offset, "header");
        signature_header_ = import(lead_size, signature_size, "signature header");
        main_header_ = import(main_offset, main_size, "header");
        main_ = whole_.subspan(main_offset, main_size);
        payload_offset_ = main_offset + main_size;
    } catch (const Error&) {
        munmap(const_cast<std::byte*>(whole_.data()), whole_.size());
        throw;
    }
}

RawPackage::~RawPackage() {
    munmap(const_cast<std::byte*>(whole_.data()), whole_.size());
}

std::size_t RawPackage::header_size(std::size_t offset, const char* which) const {
    constexpr std::array<unsigned char, 4> magic{0x8e, 0xad, 0xe8, 0x01};
    if (offset + introduction_size > whole_.size())
        throw fail(Reason::DamagedPackage, "the package '{}' is truncated before its {}; fetch it again", shown_as_,
                   which);
    const auto here = whole_.subspan(offset);
    if (!starts_with(here, magic))
        throw fail(Reason::DamagedPackage, "the package '{}' is damaged: no {} where it should begin; fetch it again",
                   shown_as_, which);
    const auto entries = big_endian(here.subspan(8)), data = big_endian(here.subspan(12));
    const auto size = introduction_size + std::size_t{16} * entries + data;
    if (entries > most_entries || data > most_data)
        throw fail(Reason::DamagedPackage,
                   "the package '{}' is damaged: its {} claims {} entries and {} bytes; fetch "
                   "it again",
                   shown_as_, which, entries, data);
    if (size > here.size())
        throw fail(Reason::DamagedPackage,
                   "the package '{}' is truncated within its {} ({} of {} bytes); fetch it again", shown_as_, which,
                   here.size(), size);
    return size;
}

HeaderHandle RawPackage::import(std::size_t offset, std::size_t size, const char* which) const {
    // librpm wants the header without its magic, and copies it.
    const auto blob = whole_.subspan(offset + 8, size - 8);
    HeaderHandle header{
        headerImport(const_cast<std::byte*>(blob.data()), static_cast<unsigned>(blob.size()), HEADERIMPORT_COPY)};
    if (!header)
        throw fail(Reason::DamagedPackage,
                   "the package '{}' is damaged: its {} makes no sense to librpm; fetch it again", shown_as_, which);
    return header;
}

std::string binary_of(Header header, rpmTagVal tag) {
    rpmtd_s data{};
    if (!headerGet(header, tag, &data, HEADERGET_MINMEM)) return {};
    std::string bytes;
    if (rpmtdType(&data) == RPM_BIN_TYPE) bytes.assign(static_cast<const char*>(data.data), data.count);
    rpmtdFreeData(&data);
    return bytes;
}

} // namespace rtnode::rpm
