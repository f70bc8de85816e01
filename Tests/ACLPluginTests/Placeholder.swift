import Testing
@Test func placeholderACLPluginTests() {}
