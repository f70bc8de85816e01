@testable import PasswordFile
import Base64Coding
import Testing

private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

@Suite struct ScryptTests {
    /// RFC 7914, section 12, except the one that needs 1 GiB.
    @Test(arguments: [
        (
            "", "", 4, 1, 1,
            "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
                + "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
        ),
        (
            "password", "NaCl", 10, 8, 16,
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
                + "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
        ),
        (
            "pleaseletmein", "SodiumChloride", 14, 8, 1,
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                + "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
        ),
    ]) func derivesTheKeysOfRFC7914(
        password: String, salt: String, logN: Int, blockSize: Int, parallelization: Int, expected: String
    ) {
        let cost = ScryptCost(logN: logN, blockSize: blockSize, parallelization: parallelization)
        let bytes = Array(password.utf8)
        let key = Scrypt.derive(password: bytes.span.bytes, salt: Array(salt.utf8), cost: cost, count: 64)
        #expect(key.map(hex) == expected)
    }

    @Test(arguments: [
        ([], ""), ([0], "AA"), ([0xFF, 0xFE], "//4"), ([1, 2, 3], "AQID"), (Array("foobar".utf8), "Zm9vYmFy"),
    ]) func base64GoesBothWays(bytes: [UInt8], text: String) {
        #expect(Base64.encode(bytes) == text)
        #expect(Base64.decode(text) == bytes)
    }

    @Test(arguments: ["A", "AB==", "AAAAA", "AB", "A-", "Zm9v ", "\u{00e4}A"])
    func base64RefusesWhatItWouldNotWrite(text: String) {
        #expect(Base64.decode(text) == nil)
    }
}
