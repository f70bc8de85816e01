import Testing
@Test func placeholderPluginABITests() {}
