import Glibc

/// A folder with everything TLS needs to be tried: `ca.pem`, `ca.key`, `server.pem`, `server.key`, `client.pem`,
/// `client.key`. Files that are there are never written over.
public struct CertificateFolder: Sendable {
    /// What is to be made.
    public struct Plan: Sendable {
        /// DNS names and addresses of the server beside `localhost`, `127.0.0.1` and `::1`.
        public var serverNames: [String] = []
        /// Common names of clients; one pair of files each.
        public var clients = ["client"]
        /// How long server and client certificates are valid; the authority lives ten times as long, at most 100 years.
        public var validDays = 365

        /// The defaults.
        public init() {}
    }

    /// Path as it was given.
    public let path: String

    /// Names the folder; nothing is read or made.
    public init(_ path: String) {
        self.path = path
    }

    /// Files of a plan, in the order in which they are made.
    public func files(_ plan: Plan) -> [String] {
        (["ca", "server"] + plan.clients).flatMap { ["\(path)/\($0).pem", "\(path)/\($0).key"] }
    }

    /// Whether every file of the plan is there.
    public func hasAll(_ plan: Plan) -> Bool { files(plan).allSatisfy { access($0, F_OK) == 0 } }

    /// Makes all files, or none when one of them is there. Keys have mode 0600.
    /// - Returns: the paths written.
    public func make(_ plan: Plan) throws(CertificateError) -> [String] {
        for client in plan.clients where !Self.isFileName(client) || ["ca", "server"].contains(client) {
            throw CertificateError(
                "client name '\(client)': use letters, digits, '-', '_' and '.', and not ca or server")
        }
        for file in files(plan) where access(file, F_OK) == 0 {
            throw CertificateError(
                "\(file) exists; nothing was changed. Move it away, or give another folder")
        }
        let names = ["localhost", "127.0.0.1", "::1"] + plan.serverNames
        let authority = try CertificateAuthority(
            commonName: "Hookline test CA", validDays: min(plan.validDays * 10, 36_500))
        var made = [("ca", authority.own)]
        made.append(
            (
                "server",
                try authority.issue(
                    commonName: plan.serverNames.first ?? "localhost", for: .server(names: names),
                    validDays: plan.validDays)
            ))
        for client in plan.clients {
            made.append((client, try authority.issue(commonName: client, for: .client, validDays: plan.validDays)))
        }
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw Self.failure("make", path) }
        for (name, issued) in made {
            try Self.write(issued.certificate, to: "\(path)/\(name).pem", mode: 0o644)
            try Self.write(issued.privateKey, to: "\(path)/\(name).key", mode: 0o600)
        }
        return files(plan)
    }

    private static func isFileName(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(".")
            && name.utf8.allSatisfy { byte in
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
                    || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "-_.".utf8.contains(byte)
            }
    }

    /// O_EXCL: a file, or a link somebody laid there meanwhile, is not followed and not written over.
    private static func write(_ text: String, to path: String, mode: mode_t) throws(CertificateError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw failure("write", path) }
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                throw failure("write", path)
            }
        }
    }

    private static func failure(_ verb: String, _ path: String) -> CertificateError {
        CertificateError("cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
