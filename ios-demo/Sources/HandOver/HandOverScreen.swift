import Lastmile

/// What the screen shows, free of SwiftUI so that a plain test can hold it.
public struct HandOverScreen: Sendable {
    /// The line at the top.
    public let title: String

    /// Makes the screen of a library.
    public init(_ lastmile: Lastmile) {
        title = "Lastmile \(lastmile.version())"
    }
}
