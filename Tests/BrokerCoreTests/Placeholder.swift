import Testing
@Test func placeholderBrokerCoreTests() {}
