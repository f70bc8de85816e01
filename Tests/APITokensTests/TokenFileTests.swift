import APITokens
import Testing

@Suite("Tokens of the HTTP API")
struct TokenFileTests {
    private func entry(_ name: String, _ token: String, expires: Int64? = nil) -> TokenFile.Entry {
        TokenFile.Entry(
            name: name, role: .read, digest: APIToken.digest(of: token), created: 1_000, expires: expires)
    }

    @Test func aTokenIsFoundByItsTextOnly() throws {
        let (token, other) = (try #require(APIToken.make()), try #require(APIToken.make()))
        var file = TokenFile()
        let isAdded = file.add(entry("a", token.text))
        #expect(isAdded)
        #expect(file.entry(of: token.text)?.name == "a")
        #expect(file.entry(of: other.text) == nil)
        #expect(!file.text.contains(token.text), "the file must not hold the token")
        #expect(token.text.hasPrefix("hlt_") && token.text.utf8.count == 47)
    }

    @Test func aFileIsWrittenAsItWasRead() throws {
        let digest = APIToken.digest(of: "x")
        let text = "# mine\na:read:\(digest):1:-\n\nb.c:operate:\(digest):2:99\n"
        let file = try TokenFile(text, file: "t")
        #expect(file.text == text)
        #expect(file.entries.map(\.expires) == [nil, 99])
    }

    @Test func aTokenEndsWithItsTime() {
        #expect(entry("a", "x", expires: 5).isValid(at: 4))
        #expect(!entry("a", "x", expires: 5).isValid(at: 5))
        #expect(entry("a", "x").isValid(at: .max))
    }

    @Test func aNameIsTakenOnceAndGivenBack() {
        var file = TokenFile()
        let added = [entry("a", "x"), entry("a", "y"), entry("no name", "y")].map { file.add($0) }
        #expect(added == [true, false, false])
        let removed = ["a", "a"].map { file.remove($0) }
        #expect(removed == [true, false])
        #expect(file.entry(of: "x") == nil)
    }

    @Test func everyFaultIsToldWithItsLine() {
        let digest = APIToken.digest(of: "x")
        let text = "a:read:\(digest):1:-\na:read:\(digest):1:-\nb:root:\(digest):1:-\nc:read:12:1:-\nd:read\n"
        let faults = #expect(throws: TokenFile.Faults.self) { try TokenFile(text, file: "t") }
        #expect(
            faults?.list == [
                "t:2: the name 'a' is there already", "t:3: 'root' is neither read nor operate",
                "t:4: the digest is not 64 hexadecimal digits in lower case",
                "t:5: expected name:role:digest:created:expires",
            ])
    }
}
