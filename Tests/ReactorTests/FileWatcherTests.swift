import Glibc
import Testing

@testable import Reactor

/// A watched file in a directory of its own; the watcher is asked by the test, with a clock the test moves.
private final class WatchFixture {
    let directory: TemporaryDirectory
    let path: String
    var reports: [String] = []
    private(set) var watcher: FileWatcher!
    private var now: Int64 = 0
    static let settle: Int64 = 100

    /// `prepare` makes what is there before the watch begins.
    init(file: String = "plugins.yaml", prepare: (String) throws -> Void = { _ in }) throws {
        directory = try TemporaryDirectory()
        try prepare(directory.path)
        path = directory.path + "/" + file
        watcher = try FileWatcher(paths: [path], settleNanoseconds: Self.settle) { [unowned self] in
            reports.append($0)
        }
    }

    /// Lets the watcher see what happened; inotify events are there when the call that caused them returns.
    func look(after nanoseconds: Int64 = 0) {
        now += nanoseconds
        watcher.ready(now: now)
        if let deadline = watcher.nextDeadline, deadline <= now { watcher.expire(now: now) }
    }

    /// Whether the change just made is reported once, after the settling time, and nothing more.
    func expectReport(sourceLocation: SourceLocation = #_sourceLocation) {
        let before = reports.count
        look()
        #expect(watcher.nextDeadline == now + Self.settle, "a change was seen", sourceLocation: sourceLocation)
        look(after: Self.settle - 1)
        #expect(reports.count == before, "it is given time to settle", sourceLocation: sourceLocation)
        look(after: 1)
        #expect(reports.count == before + 1, sourceLocation: sourceLocation)
        #expect(watcher.nextDeadline == nil, sourceLocation: sourceLocation)
    }

    func expectSilence(sourceLocation: SourceLocation = #_sourceLocation) {
        look()
        #expect(watcher.nextDeadline == nil, sourceLocation: sourceLocation)
    }
}

private func write(_ path: String, _ text: String = "x") {
    guard let file = fopen(path, "w") else { return }
    fputs(text, file)
    fclose(file)
}

@Test func `a file written in place is reported`() throws {
    let fixture = try WatchFixture { write($0 + "/plugins.yaml") }
    fixture.expectSilence()
    write(fixture.path, "changed")
    fixture.expectReport()
    write(fixture.path, "again")
    fixture.expectReport()
    #expect(fixture.reports == [fixture.path, fixture.path])
}

@Test func `a file replaced by a rename is reported, again and again`() throws {
    let fixture = try WatchFixture { write($0 + "/plugins.yaml") }
    for _ in 0..<3 {
        let new = fixture.directory.path + "/.plugins.yaml.swp"
        write(new)
        rename(new, fixture.path)
        fixture.expectReport()
    }
}

@Test func `a file removed and made anew is reported`() throws {
    let fixture = try WatchFixture { write($0 + "/plugins.yaml") }
    unlink(fixture.path)
    fixture.expectReport()
    write(fixture.path)
    fixture.expectReport()
}

@Test func `a burst of changes makes one report, and endless changes make one in bounded time`() throws {
    let fixture = try WatchFixture()
    for _ in 0..<5 {
        write(fixture.path)
        fixture.look(after: WatchFixture.settle / 2)
    }
    #expect(fixture.reports.isEmpty)
    fixture.look(after: WatchFixture.settle)
    #expect(fixture.reports.count == 1)
    for _ in 0..<30 {
        write(fixture.path)
        fixture.look(after: WatchFixture.settle / 2)
    }
    #expect(fixture.reports.count == 2)
}

@Test func `other files of the directory are not reported`() throws {
    let fixture = try WatchFixture { write($0 + "/plugins.yaml") }
    write(fixture.directory.path + "/other.yaml")
    unlink(fixture.directory.path + "/other.yaml")
    fixture.expectSilence()
}

@Test func `a symbolic link that is turned elsewhere is reported, as are writes to its target`() throws {
    let fixture = try WatchFixture { directory in
        mkdir(directory + "/a", 0o700)
        mkdir(directory + "/b", 0o700)
        write(directory + "/a/real")
        write(directory + "/b/real")
        symlink("a/real", directory + "/plugins.yaml")
    }
    let directory = fixture.directory.path
    write(directory + "/a/real", "changed")
    fixture.expectReport()
    write(directory + "/b/real", "not ours yet")
    fixture.expectSilence()
    symlink(directory + "/b/../b/./real", directory + "/new")
    rename(directory + "/new", fixture.path)
    fixture.expectReport()
    write(directory + "/b/real", "ours now")
    fixture.expectReport()
    write(directory + "/a/real", "ours no more")
    fixture.expectSilence()
}

@Test func `what happens at the new end of a link before the report is seen, too`() throws {
    let fixture = try WatchFixture { directory in
        mkdir(directory + "/a", 0o700)
        mkdir(directory + "/b", 0o700)
        write(directory + "/a/real")
        symlink("a/real", directory + "/plugins.yaml")
    }
    symlink("b/real", fixture.directory.path + "/new")
    rename(fixture.directory.path + "/new", fixture.path)
    fixture.look()
    let deadline = try #require(fixture.watcher.nextDeadline)
    fixture.look(after: WatchFixture.settle / 2)
    write(fixture.directory.path + "/b/real")
    fixture.look()
    #expect(fixture.watcher.nextDeadline == deadline + WatchFixture.settle / 2)
}

@Test func `a directory swapped behind a link, as Kubernetes does, is reported`() throws {
    let fixture = try WatchFixture(file: "plugins.yaml") { directory in
        mkdir(directory + "/..1", 0o700)
        write(directory + "/..1/plugins.yaml")
        symlink("..1", directory + "/..data")
        symlink("..data/plugins.yaml", directory + "/plugins.yaml")
    }
    let directory = fixture.directory.path
    for generation in 2...4 {
        mkdir(directory + "/..\(generation)", 0o700)
        write(directory + "/..\(generation)/plugins.yaml")
        symlink("..\(generation)", directory + "/..data_tmp")
        rename(directory + "/..data_tmp", directory + "/..data")
        unlink(directory + "/..\(generation - 1)/plugins.yaml")
        rmdir(directory + "/..\(generation - 1)")
        fixture.expectReport()
    }
    write(directory + "/..4/plugins.yaml", "in place")
    fixture.expectReport()
}

@Test func `a file in a directory that does not exist yet is reported when it comes`() throws {
    let fixture = try WatchFixture(file: "etc/hookline/plugins.yaml")
    mkdir(fixture.directory.path + "/etc", 0o700)
    fixture.expectReport()
    mkdir(fixture.directory.path + "/etc/hookline", 0o700)
    fixture.expectReport()
    write(fixture.path)
    fixture.expectReport()
}

@Test func `a directory that is replaced as a whole is reported`() throws {
    let fixture = try WatchFixture(file: "etc/plugins.yaml") { directory in
        mkdir(directory + "/etc", 0o700)
        write(directory + "/etc/plugins.yaml")
    }
    let directory = fixture.directory.path
    mkdir(directory + "/next", 0o700)
    write(directory + "/next/plugins.yaml")
    rename(directory + "/etc", directory + "/old")
    rename(directory + "/next", directory + "/etc")
    fixture.expectReport()
    write(directory + "/old/plugins.yaml")
    fixture.expectSilence()
    write(fixture.path)
    fixture.expectReport()
}

@Test func `other rights of a file are a change: what could not be read before may be readable now`() throws {
    let fixture = try WatchFixture { write($0 + "/plugins.yaml") }
    chmod(fixture.path, 0o600)
    fixture.expectReport()
}

@Test func `what the kernel does not tell is found by looking`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/real"
    write(path)
    // Another name of the same file, in a directory that nobody watches.
    mkdir(directory.path + "/elsewhere", 0o700)
    link(path, directory.path + "/elsewhere/other")
    let watcher = try FileWatcher(lookNanoseconds: 1000, now: 0)
    var reports = 0
    let id = watcher.add(path, settleNanoseconds: 10) { _ in reports += 1 }
    watcher.ready(now: 0)
    watcher.expire(now: 10)
    reports = 0
    write(directory.path + "/elsewhere/other", "longer than before")
    watcher.ready(now: 20)
    #expect(watcher.nextDeadline == 1000)
    watcher.expire(now: 1000)
    watcher.expire(now: 1010)
    #expect(reports == 1)
    watcher.expire(now: 2000)
    #expect(reports == 1, "the same content is no news")
    #expect(watcher.remove(id) && !watcher.remove(id))
    #expect(watcher.nextDeadline == nil)
}

@Test func `a change among more events than the kernel keeps is reported`() throws {
    let fixture = try WatchFixture { write($0 + "/plugins.yaml") }
    guard let file = fopen("/proc/sys/fs/inotify/max_queued_events", "r") else { return }
    var limit: Int32 = 0
    let found = withUnsafeMutablePointer(to: &limit) { pointer in withVaList([pointer]) { vfscanf(file, "%d", $0) } }
    fclose(file)
    guard found == 1, limit <= 1 << 20 else { return }
    // Others of the directory, which nobody asked about: the last events are dropped for them.
    write(fixture.directory.path + "/a")
    for turn in 0...limit / 2 {
        let (from, to) = turn % 2 == 0 ? ("/a", "/b") : ("/b", "/a")
        rename(fixture.directory.path + from, fixture.directory.path + to)
    }
    write(fixture.path, "changed")
    fixture.expectReport()
    fixture.expectSilence()
}

@Test func `a loop of links ends`() {
    #expect(WatchedPlace.places(on: "/proc/self/nothing/here").isEmpty == false)
    let directory = try? TemporaryDirectory()
    guard let path = directory?.path else { return }
    symlink("b", path + "/a")
    symlink("a", path + "/b")
    #expect(WatchedPlace.places(on: path + "/a").count < 100)
}

@Test func `other paths can be watched instead`() throws {
    let fixture = try WatchFixture { write($0 + "/plugins.yaml") }
    let other = fixture.directory.path + "/overlay.yaml"
    fixture.watcher.watch([other])
    write(fixture.path)
    fixture.expectSilence()
    write(other)
    fixture.expectReport()
    #expect(fixture.reports == [other])
}

@Test func `a loop serves a watcher`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/f"
    var reports = 0
    let fixture = try LoopFixture()
    let watcher = try FileWatcher(paths: [path], settleNanoseconds: 5_000_000) { _ in reports += 1 }
    try fixture.loop.add(watcher)
    write(path)
    fixture.run { reports == 1 }
    fixture.loop.remove(watcher)
    write(path)
    fixture.runTurn()
    #expect(watcher.nextDeadline == nil)
}

@Test func `signals are events of a loop`() throws {
    var before = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &before)
    var signals: [Int32] = []
    let source = try SignalSource([SIGHUP, SIGUSR1]) { signals.append($0) }
    let fixture = try LoopFixture()
    try fixture.loop.add(source)
    // To this thread: the other threads of the process do not block them.
    pthread_kill(pthread_self(), SIGHUP)
    fixture.run { signals == [SIGHUP] }
    pthread_kill(pthread_self(), SIGUSR1)
    pthread_kill(pthread_self(), SIGHUP)
    fixture.run { signals.count == 3 }
    #expect(Set(signals) == [SIGHUP, SIGUSR1])
    pthread_sigmask(SIG_SETMASK, &before, nil)
}
