#include "ostree/origin.hpp"

#include "state/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rtnode::ostree {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string sha_a(64, 'a'), sha_b(64, 'b');

const std::string machine_config_origin = "[origin]\n"
                                          "refspec=fixture:os/x86_64/host\n"
                                          "custom-url=pivot://quay.io/x@sha256:0123\n"
                                          "custom-description=Managed by machine-config-operator\n";

LayeringLists kernel_swap() {
    LayeringLists lists;
    lists.overrides_remove = {"kernel-core", "kernel"};
    lists.overrides_replace_local = {sha_a + ":microcode_ctl-4:20190918-3.rhcos.1.el8.x86_64"};
    lists.requested_local = {sha_b + ":kernel-rt-core-4.18.0-147.rt24.93.el8.x86_64"};
    return lists;
}

TEST(OriginText, IsReadWhole) {
    const auto origin =
        parse_origin("[origin]\nbaserefspec=r:b\ncustom-url=pivot://u\ncustom-description=d\n"
                     "[packages]\nrequested=htop;vim;\nrequested-local=" +
                     sha_a + ":a-1-1.x86_64;\nrequested-local-fileoverride=" + sha_b +
                     ":b-1-1.noarch;\n[overrides]\nremove=kernel;kernel-core;\nreplace-local=" + sha_b +
                     ":c-2:1-1.x86_64;\nreplace=repo=x,y;\n"
                     "[rpmostree]\nregenerate-initramfs=true\ninitramfs-etc=/etc/x;\ninitramfs-args=-v;\n");
    EXPECT_EQ(origin.refspec, "r:b");
    EXPECT_FALSE(origin.is_container);
    EXPECT_EQ(origin.custom_url, "pivot://u");
    EXPECT_EQ(origin.custom_description, "d");
    EXPECT_THAT(origin.requested, ElementsAre("htop", "vim"));
    EXPECT_THAT(origin.requested_local, ElementsAre(sha_a + ":a-1-1.x86_64"));
    EXPECT_THAT(origin.requested_fileoverride, ElementsAre(sha_b + ":b-1-1.noarch"));
    EXPECT_THAT(origin.overrides_remove, ElementsAre("kernel", "kernel-core"));
    EXPECT_THAT(origin.overrides_replace_local, ElementsAre(sha_b + ":c-2:1-1.x86_64"));
    EXPECT_THAT(origin.overrides_replace, ElementsAre("repo=x,y"));
    EXPECT_TRUE(origin.regenerate_initramfs);
    EXPECT_THAT(origin.initramfs_etc, ElementsAre("/etc/x"));
    EXPECT_THAT(origin.initramfs_args, ElementsAre("-v"));
    EXPECT_TRUE(origin.layered());
}

TEST(OriginText, OfAContainerNode) {
    const auto origin =
        parse_origin("[origin]\ncontainer-image-reference=ostree-unverified-registry:quay.io/x@sha256:1\n");
    EXPECT_TRUE(origin.is_container);
    EXPECT_EQ(origin.refspec, "ostree-unverified-registry:quay.io/x@sha256:1");
}

TEST(OriginText, WithRefspecAndContainerIsRefused) {
    EXPECT_THROW(parse_origin("[origin]\nrefspec=a:b\ncontainer-image-reference=c\n"), Error);
}

TEST(OriginText, ThatIsNoKeyFileIsRefused) {
    try {
        parse_origin("not an origin");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::UnusableOrigin);
    }
}

TEST(ChangedOrigin, WritesSortedSemicolonListsAndBaserefspec) {
    const auto text = changed_origin(machine_config_origin, kernel_swap());
    EXPECT_THAT(text, HasSubstr("baserefspec=fixture:os/x86_64/host\n"));
    EXPECT_THAT(text, Not(HasSubstr("\nrefspec=")));
    EXPECT_THAT(text, HasSubstr("remove=kernel;kernel-core;\n"));
    EXPECT_THAT(text, HasSubstr("replace-local=" + sha_a + ":microcode_ctl-4:20190918-3.rhcos.1.el8.x86_64;\n"));
    EXPECT_THAT(text, HasSubstr("requested-local=" + sha_b + ":kernel-rt-core-4.18.0-147.rt24.93.el8.x86_64;\n"));
}

TEST(ChangedOrigin, SortsLocalPackagesByTheirName) {
    LayeringLists lists;
    lists.requested_local = {sha_a + ":b-1-1.noarch", sha_b + ":a-1-1.noarch"};
    EXPECT_THAT(changed_origin(machine_config_origin, lists),
                HasSubstr("requested-local=" + sha_b + ":a-1-1.noarch;" + sha_a + ":b-1-1.noarch;\n"));
}

TEST(ChangedOrigin, KeepsCustomKeysByteForByte) {
    const auto text = changed_origin(machine_config_origin, kernel_swap());
    EXPECT_THAT(text, HasSubstr("custom-url=pivot://quay.io/x@sha256:0123\n"));
    EXPECT_THAT(text, HasSubstr("custom-description=Managed by machine-config-operator\n"));
}

TEST(ChangedOrigin, KeepsWhatItDoesNotKnow) {
    const auto text = changed_origin(machine_config_origin + "[x-vendor]\n# why\nkey=a\\sb;c\n", kernel_swap());
    EXPECT_THAT(text, HasSubstr("[x-vendor]\n# why\nkey=a\\sb;c\n"));
}

TEST(ChangedOrigin, WithEmptyListsIsTheOriginalAgain) {
    const auto layered = changed_origin(machine_config_origin, kernel_swap());
    const auto back = parse_origin(changed_origin(layered, {}));
    EXPECT_FALSE(back.layered());
    EXPECT_THAT(back.raw, HasSubstr("refspec=fixture:os/x86_64/host\n"));
    EXPECT_THAT(back.raw, Not(HasSubstr("baserefspec")));
    EXPECT_THAT(back.raw, Not(HasSubstr("[packages]")));
    EXPECT_THAT(back.raw, Not(HasSubstr("[overrides]")));
}

TEST(ChangedOrigin, StaysBaserefspecWhileForeignLayeringRemains) {
    const auto text = changed_origin("[origin]\nbaserefspec=a:b\n[rpmostree]\nregenerate-initramfs=true\n", {});
    EXPECT_THAT(text, HasSubstr("baserefspec=a:b"));
    EXPECT_THAT(text, HasSubstr("regenerate-initramfs=true"));
}

TEST(ChangedOrigin, LeavesAContainerReferenceItsKey) {
    const auto text =
        changed_origin("[origin]\ncontainer-image-reference=ostree-unverified-registry:q/x\n", kernel_swap());
    EXPECT_THAT(text, HasSubstr("container-image-reference=ostree-unverified-registry:q/x\n"));
    EXPECT_THAT(text, Not(HasSubstr("refspec=")));
}

TEST(ChangedOrigin, DropsTransientState) {
    const auto text = changed_origin("[origin]\nrefspec=a:b\nunlocked=development\noverride-commit=" + sha_a +
                                         "\n[libostree-transient]\npinned=true\n",
                                     {});
    EXPECT_THAT(text, Not(HasSubstr("pinned")));
    EXPECT_THAT(text, Not(HasSubstr("unlocked")));
    EXPECT_THAT(text, Not(HasSubstr("override-commit")));
}

TEST(ChangedOrigin, NeedsARefspec) {
    EXPECT_THROW(changed_origin("[origin]\ncustom-url=x\n", {}), Error);
}

TEST(LocalEntry, SplitsAtTheFirstColonSoThatEpochsStay) {
    const auto [sha, nevra] = split_local_entry(sha_a + ":microcode_ctl-4:20190918-3.x86_64");
    EXPECT_EQ(sha, sha_a);
    EXPECT_EQ(nevra, "microcode_ctl-4:20190918-3.x86_64");
    for (const auto& wrong : {std::string("kernel"), sha_a, sha_a + ":", "x" + sha_a.substr(1) + ":a-1-1.noarch"})
        EXPECT_THROW(split_local_entry(wrong), Error) << wrong;
}

} // namespace
} // namespace rtnode::ostree
