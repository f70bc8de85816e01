import CSystem
import Glibc

/// Code that stays mapped although nobody calls it any more, as that of replaced generations does.
///
/// What of it nobody can write to is what the file holds, and need not be in memory: it comes back from the file when
/// somebody looks at it after all, a runtime at its type tables, or a thread that was left behind.
struct RestingCode: Sendable {
    private let constant: [csystem_span]
    private let changing: [csystem_span]

    private static let maximumSpans = 16
    /// Images whose changing parts are looked at again: their copies may have reached the disk meanwhile.
    static let recent = 8

    /// - Parameter address: of a function in it.
    init(around address: UInt) {
        var spans = [csystem_span](repeating: csystem_span(), count: Self.maximumSpans)
        let count = csystem_image_spans(UnsafeRawPointer(bitPattern: address), &spans, Int32(Self.maximumSpans))
        constant = spans[..<Int(count)].filter { $0.is_constant != 0 }
        changing = spans[..<Int(count)].filter { $0.is_constant == 0 }
    }

    /// Gives the memory of its constant parts back.
    func rest() { Self.advise(constant, MADV_DONTNEED) }

    /// Lets the system take what it can have of the rest: what was never written to, once the file has reached the
    /// disk, and, where there is swap space, what was.
    func pageOut() { Self.advise(changing, MADV_PAGEOUT) }

    private static func advise(_ spans: [csystem_span], _ advice: Int32) {
        for span in spans { madvise(UnsafeMutableRawPointer(bitPattern: span.start), Int(span.length), advice) }
    }
}
