// HOT PATH: two calls per record; no buffer of its own.
internal import COpenSSL
import Glibc

/// Where OpenSSL finds the bytes of the call at hand: it reads straight from the loop's receive buffer and appends
/// straight to the wire sink. Memory BIOs would copy every byte once more and keep a buffer per connection;
/// descriptors (SSL_set_fd) would make one system call per record and bypass the loop's bookkeeping.
struct TLSPipe {
    var input: UnsafeRawPointer?
    var inputCount = 0
    /// Nil between calls.
    var output: UnsafeMutablePointer<UnsafeByteSink>?

    /// The BIO type of pipes; made once, lives as long as the process.
    // Safe to share: made by one thread (Swift makes a static once), only read afterwards.
    nonisolated(unsafe) static let method: OpaquePointer? = {
        let type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
        guard let method = BIO_meth_new(type, "hookline pipe") else { return nil }
        BIO_meth_set_read(method) { bio, room, capacity in
            guard let bio, let pipe = TLSPipe.of(bio), let room, capacity > 0 else { return -1 }
            copenssl_clear_retry(bio)
            guard let input = pipe.pointee.input, pipe.pointee.inputCount > 0 else {
                copenssl_set_retry_read(bio)
                return -1
            }
            let count = min(Int(capacity), pipe.pointee.inputCount)
            memcpy(room, input, count)
            pipe.pointee.input = input + count
            pipe.pointee.inputCount -= count
            return Int32(truncatingIfNeeded: count)
        }
        BIO_meth_set_write(method) { bio, bytes, count in
            guard let bio, let bytes, count >= 0, let output = TLSPipe.of(bio)?.pointee.output else { return -1 }
            copenssl_clear_retry(bio)
            output.pointee.append(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
            return count
        }
        BIO_meth_set_ctrl(method) { _, command, _, _ in
            // The one request that has to be answered: "flush" has nothing to do and says so.
            command == BIO_CTRL_FLUSH ? 1 : 0
        }
        BIO_meth_set_create(method) { bio in
            BIO_set_init(bio, 1)
            return 1
        }
        return method
    }()

    private static func of(_ bio: OpaquePointer) -> UnsafeMutablePointer<TLSPipe>? {
        BIO_get_data(bio)?.assumingMemoryBound(to: TLSPipe.self)
    }
}
