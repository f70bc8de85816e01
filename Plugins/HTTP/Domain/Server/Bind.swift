/// Where a server listens.
struct Bind: Sendable, Equatable {
    /// "127.0.0.1", "::1"; "localhost" is both.
    var addresses: [String]
    /// 0: the system chooses.
    var port: Int
    /// The name it was given by, in lower case.
    var name: String

    /// "localhost:8080", "0.0.0.0:8080", "[::]:8080"; nil when it is none of them.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port), let name = RequestOrigin.name(of: String(text[..<colon])), !name.isEmpty
        else { return nil }
        guard name == "localhost" || RequestOrigin.isAddress(name) else { return nil }
        addresses = name == "localhost" ? ["127.0.0.1", "::1"] : [name]
        self.port = port
        self.name = name
    }

    /// Somewhere on loopback, for brokers that end with their test.
    static var ephemeral: Bind {
        var bind = Bind(unchecked: "127.0.0.1")
        bind.port = 0
        return bind
    }

    private init(unchecked name: String) {
        (addresses, port, self.name) = ([name], 0, name)
    }

    /// Nobody but this machine can reach it.
    var isLoopback: Bool { addresses.allSatisfy { $0 == "::1" || $0.hasPrefix("127.") } }

    /// What people and programs connect to.
    func url(port: Int, isTLS: Bool) -> String {
        let host = addresses.first ?? "127.0.0.1"
        let reachable = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host
        return "\(isTLS ? "https" : "http")://\(reachable.contains(":") ? "[\(reachable)]" : reachable):\(port)"
    }
}
