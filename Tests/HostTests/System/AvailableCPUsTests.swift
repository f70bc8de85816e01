import Glibc
import Testing

@testable import Host

@Suite("CPUs of the control group")
struct AvailableCPUsTests {
    @Test(
        "A quota is rounded up to whole CPUs; max means none",
        arguments: [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("max 100000", nil), ("x", nil)])
    func unified(text: String, cpus: Int?) throws {
        let root = try TemporaryDirectory()
        try root.write(text, to: "cpu.max")
        #expect(AvailableCPUs.quota(membership: "0::/", root: root.path) == cpus)
    }

    @Test("The tightest group between ours and the root counts")
    func ancestors() throws {
        let root = try TemporaryDirectory()
        try root.write("300000 100000", to: "system.slice/cpu.max")
        try root.write("800000 100000", to: "system.slice/broker/cpu.max")
        #expect(AvailableCPUs.quota(membership: "0::/system.slice/broker", root: root.path) == 3)
    }

    @Test("The old hierarchy is read too")
    func legacy() throws {
        let root = try TemporaryDirectory()
        try root.write("400000", to: "cpu/box/cpu.cfs_quota_us")
        try root.write("100000", to: "cpu/box/cpu.cfs_period_us")
        #expect(AvailableCPUs.quota(membership: "5:memory:/box\n4:cpu,cpuacct:/box", root: root.path) == 4)
    }

    @Test("There is always one") func atLeastOne() { #expect(AvailableCPUs.count() >= 1) }
}
