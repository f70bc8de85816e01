internal import CCurl

/// The requests under way: libcurl's multi interface. Every call into libcurl is in this file.
///
/// @unchecked Sendable: everything but `wake` is called by one thread, the client's.
final class HTTPTransfers: @unchecked Sendable {
    private final class Transfer {
        let request: HTTPClient.Request
        let done: HTTPClient.Done
        let headers: UnsafeMutableRawPointer?
        var bytes: [UInt8] = []

        init(_ request: HTTPClient.Request, _ done: @escaping HTTPClient.Done, _ headers: UnsafeMutableRawPointer?) {
            self.request = request
            self.done = done
            self.headers = headers
        }

        deinit { ccurl_free_list(headers) }
    }

    private let multi: UnsafeMutableRawPointer
    private var running: [UnsafeMutableRawPointer: Transfer] = [:]
    private var idle: [UnsafeMutableRawPointer] = []

    private static let maximumIdle = 64
    /// Milliseconds; libcurl's own timers end a wait sooner.
    private static let longestWait: Int32 = 60_000

    /// - Returns: `nil` without the library.
    init?() {
        guard let multi = ccurl_multi_new() else { return nil }
        self.multi = multi
        _ = ccurl_multi_set_kept(multi, Self.maximumIdle)
    }

    deinit {
        for handle in idle { ccurl_free(handle) }
        ccurl_multi_free(multi)
    }

    /// Ends the wait of `run`. Any thread.
    func wake() { ccurl_multi_wake(multi) }

    func begin(_ request: HTTPClient.Request, _ done: @escaping HTTPClient.Done) {
        guard let handle = idle.popLast() ?? ccurl_new() else {
            done(.failure(HTTPClient.Failure(reason: "no memory")))
            return
        }
        ccurl_reset(handle)
        var headers = ccurl_append(nil, "Accept: application/json")
        // Without it libcurl asks for leave before it sends more than a kilobyte, which costs a round trip.
        headers = ccurl_append(headers, "Expect:")
        if request.body != nil { headers = ccurl_append(headers, "Content-Type: application/json") }
        let transfer = Transfer(request, done, headers)
        var code = Self.set(transfer, on: handle)
        if code == 0 { code = ccurl_multi_add(multi, handle) }
        guard code == 0 else {
            keep(handle)
            done(.failure(HTTPClient.Failure(reason: "libcurl refuses the request (\(code))")))
            return
        }
        running[handle] = transfer
    }

    private static func set(_ transfer: Transfer, on handle: UnsafeMutableRawPointer) -> Int32 {
        let request = transfer.request
        var code = ccurl_set_url(handle, request.url)
        if code == 0 { code = ccurl_set_rules(handle, request.timeout, request.isLocal ? 1 : 0) }
        if code == 0, let authority = request.authority { code = ccurl_set_authority(handle, authority) }
        if code == 0 { code = ccurl_set_headers(handle, transfer.headers) }
        // `running` keeps the transfer, and with it sink and body, until the request is done.
        if code == 0 { code = ccurl_set_sink(handle, collect, Unmanaged.passUnretained(transfer).toOpaque()) }
        if code == 0, let body = request.body {
            let start = UnsafeRawPointer(body.start)?.assumingMemoryBound(to: CChar.self)
            code = ccurl_set_body(handle, start, body.count)
        }
        return code
    }

    /// Moves everything on, answers what is done, and then waits for more.
    func run() {
        _ = ccurl_multi_run(multi)
        var code: Int32 = 0
        var hasEnded = false
        while let handle = ccurl_multi_done(multi, &code) {
            hasEnded = true
            ccurl_multi_remove(multi, handle)
            let transfer = running.removeValue(forKey: handle)
            let status = ccurl_status(handle)
            keep(handle)
            guard let transfer else { continue }
            if code == 0 {
                transfer.done(.success(HTTPClient.Answer(status: status, body: transfer.bytes)))
            } else {
                let reason = ccurl_error(code).map { String(cString: $0) } ?? "error \(code)"
                transfer.done(.failure(HTTPClient.Failure(reason: reason)))
            }
        }
        // An answer may have led to the next request.
        if !hasEnded { _ = ccurl_multi_wait(multi, Self.longestWait) }
    }

    func abandonAll() {
        for handle in running.keys {
            ccurl_multi_remove(multi, handle)
            ccurl_free(handle)
        }
        running = [:]
    }

    private func keep(_ handle: UnsafeMutableRawPointer) {
        // The body it points to is about to go.
        ccurl_reset(handle)
        if idle.count < Self.maximumIdle { idle.append(handle) } else { ccurl_free(handle) }
    }

    /// Takes less than it is given to end a transfer that grows too long.
    private static let collect: ccurl_sink = { bytes, size, count, user in
        guard let bytes, let user else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(user).takeUnretainedValue()
        let (length, overflows) = size.multipliedReportingOverflow(by: count)
        guard !overflows, length <= transfer.request.maximumBytes - transfer.bytes.count else { return 0 }
        transfer.bytes += UnsafeRawBufferPointer(start: bytes, count: length)
        return length
    }
}
