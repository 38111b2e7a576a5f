#if canImport(Darwin)
    import Darwin

    /// The kernel's clock that goes on in sleep, with the id of the present boot.
    public final class BootTimeClock: BootClock {
        private let boot: String

        public init() {
            var length = 0
            sysctlbyname("kern.bootsessionuuid", nil, &length, nil, 0)
            var text = [CChar](repeating: 0, count: length)
            sysctlbyname("kern.bootsessionuuid", &text, &length, nil, 0)
            boot = String(cString: text + [0])
        }

        public func read() throws -> BootReading {
            let ns = clock_gettime_nsec_np(CLOCK_MONOTONIC_RAW)
            return BootReading(boot: boot, ms: Int64(ns / 1_000_000))
        }
    }

    /// The clock that a store gets if it is given no other.
    public let defaultBootClock: (any BootClock)? = BootTimeClock()
#else
    /// The clock that a store gets if it is given no other: away from Apple's systems the
    /// library's own, which reads the kernel's.
    public let defaultBootClock: (any BootClock)? = nil
#endif
