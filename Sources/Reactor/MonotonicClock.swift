import Glibc

/// The host's clock for deadlines: CLOCK_MONOTONIC. It never jumps and stands still while the machine sleeps.
public enum MonotonicClock {
    /// Nanoseconds since an arbitrary origin in the past. Any thread.
    public static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
