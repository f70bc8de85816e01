import Dispatch
import Foundation
import Testing

@testable import Host

@Suite struct WatchUnderLoadTests {
    /// A stricter access rule must hold at once, also while every worker hashes passwords.
    @Test func changedFileIsToldWhileAllWorkersAreBusy() throws {
        let folder = NSTemporaryDirectory() + "hookline-watch-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/acl.yaml"
        try "1".write(toFile: file, atomically: false, encoding: .utf8)
        let port = BrokerPort(
            publish: { _ in true }, revokeVerdicts: { _ in }, recheckSubscriptions: { _ in }, kick: { _, _ in },
            kickClientID: { _, _ in })
        let context = PluginContext(
            PluginEnvironment(
                pluginDirectories: [], stagingDirectory: folder, pending: [], broker: port,
                log: PluginLog(isEnabled: { _ in false }, write: { _ in }), install: { _, whenInUse in whenInUse() }))
        defer { context.stop() }
        let group = WorkGroup()
        let mayEnd = DispatchSemaphore(value: 0)
        let jobs = 64
        for _ in 0..<jobs { #expect(context.pool.submit(group) { mayEnd.wait() }) }
        defer { for _ in 0..<jobs { mayEnd.signal() } }

        let isTold = DispatchSemaphore(value: 0)
        #expect(context.watcher.add(group, path: file) { isTold.signal() } != 0)
        try "22".write(toFile: file, atomically: false, encoding: .utf8)
        #expect(isTold.wait(timeout: .now() + 10) == .success)
    }
}
