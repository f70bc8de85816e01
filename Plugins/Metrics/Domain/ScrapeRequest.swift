/// The head of a request to the plugin's own port: as much of HTTP/1.1 as a scraper speaks (RFC 9112).
struct ScrapeRequest: Equatable, Sendable {
    var method: String
    /// Without the query.
    var path: String
    var accept: String
    /// Lower case; empty without one.
    var host: String
    /// The connection stays open.
    var isPersistent: Bool

    enum Parsed: Equatable, Sendable {
        /// The head is not complete yet.
        case incomplete
        /// And the number of bytes it took.
        case request(ScrapeRequest, length: Int)
        /// The status to answer with before the connection ends.
        case malformed(Int)
    }

    /// Bytes of a head.
    static let maximumLength = 8 * 1024

    static func parse(_ bytes: [UInt8]) -> Parsed {
        guard let end = endOfHead(bytes) else {
            return bytes.count < maximumLength ? .incomplete : .malformed(431)
        }
        guard end <= maximumLength else { return .malformed(431) }
        let head = bytes[..<end]
        guard head.allSatisfy({ $0 != 0 && $0 < 0x80 }) else { return .malformed(400) }
        let lines = head.split(separator: UInt8(ascii: "\n")).map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
        let words = (lines.first ?? "").split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[1].first == "/" else { return .malformed(400) }
        guard words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else { return .malformed(505) }
        var request = ScrapeRequest(
            method: String(words[0]), path: String(words[1].prefix { $0 != "?" && $0 != "#" }), accept: "", host: "",
            isPersistent: words[2] == "HTTP/1.1")
        for line in lines.dropFirst() where !line.isEmpty {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else { return .malformed(400) }
            let value = trimmed(line[line.index(after: colon)...])
            switch line[..<colon].lowercased() {
            case "accept": request.accept += request.accept.isEmpty ? value : "," + value
            case "host": request.host = value.lowercased()
            case "connection":
                if value.lowercased().contains("close") { request.isPersistent = false }
            // Nobody who reads metrics sends a body; what is not read must not be taken for the next request.
            case "transfer-encoding": return .malformed(400)
            case "content-length" where value != "0": return .malformed(413)
            default: break
            }
        }
        return .request(request, length: end)
    }

    /// Behind the empty line.
    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        var isEmpty = true
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "\n"):
                // Empty lines before the request are passed over.
                if isEmpty, index > 1, bytes[..<index].contains(where: { $0 > 0x20 }) { return index + 1 }
                isEmpty = true
            case UInt8(ascii: "\r"): break
            default: isEmpty = false
            }
        }
        return nil
    }

    private static func trimmed(_ text: Substring) -> String {
        let start = text.drop { $0 == " " || $0 == "\t" }
        guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return String(start[...last])
    }
}

/// An answer of the plugin's own port.
enum ScrapeResponse {
    private static let reasons = [
        200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
        413: "Content Too Large", 431: "Request Header Fields Too Large", 503: "Service Unavailable",
        505: "HTTP Version Not Supported",
    ]

    static func bytes(
        _ status: Int, contentType: String, body: [UInt8], isPersistent: Bool, withoutBody: Bool = false
    ) -> [UInt8] {
        var head = "HTTP/1.1 \(status) \(reasons[status] ?? "Error")\r\nContent-Type: \(contentType)\r\n"
        head += "Content-Length: \(body.count)\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        if status == 405 { head += "Allow: GET, HEAD\r\n" }
        head += isPersistent ? "\r\n" : "Connection: close\r\n\r\n"
        return Array(head.utf8) + (withoutBody ? [] : body)
    }

    static func problem(_ status: Int, _ sentence: String, isPersistent: Bool = false) -> [UInt8] {
        bytes(
            status, contentType: "text/plain; charset=utf-8", body: Array((sentence + "\n").utf8),
            isPersistent: isPersistent)
    }
}
