// Fuzzes whole connections: three clients of one broker, without sockets and with a clock the input moves.
//
// The first byte of an input chooses the settings, the rest are steps; see FuzzBroker.run.
import BrokerCore
import CFuzzer

func playOne(_ input: UnsafeRawBufferPointer) {
    guard let choice = input.first else { return }
    let policies: [QueueFullPolicy] = [.deadLetter, .refuse, .pause, .deadLetter]
    let broker = FuzzBroker(lenient: choice & 1 != 0, policy: policies[Int(choice >> 1 & 3)])
    broker.run(UnsafeRawBufferPointer(rebasing: input.dropFirst()))
}

var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
_ = LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
    playOne(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}
