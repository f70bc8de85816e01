internal import MQTTCodec
internal import NIOCore
internal import PluginSDK

/// Somebody whom the broker has let in: an open MQTT connection, and who is behind it.
final class LogIn: Sendable {
    /// The connection.
    let link: MQTTLink
    /// The identity in effect; empty when anonymous.
    let userName: String
    /// Groups that the log-in gave.
    let groups: [String]

    init(_ link: MQTTLink, userName: String, groups: [String]) {
        self.link = link
        self.userName = userName
        self.groups = groups
    }
}

/// Opens MQTT connections for those who speak HTTP.
struct LogInDoor: Sendable {
    let host: PluginHost
    let loop: any EventLoop
    let live: LiveSettings

    /// Logs in.
    /// - Parameters:
    ///   - user: nil beside a password: the password is a token; nil without one: anonymous.
    ///   - peer: the address that hooks and logs see.
    func open(user: [UInt8]?, password: [UInt8]?, peer: String) async throws(Problem) -> LogIn {
        let link = try await link(user: user, password: password, peer: peer)
        let session: SessionInfo? = await withCheckedContinuation { continuation in
            let isAsked = host.session(of: link.clientID) { continuation.resume(returning: $0) }
            if !isAsked { continuation.resume(returning: nil) }
        }
        guard let connection = session?.connection else {
            link.close()
            throw .unavailable("the connection ended right behind the log-in")
        }
        return LogIn(link, userName: connection.userName, groups: connection.groups)
    }

    private func link(user: [UInt8]?, password: [UInt8]?, peer: String) async throws(Problem) -> MQTTLink {
        guard let random = host.randomBytes(12),
            let descriptor = host.openConnection(listener: live.settings.listener, address: peer)
        else {
            throw .unavailable("the broker takes no further connection now")
        }
        let digits = Array("0123456789abcdef")
        let name = String(random.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
        let connect = Connect(
            version: .v5_0, clientID: Array("http-\(name)".utf8), cleanStart: true, keepAlive: 0,
            userName: user, password: password)
        do throws(LinkFailure) {
            return try await MQTTLink.open(descriptor, connect, on: loop)
        } catch {
            switch error {
            case .refused(let reason): throw LogInDoor.problem(reason, isAnonymous: user == nil && password == nil)
            case .unavailable(let text): throw .unavailable(text)
            }
        }
    }

    private static func problem(_ reason: MQTTCodec.ReasonCode, isAnonymous: Bool) -> Problem {
        var problem: Problem
        switch reason {
        case .badUserNameOrPassword, .notAuthorized, .badAuthenticationMethod:
            problem = .unauthorized(
                isAnonymous ? "this broker wants to know who you are" : "user name, password or token are not right")
        case .banned: problem = .forbidden("this client may not log in")
        case .serverBusy, .serverUnavailable, .connectionRateExceeded, .quotaExceeded:
            problem = .unavailable("the broker takes no further connection now")
        default: problem = .forbidden("the broker refused the log-in: \(reason.name)")
        }
        problem.members = [("reason_code", .count(reason.rawValue)), ("reason", .string(reason.name))]
        return problem
    }
}
