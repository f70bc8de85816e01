import Testing
@Test func placeholderMQTTCodecTests() {}
