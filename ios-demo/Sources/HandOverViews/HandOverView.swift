import HandOver
import SwiftUI

/// The demo's one screen. What it shows is decided in `HandOverScreen`.
public struct HandOverView: View {
    private let screen: HandOverScreen

    /// Shows a screen.
    public init(_ screen: HandOverScreen) {
        self.screen = screen
    }

    public var body: some View {
        Text(screen.title)
    }
}
