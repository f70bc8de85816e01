internal import APITokens
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore

/// One request on its way through the server.
struct Call: Sendable {
    /// Upper case.
    let method: String
    /// Decoded, begins with `/`.
    let path: String
    /// As it was sent, without `?`.
    let queryText: String
    /// Decoded.
    let query: Query
    /// The request itself.
    let request: Request
    /// The connection it came on.
    let channel: any Channel
    /// "10.0.0.7:51234"
    let peer: String
    /// Who asks.
    var caller = Caller.anonymous(nil)
    /// Values of the `{names}` in the path of the endpoint.
    var parameters: [String: String] = [:]

    /// Reads the request line.
    init(_ request: Request, _ channel: any Channel) throws(Problem) {
        let target = request.head.path ?? ""
        guard target.first == "/" else {
            throw .invalid("the target of a request begins with '/'")
        }
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = PercentCoding.decode(parts[0]), let query = Query(parts.count > 1 ? parts[1] : "") else {
            throw .invalid("the target of the request has an escape that is not '%' and two digits, or is not UTF-8")
        }
        method = request.method.rawValue
        self.path = path
        queryText = parts.count > 1 ? String(parts[1]) : ""
        self.query = query
        self.request = request
        self.channel = channel
        peer = Call.text(of: channel.remoteAddress)
    }

    /// The parts of the path, each decoded by itself: `a%2Fb` is one part.
    var segments: [String] {
        let raw = (request.head.path ?? "").split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)[0]
        return raw.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map {
            PercentCoding.decode($0) ?? String($0)
        }
    }

    /// What the request says to prove who asks; nil: nothing.
    var credentials: Credentials? {
        get throws(Problem) { try Credentials.read(request.headers, tokenPrefix: APIToken.prefix) }
    }

    /// Reads the body.
    /// - Parameter limit: bytes.
    func body(limit: Int) async throws(Problem) -> [UInt8] {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge(limit) }
        do {
            let buffer = try await request.body.collect(upTo: limit)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw tooLarge(limit)
        } catch {
            var problem = Problem.invalid("the body did not come to its end")
            problem.endsConnection = true
            throw problem
        }
    }

    private func tooLarge(_ limit: Int) -> Problem {
        var problem = Problem.tooLarge(limit)
        problem.endsConnection = true
        return problem
    }

    private static func text(of address: SocketAddress?) -> String {
        guard let address, let host = address.ipAddress, let port = address.port else { return "unknown" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
