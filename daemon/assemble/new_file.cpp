#include "assemble/new_file.hpp"

#include "state/error.hpp"

#include <fstream>

namespace rtnode::assemble {

void write_new_file(const std::filesystem::path& file, const std::string& text) {
    std::filesystem::remove(file);
    std::ofstream out(file, std::ios::binary);
    out << text;
    out.close();
    if (!out) throw fail(Reason::NoSpace, "'{}' could not be written; free space below /sysroot", file.string());
}

} // namespace rtnode::assemble
