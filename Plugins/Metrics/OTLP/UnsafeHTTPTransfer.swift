internal import CCurl

/// One HTTP request at a time over a connection that is kept. Every call into libcurl is in this file.
///
/// @unchecked Sendable: everything but `wake` is called by one thread, the sender's.
final class HTTPTransfer: @unchecked Sendable {
    /// For the log; holds no part of the request.
    struct Failure: Error, Equatable {
        let reason: String
    }

    private let multi: UnsafeMutableRawPointer
    private let handle: UnsafeMutableRawPointer

    /// - Returns: `nil` without the library.
    init?() {
        guard let multi = ccurl_multi_new() else { return nil }
        guard let handle = ccurl_new() else {
            ccurl_multi_free(multi)
            return nil
        }
        self.multi = multi
        self.handle = handle
        _ = ccurl_multi_set_kept(multi, 1)
    }

    deinit {
        ccurl_free(handle)
        ccurl_multi_free(multi)
    }

    /// Ends a wait. Any thread.
    func wake() { ccurl_multi_wake(multi) }

    /// Waits until somebody wakes it or time is up.
    func rest(milliseconds: Int) { _ = ccurl_multi_wait(multi, Int32(clamping: milliseconds)) }

    /// Posts `body` and waits for the status.
    /// - Parameter isCancelled: asked now and then.
    func post(
        _ body: [UInt8], to endpoint: OTLPEndpoint, isCancelled: () -> Bool
    ) -> Result<Int, Failure> {
        ccurl_reset(handle)
        var headers = ccurl_append(nil, "Content-Type: application/x-protobuf")
        // Without it libcurl asks for leave before it sends more than a kilobyte, which costs a round trip.
        headers = ccurl_append(headers, "Expect:")
        for line in endpoint.headers { headers = ccurl_append(headers, line) }
        defer { ccurl_free_list(headers) }
        return body.withUnsafeBytes { bytes in
            let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            var code = ccurl_set_url(handle, endpoint.url)
            if code == 0 {
                code = ccurl_set_rules(handle, endpoint.timeout, endpoint.url.hasPrefix("http://") ? 1 : 0)
            }
            if code == 0, let authority = endpoint.authority { code = ccurl_set_authority(handle, authority) }
            if code == 0 { code = ccurl_set_headers(handle, headers) }
            if code == 0 { code = ccurl_set_sink(handle, Self.discard, nil) }
            if code == 0 { code = ccurl_set_body(handle, start, bytes.count) }
            if code == 0 { code = ccurl_multi_add(multi, handle) }
            guard code == 0 else { return .failure(Failure(reason: "libcurl refuses the request (\(code))")) }
            defer {
                ccurl_multi_remove(multi, handle)
                // Header list and body are about to go.
                ccurl_reset(handle)
            }
            return finish(isCancelled)
        }
    }

    private func finish(_ isCancelled: () -> Bool) -> Result<Int, Failure> {
        while !isCancelled() {
            _ = ccurl_multi_run(multi)
            var code: Int32 = 0
            if ccurl_multi_done(multi, &code) != nil {
                guard code == 0 else {
                    return .failure(
                        Failure(reason: ccurl_error(code).map { String(cString: $0) } ?? "error \(code)"))
                }
                return .success(ccurl_status(handle))
            }
            // The request's own time limit ends it.
            _ = ccurl_multi_wait(multi, 1_000)
        }
        return .failure(Failure(reason: "stopped"))
    }

    /// The answer says nothing that the status does not.
    private static let discard: ccurl_sink = { _, size, count, _ in
        let (length, overflows) = size.multipliedReportingOverflow(by: count)
        return overflows ? 0 : length
    }
}
