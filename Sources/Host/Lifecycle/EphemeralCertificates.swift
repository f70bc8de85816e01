import Certificates
import Configuration
import Glibc

/// Certificates of a broker that keeps nothing: listeners whose certificate is not there get one for `localhost`, made
/// in a folder of this process that goes when the broker does. The ports file names the authority that signed it.
final class EphemeralCertificates {
    private let folder: CertificateFolder
    private let plan = CertificateFolder.Plan()

    /// Points the listeners of `configuration` that need it to new files. Nil when each has its own, or when the
    /// broker is not an ephemeral one.
    init?(for configuration: inout ServerConfiguration) throws(StartFailure) {
        guard configuration.isEphemeral else { return nil }
        let needy = configuration.listeners.indices.filter { index in
            configuration.listeners[index].tls.map { !Self.isThere($0.certificate) || !Self.isThere($0.key) } ?? false
        }
        guard !needy.isEmpty else { return nil }
        folder = CertificateFolder(try Self.newFolder())
        do throws(CertificateError) {
            _ = try folder.make(plan)
        } catch {
            throw StartFailure(error)
        }
        for index in needy {
            configuration.listeners[index].tls?.certificate = "\(folder.path)/server.pem"
            configuration.listeners[index].tls?.key = "\(folder.path)/server.key"
            configuration.listeners[index].tls?.authority = "\(folder.path)/ca.pem"
        }
    }

    deinit {
        for file in folder.files(plan) { unlink(file) }
        rmdir(folder.path)
    }

    private static func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// mkdtemp: mode 0700, and nobody else's.
    private static func newFolder() throws(StartFailure) -> String {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/hookline-certs-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw StartFailure(OperationError("make a folder for certificates in \(parent)"))
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
