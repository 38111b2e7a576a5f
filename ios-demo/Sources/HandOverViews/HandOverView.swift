import Foundation
import HandOver
import SwiftUI

/// The demo's one screen. What it shows is decided in `HandOverScreen`.
///
/// Checked here: the screen's logic by tests, this view's types against a stand-in for SwiftUI.
/// Not checked here: SwiftUI itself, a device, the XCFramework, Keychain, a camera.
public struct HandOverView: View {
    private let screen: HandOverScreen
    private let camera: () -> URL
    @State private var shown = ScreenState()

    /// Shows a screen; `camera` takes a photo into the store's capture folder.
    public init(_ screen: HandOverScreen, camera: @escaping () -> URL) {
        self.screen = screen
        self.camera = camera
    }

    public var body: some View {
        VStack {
            List(shown.tasks) { task in
                Button("\(task.waybill)  \(task.stage)") {
                    Task { await screen.choose(task.waybill) }
                }
            }
            Text("\(shown.chosen ?? "")  \(shown.handOver.rawValue)")
            Text("Waiting for the hub: \(shown.waiting)")
            Text(shown.advice ?? "")
            Button("Take a photo and hand over") {
                Task { await screen.photoTaken(camera()) }
            }
            Button("Sync") {
                Task { await screen.sync() }
            }
        }
        .task {
            screen.changed = { shown = $0 }
            await screen.follow()
        }
    }
}
