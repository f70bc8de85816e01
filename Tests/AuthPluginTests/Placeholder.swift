import Testing
@Test func placeholderAuthPluginTests() {}
