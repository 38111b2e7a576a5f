import Foundation
import HandOver
import Lastmile
import SwiftUI

/// Asks for the hub and the one-time code, and hands on the enrolment. An app that kept one in
/// the Keychain goes straight to `HandOverView`.
public struct EnrolView: View {
    private let enrolled: (URL, Enrolment) -> Void
    @State private var hub = ""
    @State private var code = ""
    @State private var advice = ""

    public init(enrolled: @escaping (URL, Enrolment) -> Void) {
        self.enrolled = enrolled
    }

    public var body: some View {
        VStack {
            TextField("Address of the hub", text: $hub)
            TextField("One-time code", text: $code)
            Button("Enrol") {
                Task { await enrol() }
            }
            Text(advice)
        }
    }

    private func enrol() async {
        guard let url = URL(string: hub) else {
            advice = "write the hub's address, https://…"
            return
        }
        do {
            enrolled(url, try await URLSessionLink(hub: url).enrol(code: code))
        } catch LastmileError.Hub(_, let words) {
            advice = words
        } catch {
            advice = "try again"
        }
    }
}
