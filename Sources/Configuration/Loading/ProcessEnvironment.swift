@preconcurrency import Glibc

/// The environment of this process.
public enum ProcessEnvironment {
    /// A copy of all variables. Call it before threads start that might change them; Hookline's own never do.
    public static func current() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text)
            if let equals = pair.firstIndex(of: "=") {
                variables[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
            }
            entry += 1
        }
        return variables
    }
}
