#include "assemble/kernel.hpp"
#include "state/error.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

using namespace rtnode;
using namespace rtnode::assemble;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

namespace fs = std::filesystem;

class KernelTest : public testing::Test {
  protected:
    KernelTest() {
        std::string name = (fs::temp_directory_path() / "kernel-test-XXXXXX").string();
        if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
        root = name;
    }
    ~KernelTest() override { fs::remove_all(root); }

    void put(const std::string& kver, const std::string& file, const std::string& content = "x") const {
        fs::create_directories(root / "usr/lib/modules" / kver);
        std::ofstream(root / "usr/lib/modules" / kver / file) << content;
    }

    Reason refusal() const {
        try {
            only_kernel(root);
        } catch (const Error& error) {
            return error.reason();
        }
        return Reason::Internal;
    }

    fs::path root;
};

} // namespace

TEST_F(KernelTest, IsTheOneFolderWithAnImage) {
    put("1", "vmlinuz");
    put("2", "modules.dep");
    EXPECT_THAT(kernels_in(root), ElementsAre("1"));
    EXPECT_EQ(only_kernel(root), "1") << "folders without an image are legal";
}

TEST_F(KernelTest, IsSignedWhenItsCertificateTableHasAnEntry) {
    // A PE32+ file of nothing but the fields that count, and a certificate of 16 bytes at its end.
    std::string program(512, '\0');
    const auto put_number = [&](std::size_t at, std::uint32_t number) {
        for (unsigned i = 0; i < 4; ++i)
            program[at + i] = static_cast<char>(number >> 8 * i);
    };
    program.replace(0, 2, "MZ");
    put_number(0x3c, 64);
    program.replace(64, 2, "PE");
    put_number(88, 0x20b);
    put_number(88 + 108, 6);
    const auto is_signed = [&] {
        put("1", "vmlinuz", program);
        return has_signature(root / "usr/lib/modules/1/vmlinuz");
    };
    EXPECT_FALSE(is_signed());
    put_number(88 + 112 + 32, 496);
    put_number(88 + 112 + 36, 16);
    EXPECT_TRUE(is_signed());
    program.resize(500);
    EXPECT_FALSE(is_signed()) << "cut off";
    program = "MZ";
    EXPECT_FALSE(is_signed());
    EXPECT_FALSE(has_signature(root / "nothing"));
}

TEST_F(KernelTest, KnowsItsModulesByTheNamesThatAreLoaded) {
    put("1", "modules.builtin", "kernel/fs/ext4.ko\nkernel/lib/crc-t10dif.ko\n");
    put("1/kernel/net", "nf-nat.ko.xz");
    put("1/extra", "nvidia.ko");
    put("1", "modules.dep", "kernel/net/other.ko:\n");
    put("1/extra", "notes.kot");
    EXPECT_THAT(modules_in(root, "1"), ElementsAre("crc_t10dif", "ext4", "nf_nat", "nvidia"));
    EXPECT_THAT(modules_in(root, "2"), ElementsAre());
}

TEST_F(KernelTest, MustBeThereAndAlone) {
    EXPECT_EQ(refusal(), Reason::NoKernel);
    put("1", "vmlinuz");
    put("2", "vmlinuz");
    EXPECT_EQ(refusal(), Reason::SeveralKernels);
}

TEST_F(KernelTest, TakesItsWholeFolderAlongWhenItGoes) {
    put("1", "vmlinuz");
    put("2", "vmlinuz");
    put("3", "modules.dep");
    const auto before = kernels_in(root);
    fs::remove(root / "usr/lib/modules/1/vmlinuz");
    put("1", "modules.dep"); // depmod in a %postun

    remove_stale_modules(root, before);

    EXPECT_FALSE(fs::exists(root / "usr/lib/modules/1"));
    EXPECT_TRUE(fs::exists(root / "usr/lib/modules/2/vmlinuz"));
    EXPECT_TRUE(fs::exists(root / "usr/lib/modules/3/modules.dep")) << "never had a kernel: not ours to delete";
}

TEST_F(KernelTest, HasADigestThatNamesItsFileOnly) {
    put("1", ".vmlinuz.hmac", "abcd  /boot/vmlinuz-1\n");
    mend_kernel_digest(root, "1");
    std::ifstream file(root / "usr/lib/modules/1/.vmlinuz.hmac");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "abcd  vmlinuz-1\n");
    EXPECT_NO_THROW(mend_kernel_digest(root, "2")) << "most kernels have none";
}
