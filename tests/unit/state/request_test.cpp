#include "state/error.hpp"
#include "state/request.hpp"

#include <gtest/gtest.h>

using namespace rtnode;

TEST(Request, SurvivesTheWayToTheWorkerAndTheJournal) {
    WorkOrder order;
    order.job = 7;
    order.request.kind = JobKind::kernel_arguments;
    order.request.replace = {"https://example.com/a.rpm#sha256=00"};
    order.request.append_kernel_arguments = {"a=1", "a=2"};
    order.request.expected_plan = "abc";
    order.request.kernel_version = "newest";
    order.request.pull = false;
    order.request.source = "/root/dvd.iso";
    order.request.repository = "dvd";
    order.kernel_version = "pinned";
    order.repositories.push_back({.id = "rt", .name = "RT", .base_urls = {"file:///srv/rt"}, .password = "p"});
    order.gpg_keys = {"/etc/pki/key"};
    order.kernel_checks = {.secure_boot = Strictness::warn, .out_of_tree_modules = Strictness::ignore};

    const auto back = nlohmann::json::parse(nlohmann::json(order).dump()).get<WorkOrder>();

    EXPECT_EQ(back.request, order.request);
    EXPECT_EQ(back.job, 7u);
    EXPECT_EQ(back.kernel_version, "pinned");
    EXPECT_EQ(back.repositories, order.repositories);
    EXPECT_TRUE(back.repositories[0].gpgcheck) << "absent gpgcheck means 1";
    EXPECT_EQ(back.gpg_keys, order.gpg_keys);
    EXPECT_EQ(back.kernel_checks, order.kernel_checks);
}

TEST(Request, AnImportedRepositoryHasAPlainName) {
    for (const auto* name : {"dvd", "rhel-9.4_x86", "A"})
        EXPECT_TRUE(is_repository_name(name)) << name;
    for (const auto* name : {"", ".", "..", ".hidden", "-x", "a/b", "a b", "scripts", "ä"})
        EXPECT_FALSE(is_repository_name(name)) << name;
    EXPECT_FALSE(is_repository_name(std::string(65, 'a')));
}

TEST(Request, RefusesAnUnknownKind) {
    nlohmann::json json = Request{};
    json["kind"] = "format-disk";
    EXPECT_THROW(json.get<Request>(), Error);
}
