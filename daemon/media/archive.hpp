#pragma once
// libarchive's reader as a handle. Private to daemon/media.

#include <archive.h>

#include <memory>

namespace rtnode::media {

struct FreeArchive {
    void operator()(archive* reader) const { archive_read_free(reader); }
};
using ArchivePtr = std::unique_ptr<archive, FreeArchive>;

} // namespace rtnode::media
