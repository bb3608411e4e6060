#include "fixture.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace rtnode::test {

namespace fs = std::filesystem;

const RpmFixture& RpmFixture::get() {
    static const RpmFixture fixture;
    return fixture;
}

RpmFixture::RpmFixture() {
    // Short: gpg-agent's socket lies in it.
    std::string name = (fs::temp_directory_path() / "rpm-test-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    folder_ = name;
    const auto command = std::string("'" RTNODE_MAKE_FIXTURE "' '") + name + "'";
    if (std::system(command.c_str()) != 0) {
        fs::remove_all(folder_);
        throw std::runtime_error("make-fixture.sh failed; are rpmbuild, rpmsign and gpg installed?");
    }
}

RpmFixture::~RpmFixture() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

fs::path RpmFixture::flipped(const std::string& name, long at) const {
    const auto copy = folder_ / (name + "-flipped.rpm");
    fs::copy_file(package(name), copy, fs::copy_options::overwrite_existing);
    std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at, at < 0 ? std::ios::end : std::ios::beg);
    const auto place = file.tellg();
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(place);
    file.put(byte);
    return copy;
}

fs::path RpmFixture::cut(const std::string& name, std::uintmax_t size) const {
    const auto copy = folder_ / (name + "-cut.rpm");
    fs::copy_file(package(name), copy, fs::copy_options::overwrite_existing);
    fs::resize_file(copy, size);
    return copy;
}

Reason reason_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.reason();
    }
    return Reason::Internal;
}

} // namespace rtnode::test
