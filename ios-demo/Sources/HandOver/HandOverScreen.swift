import Foundation
import Lastmile

/// A hand-over's state in the words of the screen.
public enum HandOverState: String, Sendable {
    case none = "not handed over"
    case recorded = "recorded on this phone"
    case onItsWay = "at the hub, photo on its way"
    case confirmed = "confirmed by the hub"
    case parked = "with the station, to be looked at"
}

/// Everything the screen shows.
public struct ScreenState: Sendable, Equatable {
    public var tasks: [DeliveryTask] = []
    public var chosen: Waybill?
    public var handOver = HandOverState.none
    public var waiting: Int64 = 0
    /// The advice of the last refusal or problem: it says what to do.
    public var advice: String?

    public init() {}
}

/// What the screen does, free of SwiftUI so that a plain test can hold it.
///
/// "Recorded" is shown as soon as the act is safe on the phone, "confirmed" only when the hub has
/// the act and its photo: two states, never one.
@MainActor
public final class HandOverScreen {
    /// What is shown now.
    public private(set) var state = ScreenState() { didSet { changed?(state) } }
    /// Is told each new state; a view keeps it in its own `@State`.
    public var changed: ((ScreenState) -> Void)?

    private let client: any StationClient

    public init(_ client: any StationClient) {
        self.client = client
    }

    /// Follows the list until the task that runs it ends.
    public func follow() async {
        await advised {
            for try await tasks in client.tasks() { state.tasks = tasks }
        }
    }

    /// The courier picked a line of the list.
    public func choose(_ waybill: Waybill) async {
        state.chosen = waybill
        state.advice = nil
        await look()
    }

    /// The camera has written its photo: record the hand-over, then try to send it.
    public func photoTaken(_ photo: URL) async {
        guard let waybill = state.chosen else { return }
        await advised { try await client.recordHandOver(waybill, photo: photo) }
        await look()
        await sync()
    }

    /// Sends and receives; without a signal nothing is lost and nothing is said.
    public func sync() async {
        await advised { _ = try await client.sync() }
        await look()
    }

    private func look() async {
        await advised {
            state.waiting = try await client.waiting()
            guard let waybill = state.chosen else { return }
            state.handOver =
                switch try await client.handOver(waybill) {
                case nil: .none
                case .recorded: .recorded
                case .mediaPending: .onItsWay
                case .confirmed: .confirmed
                case .parked: .parked
                }
        }
    }

    private func advised(_ act: () async throws -> Void) async {
        do {
            try await act()
        } catch LastmileError.Refused(_, let advice), LastmileError.BadInput(_, let advice),
            LastmileError.Store(_, let advice)
        {
            state.advice = advice
        } catch {
            // Suspended, or a mistake of ours: the next act says so again.
        }
    }
}
