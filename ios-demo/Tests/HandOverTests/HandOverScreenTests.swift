import Foundation
import HandOver
import HandOverViews
import Lastmile
import Testing

/// The screen over a scripted client: no library, no hub, no SwiftUI.
@MainActor @Suite struct HandOverScreenTests {
    private let client = ScriptedClient()
    private let photo = URL(fileURLWithPath: "door.jpg")

    @Test func theListShowsTheTasks() async {
        let screen = HandOverScreen(client)
        await screen.follow()
        #expect(screen.state.tasks.map(\.waybill) == ["SF1", "SF2"])
    }

    @Test func withoutASignalAHandOverIsRecordedAndNotConfirmed() async {
        await client.script(reachable: false)
        let screen = HandOverScreen(client)
        await screen.choose("SF1")

        await screen.photoTaken(photo)

        #expect(screen.state.handOver == .recorded)
        #expect(screen.state.waiting == 1)
        #expect(screen.state.advice == nil)
    }

    @Test func withASignalItIsConfirmedAtOnce() async {
        let screen = HandOverScreen(client)
        await screen.choose("SF1")
        await screen.photoTaken(photo)
        #expect(screen.state.handOver == .confirmed)
        #expect(screen.state.waiting == 0)
    }

    @Test func aRefusalShowsItsAdviceAndRecordsNothing() async {
        await client.script(refusal: .Refused(code: "Recalled", advice: "bring it back to the station"))
        let screen = HandOverScreen(client)
        await screen.choose("SF1")

        await screen.photoTaken(photo)

        #expect(screen.state.advice == "bring it back to the station")
        #expect(screen.state.handOver == .none)
        await screen.choose("SF2")
        #expect(screen.state.advice == nil)
    }

    @Test func aViewIsToldEachNewState() async {
        let screen = HandOverScreen(client)
        var seen: [HandOverState] = []
        screen.changed = { seen.append($0.handOver) }
        await screen.choose("SF1")
        await screen.photoTaken(photo)
        #expect(seen.contains(.recorded) && seen.last == .confirmed)
    }
}

private actor ScriptedClient: StationClient {
    private var reachable = true
    private var refusal: LastmileError?
    private var handOvers: [Waybill: EventProgress] = [:]

    func script(reachable: Bool = true, refusal: LastmileError? = nil) {
        self.reachable = reachable
        self.refusal = refusal
    }

    nonisolated func tasks() -> AsyncThrowingStream<[DeliveryTask], any Error> {
        AsyncThrowingStream { tasks in
            tasks.yield(["SF1", "SF2"].map { DeliveryTask(waybill: $0, stage: "out_for_delivery") })
            tasks.finish()
        }
    }

    func waiting() -> Int64 { Int64(handOvers.values.filter { $0 == .recorded }.count) }

    func handOver(_ waybill: Waybill) -> EventProgress? { handOvers[waybill] }

    func recordHandOver(_ waybill: Waybill, photo: URL) throws {
        if let refusal { throw refusal }
        handOvers[waybill] = .recorded
    }

    func sync() -> SyncReport {
        if !reachable { return SyncReport(retryInMs: 5_000, problem: nil) }
        handOvers = handOvers.mapValues { _ in .confirmed }
        return SyncReport(retryInMs: nil, problem: nil)
    }
}
