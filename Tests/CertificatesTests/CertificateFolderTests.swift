import Glibc
import Testing

@testable import Certificates

@Suite struct CertificateFolderTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/hookline-certs-XXXXXX".utf8CString)
        let path = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer {
            for name in ["ca", "server", "client", "a", "b"] {
                for ending in ["pem", "key"] { unlink("\(path)/made/\(name).\(ending)") }
            }
            rmdir(path + "/made")
            rmdir(path)
        }
        try body(path + "/made")
    }

    @Test func `a set is made once, with keys for their owner only`() throws {
        try withFolder { path in
            let folder = CertificateFolder(path)
            #expect(!folder.hasAll(.init()))
            let files = try folder.make(.init())
            #expect(
                files.map { $0.replacing(path + "/", with: "") }
                    == ["ca.pem", "ca.key", "server.pem", "server.key", "client.pem", "client.key"])
            #expect(folder.hasAll(.init()))
            for file in files {
                var status = stat()
                #expect(stat(file, &status) == 0)
                #expect(status.st_mode & 0o777 == (file.hasSuffix(".key") ? 0o600 : 0o644))
            }
            let error = #expect(throws: CertificateError.self) { try folder.make(.init()) }
            #expect(
                error?.description == "\(path)/ca.pem exists; nothing was changed. Move it away, or give another folder"
            )
        }
    }

    @Test(arguments: ["../evil", "", ".hidden", "a/b", "ca", "server"])
    func `a client's name is a file's name and nothing else`(name: String) throws {
        try withFolder { path in
            var plan = CertificateFolder.Plan()
            plan.clients = [name]
            #expect(throws: CertificateError.self) { try CertificateFolder(path).make(plan) }
            #expect(access(path, F_OK) != 0, "nothing was made")
        }
    }

    @Test func `names and addresses go into the certificate as what they are`() throws {
        #expect(
            try CertificateAuthority.alternativeNames(["localhost", "127.0.0.1", "::1", "*.example.org"])
                == "DNS:localhost,IP:127.0.0.1,IP:::1,DNS:*.example.org")
        for name in ["a,DNS:b", "", "a b", "email:x", "dirName:sect"] {
            #expect(throws: CertificateError.self) { try CertificateAuthority.alternativeNames([name]) }
        }
    }

    @Test(arguments: [0, -1, 40_000, .max]) func `the time a certificate is valid has bounds`(days: Int) {
        #expect(throws: CertificateError.self) { try CertificateAuthority(commonName: "x", validDays: days) }
    }
}
