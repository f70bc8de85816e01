// HOT PATH: one memchr per level.
import Glibc

/// Levels of topics and filters over borrowed bytes: the parts between slashes, each possibly empty.
enum TopicLevels {
    /// Offset of the slash that ends the level beginning at `start`, or `count` for the last level.
    @inline(__always)
    static func end(_ bytes: UnsafeRawPointer, from start: Int, count: Int) -> Int {
        guard start < count, let slash = memchr(bytes + start, Int32(TopicFilter.slash), count &- start) else {
            return count
        }
        return UnsafeRawPointer(slash) - bytes
    }
}
