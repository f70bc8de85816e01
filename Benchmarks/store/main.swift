// What a store does by itself, without a broker: batches as the broker's event loops submit them, the disk flushed.
//
// usage: store-bench PLUGIN.so [FOLDER] [SECONDS]
import Glibc
import StoreAccess

/// A path that does not depend on where the program was started.
func absolute(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
}

let arguments = CommandLine.arguments
guard arguments.count >= 2 else {
    print("usage: store-bench PLUGIN.so [FOLDER] [SECONDS]")
    exit(2)
}
let base = arguments.count > 2 ? absolute(arguments[2]) : "/var/tmp"
let seconds = arguments.count > 3 ? Double(arguments[3]) ?? 3 : 3

do {
    let plugin = try UnsafePluginFile(arguments[1])
    var passed = true
    for scenario in Scenario.all {
        passed = try scenario.run(plugin, base, seconds) && passed
    }
    exit(passed ? 0 : 1)
} catch {
    print("store-bench: \(error)")
    exit(1)
}
