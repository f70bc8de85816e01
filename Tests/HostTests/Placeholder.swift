import Testing
@Test func placeholderHostTests() {}
