import Testing
@Test func placeholderReactorTests() {}
