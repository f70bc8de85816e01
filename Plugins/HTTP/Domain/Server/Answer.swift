internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore

/// What a request is answered with.
struct Answer: Sendable {
    /// What comes behind the headers.
    enum Body: Sendable {
        case bytes([UInt8])
        /// Written until it returns; no length is told.
        case stream(@Sendable (inout any ResponseBodyWriter) async throws -> Void)
    }

    /// 200 to 599
    var status: Int
    /// Beside Content-Type, Content-Length and Date.
    var headers = HTTPFields()
    /// Media type; empty: there is no body.
    var contentType: String
    /// What comes behind the headers.
    var body: Body
    /// The connection is closed behind it.
    var endsConnection = false

    init(status: Int = 200, contentType: String = "application/json", _ body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.body = .bytes(body)
    }

    /// 200 with JSON.
    static func json(_ value: JSON, status: Int = 200) -> Answer { Answer(status: status, value.bytes) }

    /// 204
    static let done = Answer(status: 204, contentType: "")

    /// For Hummingbird.
    /// - Parameter date: value of the header Date.
    /// - Parameter isHead: the answer to HEAD, which has the headers of GET and no body.
    func response(date: String, isHead: Bool) -> Response {
        var fields = headers
        fields[.date] = date
        if !contentType.isEmpty { fields[.contentType] = contentType }
        // Nothing here is for caches, for frames of other pages, or for guessing what it is.
        fields[.cacheControl] = fields[.cacheControl] ?? "no-store"
        fields[.xContentTypeOptions] = "nosniff"
        if endsConnection { fields[.connection] = "close" }
        let status = HTTPResponse.Status(code: status)
        switch body {
        case .bytes(let bytes):
            if self.status != 204 { fields[.contentLength] = String(bytes.count) }
            let isEmpty = isHead || bytes.isEmpty
            return Response(
                status: status, headers: fields,
                body: isEmpty
                    ? ResponseBody { writer in try await writer.finish(nil) }
                    : ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        case .stream(let write):
            return Response(
                status: status, headers: fields,
                body: ResponseBody { writer in
                    if !isHead { try await write(&writer) }
                    try await writer.finish(nil)
                })
        }
    }
}
