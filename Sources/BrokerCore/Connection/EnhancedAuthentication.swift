import Glibc
import MQTTCodec

/// Enhanced authentication of one connection (section 4.12): from the CONNECT that names a method to the end of the
/// connection. Belongs to the shard's thread; what it holds of the exchange is wiped when it is replaced or freed.
final class EnhancedAuthentication {
    /// The Authentication Method of CONNECT: that of every AUTH packet and of CONNACK as well [MQTT-4.12.0-5].
    let method: [UInt8]
    /// CONNECT, until it is answered; nil: an exchange under way is a re-authentication.
    var connect: Connect?
    /// An exchange is under way.
    var isActive = true
    /// Number of the plugin instance that has the exchange; 0: none yet.
    var instance: UInt64 = 0
    /// Steps taken in this exchange.
    var step: UInt32 = 0
    /// What the plugin wants to be given back with the next step.
    private(set) var memo: [UInt8] = []
    private var finalData: [UInt8]?

    init(method: [UInt8], connect: Connect) {
        self.method = method
        self.connect = connect
    }

    deinit { forget() }

    /// Begins a re-authentication [MQTT-4.12.1-1].
    func restart() {
        forget()
        isActive = true
        step = 0
    }

    /// The exchange goes on with the client's next AUTH.
    func advance(memo: [UInt8], instance: UInt64) {
        forget()
        self.memo = memo
        self.instance = instance
        step &+= 1
    }

    /// The exchange has ended.
    func finish(data: [UInt8]?, instance: UInt64) {
        forget()
        isActive = false
        finalData = data
        self.instance = instance
    }

    /// The Authentication Data that goes with the last packet of the exchange; once.
    func takeFinalData() -> [UInt8]? { finalData.take() }

    private func forget() {
        memo.withUnsafeMutableBytes { if let base = $0.baseAddress { explicit_bzero(base, $0.count) } }
        memo = []
        finalData = nil
    }
}
