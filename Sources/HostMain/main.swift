import Glibc
import Host

exit(HostProcess.run(Array(CommandLine.arguments.dropFirst())))
