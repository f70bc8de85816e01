// Fuzzes the decoder. The first byte of an input chooses version and role, the rest is a stream of packets.
//
// A trap or a read outside the input ends the run by itself; what else must hold is checked here.
import CFuzzer
import MQTTCodec

/// A packet that was read is written and read again: it must be the same, and no longer than it was.
func checkRoundTrip(_ packet: Packet, _ length: Int, _ version: ProtocolVersion, _ role: PacketRole) {
    let bytes = packet.encode(version: version)
    precondition(bytes.count <= length, "a packet grew from \(length) to \(bytes.count) bytes")
    do throws(DecodeError) {
        let again = try Packet.decode(bytes, version: version, role: role)
        precondition(again == packet, "\(packet) became \(again)")
    } catch {
        preconditionFailure("what was written cannot be read: \(error)")
    }
}

/// The readers of the hot path must be of one mind with those that make values.
func checkHotPath(_ frame: UnsafeRawBufferPointer, _ bodyOffset: Int, _ version: ProtocolVersion, _ packet: Packet?) {
    guard let base = frame.baseAddress else { return }
    switch PacketType(firstByte: frame[0]) {
    case .publish?:
        guard
            let header = try? PublishHeader.parse(
                frame: base, length: frame.count, bodyOffset: bodyOffset, version: version)
        else {
            precondition(packet == nil, "the fast reader refuses what the other one takes")
            return
        }
        precondition(header.payloadOffset + header.payloadLength == frame.count, "the payload is not what is left")
        _ = try? PublishProperties.parse(frame: base, header: header, role: .fromClient)
    case .puback?, .pubrec?, .pubrel?, .pubcomp?:
        let ack = try? AckHeader.parse(frame: base, length: frame.count, bodyOffset: bodyOffset, version: version)
        precondition((ack == nil) == (packet == nil), "the two readers of acknowledgements disagree")
    default: break
    }
}

func decodeOne(_ input: UnsafeRawBufferPointer) {
    guard let choice = input.first else { return }
    let version: ProtocolVersion = choice & 1 == 0 ? .v5_0 : .v3_1_1
    let role: PacketRole = choice & 2 == 0 ? .fromClient : .fromServer
    var rest = UnsafeRawBufferPointer(rebasing: input.dropFirst())
    while let base = rest.baseAddress, rest.count > 0 {
        guard
            case .frame(let length, let bodyOffset) = FrameScan.scan(
                base, count: rest.count, maximumPacketSize: 1 << 20, minimal: version == .v5_0)
        else { return }
        let frame = UnsafeRawBufferPointer(rebasing: rest[..<length])
        rest = UnsafeRawBufferPointer(rebasing: rest[length...])
        do throws(DecodeError) {
            let packet = try Packet.decode(frame: frame, version: version, role: role)
            // A CONNECT is written in the version it names itself.
            checkRoundTrip(packet, length, version, role)
            checkHotPath(frame, bodyOffset, version, packet)
        } catch {
            precondition(error.offset <= length && error.reasonCode.isError && !error.description.isEmpty, "\(error)")
            if role == .fromClient, error.kind == .unexpectedPacket { continue }
        }
        if role == .fromClient { _ = try? Connect.decode(frame: frame, lenient: true) }
        _ = Connect.announcedVersion(frame)
    }
}

var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
_ = LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
    decodeOne(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}
