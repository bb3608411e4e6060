#include "assemble/initramfs.hpp"
#include "state/error.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <functional>

using namespace rtnode;
using namespace rtnode::assemble;
using testing::Contains;
using testing::HasSubstr;
using testing::Key;
using testing::Not;

namespace {

namespace fs = std::filesystem;

const std::string kver = "6.1.0-7-rt";
const std::string amd = "kernel/x86/microcode/AuthenticAMD.bin", intel = "kernel/x86/microcode/GenuineIntel.bin";

void put(const fs::path& file, const std::string& content) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
}

/// Folders from which images are made as dracut makes them: with cpio and a compressor.
class InitramfsTest : public testing::Test {
  protected:
    InitramfsTest() {
        put(early / "early_cpio", "1\n");
        put(main / "init", "#!/bin/sh\n");
        put(main / "usr/lib/ostree/ostree-prepare-root", "x");
        put(main / "usr/lib/modules" / kver / "kernel/x.ko.xz", std::string(100000, 'k'));
    }
    ~InitramfsTest() override { fs::remove_all(folder); }

    fs::path make(const std::string& compressor, bool with_early = true) const {
        const auto cpio = [](const fs::path& from) {
            return "(cd '" + from.string() + "' && find . | sort | cpio --quiet -o -H newc)";
        };
        const auto image = folder / "image";
        const auto command = (with_early ? cpio(early) + " >'" : ": >'") + image.string() + "' && " + cpio(main) +
                             " | " + compressor + " >>'" + image.string() + "'";
        EXPECT_EQ(std::system(command.c_str()), 0) << command;
        return image;
    }

    void tree_file(const std::string& path, const std::string& content) {
        put(tree / "usr/lib/firmware" / path, content);
    }

    /// What the check says of an initramfs with this early microcode; empty when it is content.
    std::string microcode_problem(const std::map<std::string, std::string>& images, bool one_host = false) const {
        Initramfs initramfs;
        initramfs.early = images;
        try {
            check_microcode(initramfs, tree, kver, one_host);
        } catch (const Error& error) {
            EXPECT_EQ(error.reason(), Reason::MicrocodeMissing);
            return error.what();
        }
        return "";
    }

    static fs::path fresh_folder() {
        std::string name = (fs::temp_directory_path() / "initramfs-test-XXXXXX").string();
        if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
        return name;
    }

    fs::path folder = fresh_folder(), early = folder / "early", main = folder / "main", tree = folder / "tree";
};

} // namespace

TEST_F(InitramfsTest, IsReadWhateverItsCompression) {
    put(early / amd, "microcode");
    for (const auto* compressor : {"cat", "gzip", "xz --check=crc32", "zstd -q", "bzip2"}) {
        const auto read = read_initramfs(make(compressor));
        EXPECT_EQ(read.early.at(amd), "microcode") << compressor;
        EXPECT_THAT(read.main, Contains("usr/lib/modules/" + kver + "/kernel/x.ko.xz")) << compressor;
        EXPECT_NO_THROW(check_initramfs(read, kver)) << compressor;
    }
}

TEST_F(InitramfsTest, MayHaveNoEarlyPart) {
    for (const auto* compressor : {"cat", "gzip"}) {
        const auto read = read_initramfs(make(compressor, false));
        EXPECT_TRUE(read.early.empty());
        EXPECT_THAT(read.main, Contains("init")) << compressor;
    }
}

TEST_F(InitramfsTest, GetsTheRandomDevicesAppendedAndStaysReadable) {
    for (const auto* compressor : {"gzip", "xz --check=crc32", "zstd -q"})
        for (int odd = 0; odd < 4; ++odd) {
            put(main / "odd", std::string(static_cast<std::size_t>(odd) * 7, 'x'));
            const auto image = make(compressor);
            const auto before = fs::file_size(image);
            append_random_devices(image);
            EXPECT_GT(fs::file_size(image), before + 4) << "at least 4 zeros between";
            const auto read = read_initramfs(image);
            EXPECT_THAT(read.main, testing::IsSupersetOf({"init", "dev/random", "dev/urandom"})) << compressor;
        }
}

TEST_F(InitramfsTest, IsRefusedWhenDamaged) {
    const auto image = make("gzip");
    const auto whole = fs::file_size(image);
    for (const auto size : {whole - 20, whole / 2, std::uintmax_t{200}, std::uintmax_t{0}}) {
        make("gzip");
        fs::resize_file(image, size);
        EXPECT_THROW(read_initramfs(image), Error) << size;
    }
    put(image, "something else altogether");
    EXPECT_THROW(read_initramfs(image), Error);
}

TEST_F(InitramfsTest, MustFindTheDeploymentsRoot) {
    fs::remove_all(main / "usr/lib/ostree");
    EXPECT_THROW(check_initramfs(read_initramfs(make("gzip")), kver), Error);
}

TEST_F(InitramfsTest, MustBeForTheTreesKernel) {
    EXPECT_THROW(check_initramfs(read_initramfs(make("gzip")), "6.1.0-8"), Error);
    put(main / "usr/lib/modules/6.1.0-8/kernel/y.ko", "y");
    EXPECT_THROW(check_initramfs(read_initramfs(make("gzip")), kver), Error) << "a module of another kernel too";
}

TEST_F(InitramfsTest, MustHoldExactlyTheTreesMicrocode) {
    tree_file("amd-ucode/microcode_amd.bin", "AMD-A");
    tree_file("amd-ucode/microcode_amd_fam17h.bin", "AMD-B");
    tree_file("amd-ucode/microcode_amd.bin.asc", "a signature");
    EXPECT_EQ(microcode_problem({{amd, "AMD-AAMD-B"}}), "");
    EXPECT_EQ(microcode_problem({{amd, "AMD-BAMD-A"}}), "") << "in whatever order";
    EXPECT_THAT(microcode_problem({{amd, "AMD-A"}}), HasSubstr("microcode_amd_fam17h.bin"));
    EXPECT_THAT(microcode_problem({{amd, "AMD-AAMD-BAMD-B"}}), HasSubstr("from byte 10 on"));
    EXPECT_THAT(microcode_problem({{amd, "OLD-AAMD-B"}}), HasSubstr("from byte 0 on"));
    EXPECT_THAT(microcode_problem({}), HasSubstr("lacks the microcode"));
    EXPECT_THAT(microcode_problem({{amd, "AMD-AAMD-B"}, {intel, "Intel"}}), HasSubstr("GenuineIntel.bin"));
}

TEST_F(InitramfsTest, MayHoldMicrocodeOfDracutsOtherPlaces) {
    tree_file("intel-ucode/06-55-04", "INTEL");
    tree_file(kver + "/intel-ucode/06-4f-01", "OVERRIDE");
    put(tree / "usr/share/microcode_ctl/ucode_with_caveats/intel-06-2d-07/intel-ucode/06-2d-07", "CAVEAT");
    EXPECT_EQ(microcode_problem({{intel, "OVERRIDECAVEATINTEL"}}), "");
    EXPECT_EQ(microcode_problem({{intel, "INTEL"}}), "");
    EXPECT_THAT(microcode_problem({{intel, "CAVEAT"}}), HasSubstr("06-55-04"));
}

TEST_F(InitramfsTest, ForOneHostAPartOfTheMicrocodeWillDo) {
    tree_file("amd-ucode/microcode_amd.bin", "AMD");
    tree_file("intel-ucode/06-55-04", "INTEL-A");
    tree_file("intel-ucode/06-55-07", "INTEL-B");
    EXPECT_EQ(microcode_problem({{intel, "INTEL-B"}}, true), "");
    EXPECT_NE(microcode_problem({{intel, "INTEL-C"}}, true), "");
    EXPECT_NE(microcode_problem({}, true), "");
}
