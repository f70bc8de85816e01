import Glibc
import Testing

@testable import Host

@Suite("The run directory")
struct RunDirectoryTests {
    @Test("It is made with mode 0700, and so are rights that were wider")
    func mode() throws {
        let parent = try TemporaryDirectory()
        let path = parent.path + "/run"
        mkdir(path, 0o755)
        let directory = try ClaimedRunDirectory(path: path)
        var status = stat()
        #expect(stat(directory.path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o700)
    }

    @Test("A second broker is refused and told who is there")
    func second() throws {
        let parent = try TemporaryDirectory()
        let path = parent.path + "/run"
        let first = try ClaimedRunDirectory(path: path)
        #expect(throws: RunDirectoryError.inUse(path: path, process: "\(getpid())")) {
            _ = try ClaimedRunDirectory(path: path)
        }
        #expect(first.path == path)
    }

    @Test("After the first is gone the next one starts, and a leftover socket is removed")
    func leftover() throws {
        let parent = try TemporaryDirectory()
        let path = parent.path + "/run"
        do { _ = try ClaimedRunDirectory(path: path) }
        try parent.write("", to: "run/control.sock")
        let next = try ClaimedRunDirectory(path: path)
        #expect(access(next.socketPath, F_OK) == -1)
    }

    @Test("A file or a link in its place is refused")
    func notADirectory() throws {
        let parent = try TemporaryDirectory()
        try parent.write("", to: "file")
        symlink(parent.path, parent.path + "/link")
        for name in ["/file", "/link"] {
            #expect(throws: RunDirectoryError.notADirectory(path: parent.path + name)) {
                _ = try ClaimedRunDirectory(path: parent.path + name)
            }
        }
    }
}
