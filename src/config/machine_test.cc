#include "config/machine.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace capture::config {
namespace {

/// A file system root that exists for one test.
struct MachineTest : testing::Test {
    MachineTest() {
        std::string name = std::filesystem::temp_directory_path() / "machine_test.XXXXXX";
        root = mkdtemp(name.data());
    }
    ~MachineTest() override { std::filesystem::remove_all(root); }
    void file(const std::string& path, const std::string& text) const {
        auto const full = std::filesystem::path(root + path);
        std::filesystem::create_directories(full.parent_path());
        std::ofstream(full) << text;
    }
    std::string root;
    Machine const host{.cores = 16, .memory_mib = 65536};
};

TEST_F(MachineTest, WithoutCgroupsTheHostCounts) {
    auto const m = within_limits(root, host);
    EXPECT_EQ(m.cores, 16u);
    EXPECT_EQ(m.memory_mib, 65536u);
}

TEST_F(MachineTest, LowestLimitOfTheGroupAndItsParentsCounts) {
    file("/proc/self/cgroup", "0::/pods/one\n");
    file("/sys/fs/cgroup/pods/one/memory.max", "max\n");
    file("/sys/fs/cgroup/pods/one/cpu.max", "150000 100000\n");
    file("/sys/fs/cgroup/pods/memory.max", "536870912\n");
    file("/sys/fs/cgroup/cpu.max", "max 100000\n");
    auto const m = within_limits(root, host);
    EXPECT_EQ(m.cores, 2u);
    EXPECT_EQ(m.memory_mib, 512u);
}

TEST_F(MachineTest, InsideAContainerTheRootIsItsGroup) {
    file("/proc/self/cgroup", "0::/\n");
    file("/sys/fs/cgroup/memory.max", "1073741824\n");
    EXPECT_EQ(within_limits(root, host).memory_mib, 1024u);
}

TEST_F(MachineTest, OldCgroupsCountToo) {
    file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n");
    file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
    file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    auto const m = within_limits(root, host);
    EXPECT_EQ(m.cores, 1u);
    EXPECT_EQ(m.memory_mib, 256u);
}

TEST_F(MachineTest, OldCgroupsWithoutLimitChangeNothing) {
    file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    auto const m = within_limits(root, host);
    EXPECT_EQ(m.cores, 16u);
    EXPECT_EQ(m.memory_mib, 65536u);
}

TEST(Machine, BudgetIsHalfButNeverTiny) {
    EXPECT_EQ((Machine{.cores = 1, .memory_mib = 4096}.default_budget_mib()), 2048u);
    EXPECT_EQ((Machine{.cores = 1, .memory_mib = 32}.default_budget_mib()), 64u);
    EXPECT_GE(this_machine().cores, 1u);
}

}  // namespace
}  // namespace capture::config
