/// A filter that has subscribers: header of an allocation that ends with the filter's bytes.
struct FilterRecord {
    enum Kind: UInt8 {
        /// Without wildcard: found by the topic's own hash.
        case exact
        /// With `+` or `#`: reached through the trie.
        case wildcard
        /// `$share/{name}/{filter}` of a member's session: kept for its session, never matched here.
        case shared
    }

    let hash: UInt64
    /// First subscription in the slab, `Subscription.none` when there is none.
    var first: UInt32 = Subscription.none
    /// The trie's node for a wildcard filter, else unused.
    var node: UInt32 = 0
    let length: UInt16
    let kind: Kind
}

extension UnsafeMutablePointer<FilterRecord> {
    /// The filter's bytes, which follow the header.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: UnsafeRawPointer(self) + UnsafeFilterTable.headerSize, count: Int(pointee.length))
    }
}

enum UnsafeFilterTable {
    static let headerSize = 19
}
