internal import HTTPTypes

/// Why a request was not done, as a document for programs (RFC 9457).
struct Problem: Error, Sendable {
    /// 400 to 599
    var status: Int
    /// One word with hyphens: the last part of the type, "publish-denied".
    var kind: String
    /// A few words for people.
    var title: String
    /// One sentence: what, where, and what to do.
    var detail: String
    /// Beside type, title, status and detail.
    var members: [(name: String, value: JSON)] = []
    /// Beside Content-Type and Content-Length.
    var headers = HTTPFields()
    /// The request cannot be read to its end: the connection is closed behind the answer.
    var endsConnection = false

    init(_ status: Int, _ kind: String, _ title: String, _ detail: String) {
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
    }

    /// 400
    static func invalid(_ detail: String) -> Problem { Problem(400, "invalid-request", "Invalid request", detail) }
    /// 404
    static func notFound(_ detail: String) -> Problem { Problem(404, "not-found", "Not found", detail) }
    /// 403
    static func forbidden(_ detail: String) -> Problem { Problem(403, "forbidden", "Forbidden", detail) }
    /// 503
    static func unavailable(_ detail: String) -> Problem {
        var problem = Problem(503, "unavailable", "Unavailable", detail)
        problem.headers[.retryAfter] = "1"
        return problem
    }
    /// 413
    static func tooLarge(_ limit: Int) -> Problem {
        Problem(413, "body-too-large", "Body too large", "the body may have at most \(limit) bytes")
    }
    /// 401, with the ways to log in.
    static func unauthorized(_ detail: String) -> Problem {
        var problem = Problem(401, "log-in-required", "Log-in required", detail)
        problem.headers[.wwwAuthenticate] = #"Basic realm="hookline", charset="UTF-8", Bearer realm="hookline""#
        return problem
    }

    /// The document.
    var answer: Answer {
        let standard: [(name: String, value: JSON)] = [
            ("type", .string("/problems/\(kind)")), ("title", .string(title)), ("status", .count(status)),
            ("detail", .string(detail)),
        ]
        let document = JSON.object(standard + members)
        var answer = Answer(status: status, contentType: "application/problem+json", document.bytes)
        answer.headers = headers
        answer.endsConnection = endsConnection
        return answer
    }
}
