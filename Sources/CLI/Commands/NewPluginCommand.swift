import ArgumentParser
import Configuration
import Glibc

/// `hookline plugins new`
struct NewPluginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Begin a plugin in C: one file that builds and runs as it is.",
        discussion: "docs/plugins.md goes on from there; Examples/plugins has one in Swift.")

    @Argument(help: "Its name: a-z, 0-9 and single '-'.")
    var name: String

    func run() throws {
        let isGood = name.split(separator: "-", omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty && part.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) }
        }
        guard isGood else { throw end(ToolExit.usage, "'\(name)': use a-z and 0-9, with single '-' between words") }
        let file = "\(name).c"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw end(ToolExit.failure, "\(file): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        let bytes = Array(Self.source(name).utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else {
            throw end(ToolExit.failure, "\(file): \(String(cString: strerror(errno)))")
        }
        print(
            """
            \(file) counts the messages of a filter. To build and to try it:

              gcc -shared -fPIC -O2 -o \(name).so \(file) $(pkg-config --cflags hookline)
              hookline plugins validate \(name).so

            In the list 'plugins' of plugins.yaml:

              - { id: \(name), path: ./\(name).so, config: { filter: "#" } }
            """)
    }

    private static func source(_ name: String) -> String {
        """
        /* gcc -shared -fPIC -O2 -o \(name).so \(name).c $(pkg-config --cflags hookline) */
        #include <hookline/plugin.h>
        #include <stdatomic.h>

        typedef struct {
            hl_self *self;
            atomic_ullong seen;
        } plugin;

        /* Every message that a client publishes to the filter. [loop]: it must not block. */
        static hl_verdict count(void *state, hl_call *call, const hl_msg *msg) {
            plugin *p = state;
            (void)call;
            (void)msg;
            atomic_fetch_add(&p->seen, 1);
            return HL_ABSTAIN;
        }

        static hl_status start(hl_self *self, const hl_config *config, void **state) {
            plugin *p = hl_alloc(self, sizeof *p); /* zeroed; the host frees it after stop */
            if (p == 0) return HL_NO_MEMORY;
            p->self = self;
            *state = p;
            return hl_on_msg_in(self, hl_config_text(config, "filter"), count);
        }

        static const hl_config_key keys[] = {
            {"filter", HL_FILTER, "#", "what to count"},
            {0, 0, 0, 0},
        };

        HL_PLUGIN("org.example.\(name)", "0.1.0", HL_FREE, keys, start)

        """
    }
}
