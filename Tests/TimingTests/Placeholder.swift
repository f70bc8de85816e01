import Testing
@Test func placeholderTimingTests() {}
