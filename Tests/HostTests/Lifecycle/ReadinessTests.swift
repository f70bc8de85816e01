import Configuration
import Locking
import Testing

@testable import Host

@Suite("Readiness") struct ReadinessTests {
    private func plugin(_ health: String, _ text: String = "") -> PluginStatus {
        PluginStatus(
            id: "geo", plugin: "org.example.geo", version: "1", path: "geo.so", generation: 1, health: health,
            healthText: text, addresses: [], hooks: [], failures: 0, pending: 0, droppedEvents: 0)
    }

    @Test("is told from the first moment on, and true only between the start and the drain")
    func phases() {
        let readiness = Readiness()
        #expect(readiness.report.status == "starting")
        #expect(
            readiness.answer.line
                == #"{"ok":true,"ready":false,"status":"starting","checks":{"listeners":"not open yet"}}"#)
        readiness.enter(.serving)
        #expect(readiness.answer.line == #"{"ok":true,"ready":true,"status":"ready","checks":{"listeners":"ok"}}"#)
        readiness.enter(.draining)
        #expect(readiness.report.status == "draining")
    }

    @Test("waits for the store, and ends with one that cannot be read")
    func store() {
        let condition = Locked(Readiness.Condition.coming("reading"))
        let readiness = Readiness()
        readiness.follow(store: { condition.withLock { $0 } })
        readiness.enter(.serving)
        #expect(readiness.report.status == "starting")
        #expect(readiness.answer.line.contains(#""store":"reading""#))
        condition.withLock { $0 = .impaired("failing: the disk is full") }
        #expect(readiness.report.status == "ready")
        #expect(readiness.answer.line.contains(#""store":"failing: the disk is full""#))
        condition.withLock { $0 = .failed("damaged") }
        #expect(readiness.report.status == "failed")
        condition.withLock { $0 = .ok }
        #expect(readiness.report.status == "ready")
    }

    @Test("is what plugins say about themselves, and what is seen of them")
    func plugins() {
        #expect(Readiness.condition(of: plugin("ready")) == .ok)
        #expect(
            Readiness.condition(of: plugin("failed", "no route to database"))
                == .failed("failed: no route to database"))
        #expect(Readiness.condition(of: plugin("starting")) == .coming("starting"))
        #expect(Readiness.condition(of: plugin("degraded", "slow")) == .impaired("degraded: slow"))
        var stuck = plugin("ready")
        stuck.isStuck = true
        #expect(Readiness.condition(of: stuck) == .failed("stuck: a call of it does not return"))
        var left = plugin("ready")
        left.leftOut = ["auth.connect"]
        #expect(Readiness.condition(of: left) == .impaired("left out because they only fail: auth.connect"))
    }

    @Test("is asked without the control thread while that is busy with the start")
    func early() {
        let readiness = Readiness()
        #expect(readiness.earlyAnswer(to: .command(ControlRequest(.ready)))?.isOK == true)
        #expect(readiness.earlyAnswer(to: .command(ControlRequest(.health)))?.isOK == true)
        #expect(readiness.earlyAnswer(to: .command(ControlRequest(.clients))) == nil)
        #expect(readiness.earlyAnswer(to: .status) == nil)
        readiness.enter(.serving)
        #expect(readiness.earlyAnswer(to: .command(ControlRequest(.ready)))?.isOK == true)
        #expect(readiness.earlyAnswer(to: .command(ControlRequest(.health))) == nil)
    }
}
