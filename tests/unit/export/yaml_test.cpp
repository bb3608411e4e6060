#include "export/kubelet_file.hpp"
#include "export/yaml.hpp"

#include <gtest/gtest.h>

namespace rtnode::exports {

TEST(DataUrl, LeavesOnlyUnreservedCharactersAsTheyAre) {
    EXPECT_EQ(data_url(""), "data:,");
    EXPECT_EQ(data_url("aZ09-._~"), "data:,aZ09-._~");
    EXPECT_EQ(data_url("a b\n%#,;\"+"), "data:,a%20b%0A%25%23%2C%3B%22%2B");
    EXPECT_EQ(data_url(std::string("\0\xc3\xbc\xff", 4)), "data:,%00%C3%BC%FF");
}

TEST(Comment, StaysACommentForEveryParser) {
    EXPECT_EQ(comment("a: b"), "# a: b\n");
    EXPECT_EQ(comment("a\nkind: Pod"), "# a?kind: Pod\n");
    EXPECT_EQ(comment("a\xe2\x80\xa8kind: Pod"), "# a???kind: Pod\n") << "a line end to YAML 1.1";
    EXPECT_EQ(comment("a\xc2\x85\x7f\xff"), "# a????\n");
}

TEST(Comment, GoesOnBelowWhereItIsTooLong) {
    const std::string word(60, 'a'), longer(200, 'b');
    EXPECT_EQ(comment(word + " " + word.substr(3)), "# " + word + " " + word.substr(3) + "\n") << "120 columns";
    EXPECT_EQ(comment(word + " " + word), "# " + word + "\n#   " + word + "\n");
    EXPECT_EQ(comment("a " + longer + " c"), "# a\n#   " + longer + "\n#   c\n") << "a word is never broken";
    EXPECT_EQ(comment(longer), "# " + longer + "\n");
}

TEST(TopologyManager, IsReadFromKubeletsFileInYamlAndJson) {
    EXPECT_EQ(topology_manager_of("kind: KubeletConfiguration\ntopologyManagerPolicy: restricted\n"), "restricted");
    EXPECT_EQ(topology_manager_of(R"({"topologyManagerPolicy": "single-numa-node"})"), "single-numa-node");
    for (const auto* text : {"", "a: [", "- topologyManagerPolicy", "topologyManagerPolicy: {}",
                             "topologyManagerPolicy: strict", "other: restricted"})
        EXPECT_EQ(topology_manager_of(text), "") << text;
}

} // namespace rtnode::exports
