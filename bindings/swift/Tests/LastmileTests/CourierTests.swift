import Foundation
import Lastmile
import Testing

/// What tests seal their stores under.
let storeKey = Data(repeating: 7, count: 32)

/// What Swift makes of the library: errors, life cycle, streams. Needs no hub.
@Suite struct CourierTests {
    private let folder: URL

    init() throws {
        folder = try temporaryFolder()
    }

    private func enrolment(device: String = "018f0000-0000-7000-8000-000000000001") -> Enrolment {
        Enrolment(
            device: device, courier: "4849", station: "JL31", deviceToken: "device",
            sessionToken: "session", rootKey: "04", epoch: "018f0000-0000-7000-8000-000000000002")
    }

    private func courier() throws -> Courier { try Courier(folder: folder, key: storeKey, enrolment: enrolment()) }

    private func complaint(_ id: CaseId, name: String = "欧阳娜") -> Command {
        .receiveComplaint(
            case: id, waybill: "SF1000000000002",
            complainant: Person(name: name, phone: "13900000003", address: "", lng: nil, lat: nil),
            demand: "请今天送到", source: .customer, class: .delay, about: nil)
    }

    @Test func aRefusalHasACodeAndAdvice() async throws {
        let courier = try courier()
        let command = Command.arrive(waybill: "SF1999999999999")
        let refused = await failure { try await courier.record(command) }
        guard case .Refused("UnknownParcel", let advice) = refused else {
            Issue.record("\(String(describing: refused))")
            return
        }
        #expect(advice.contains("sync"))
        let objection = try #require(await courier.check(command))
        #expect(objection == Objection(code: "UnknownParcel", advice: advice, canBeRecordedDone: false))
        #expect(try await courier.status().pending == 0)
    }

    @Test(arguments: ["", "A", "运单 1", String(repeating: "SF1", count: 50)])
    func aBadWaybillIsBadInputAndNoCrash(waybill: String) async throws {
        let courier = try courier()
        let bad = await failure {
            try await courier.record(.arrive(waybill: waybill))
        }
        guard case .BadInput = bad else {
            Issue.record("\(String(describing: bad))")
            return
        }
    }

    @Test func aSuspendedStoreSaysSoAndWorksAfterResume() async throws {
        let courier = try courier()
        let command = complaint(try await courier.newCase())
        try await courier.suspend()
        await #expect(throws: LastmileError.Suspended) { try await courier.record(command) }

        try await courier.resume()
        try await courier.record(command)

        #expect(try await courier.status().pending == 1)
    }

    @Test func whatIsNotSyncedHasItsCodeAndASupportDeskIsSentNobodysName() async throws {
        let courier = try courier()
        try await courier.record(complaint(courier.newCase()))
        let stall = Stall(code: "NotSynced", channel: .events, count: 1, retryInMs: 0)
        #expect(try await courier.stalls() == [stall])
        let told = try await courier.diagnostics()
        #expect(told.contains("NotSynced"))
        #expect(!told.contains("欧阳娜") && !told.contains("13900000003") && !told.contains("请今天送到"))
    }

    @Test func aSecondOpenGivesTheSameStore() async throws {
        let first = try courier()
        let second = try Courier(folder: folder.appendingPathComponent("."), key: storeKey, enrolment: enrolment())
        try await second.record(complaint(second.newCase()))
        #expect(try await first.status().pending == 1)
    }

    @Test func anotherEnrolmentIsATypedError() async throws {
        let other = enrolment(device: "018f0000-0000-7000-8000-000000000009")
        let first = try courier()
        try await first.record(complaint(first.newCase()))
        let refused = await failure { try Courier(folder: folder, key: storeKey, enrolment: other) }
        #expect(errorCode(refused) == "OtherEnrolment")
        #expect(try await first.status().pending == 1)
    }

    @Test func theKeyInForceOpensTheStoreAndNoOther() async throws {
        let new = Data(repeating: 8, count: 32)
        try await {
            let courier = try courier()
            try await courier.record(complaint(courier.newCase()))
            try await courier.rotateKey(new)
            let refused = await failure { try self.courier() }
            #expect(errorCode(refused) == "WrongKey")
        }()
        let opened = try Courier(folder: folder, key: new, enrolment: enrolment())
        #expect(try await opened.status().pending == 1)
        let short = await failure { try Courier(folder: folder, key: Data(count: 31), enrolment: enrolment()) }
        #expect(errorCode(short) == "BadArgument")
    }

    @Test func aStreamGivesThePresentValueAndThenTheNext() async throws {
        let courier = try courier()
        var seen: [Int64] = []
        for try await status in courier.values(of: { try $0.status() }) {
            seen.append(status.pending)
            if seen.count == 3 { break }
            try await courier.record(complaint(courier.newCase()))
        }
        #expect(seen == [0, 1, 2])
    }

    @Test func aStreamKeepsStillWhileSuspended() async throws {
        let courier = try courier()
        try await courier.record(complaint(courier.newCase()))
        try await courier.suspend()
        let first = Task {
            for try await status in courier.values(of: { try $0.status() }) { return status.pending }
            return -1
        }
        await Task.yield()
        try await courier.resume()
        #expect(try await first.value == 1)
    }

    @Test func whatAListenerThrowsIsATypedErrorWithoutItsWords() async throws {
        let lastmile = try Lastmile.open(
            folder: folder.path, key: storeKey, identity: identityOf(enrolment: enrolment()), offsetMin: 480, durability: .full)
        let failed = await failure { try lastmile.subscribe(listener: Thrower()) }
        guard case .Internal(let report) = failed else {
            Issue.record("\(String(describing: failed))")
            return
        }
        #expect(!report.contains("139"))
    }

    @Test func aPhotoIsTakenFromAFileOfTheCaptureFolderOnly() async throws {
        let courier = try courier()
        let jpeg = Data([0xff, 0xd8, 0xff, 0xe0] + [UInt8](repeating: 0, count: 60))
        let photo = courier.captureFolder.appendingPathComponent("door.jpg")
        try jpeg.write(to: photo)
        let lane = parcelLane("SF1000000000001")
        let taken = try await courier.capture(photo, for: lane)
        #expect(taken.bytes == 64)
        #expect(!FileManager.default.fileExists(atPath: photo.path), "it is there once, and sealed")
        #expect(try await courier.readMedia(taken.id, offset: 0, length: 1000) == jpeg)

        let elsewhere = folder.appendingPathComponent("door.jpg")
        try jpeg.write(to: elsewhere)
        let path = await failure { try await courier.capture(elsewhere, for: lane) }
        #expect(errorCode(path) == "MediaBadPath")
    }

    @Test func aPreviewIsKeptForAPhotoAndRefusedIfItIsNone() async throws {
        let courier = try courier()
        let jpeg = { (bytes: Int) in Data([0xff, 0xd8, 0xff, 0xe0] + [UInt8](repeating: 0, count: bytes)) }
        let photo = try await courier.capture(jpeg(200_000), for: parcelLane("SF1000000000001"), source: .camera)
        try await courier.addPreview(jpeg(10_000), of: photo.id)

        let none = await failure { try await courier.addPreview(Data([1, 2, 3]), of: photo.id) }
        #expect(errorCode(none) == "PreviewNotPicture")
        let large = await failure { try await courier.addPreview(jpeg(40_000), of: photo.id) }
        #expect(errorCode(large) == "PreviewTooLarge")
    }

    @Test func whatALostPhoneTookWithItIsAttested() async throws {
        let courier = try courier()
        let id = try await courier.newCase()
        let happened = Int64(Date().timeIntervalSince1970 * 1000) - 3_600_000
        try await courier.attestLate(complaint(id), happenedMs: happened, reason: "手机丢了")

        let entry = try #require(try await courier.history("complaint:\(id)").last)
        #expect(entry.at.ms == happened)
        #expect(try #require(entry.attestedAt).ms > happened)
    }

    @Test func noErrorTextHoldsWhatWasTypedIn() async throws {
        let courier = try courier()
        let blank = complaint(try await courier.newCase(), name: "王小明")
        let errors = [
            await failure { try commandFromJson(json: #"{"do": "王小明 13900000001"}"#) },
            await failure { try await courier.record(.arrive(waybill: "王小明13900000001")) },
            await failure { try await courier.exceptionCase("王小明 13900000001") },
            await failure { try await courier.recordDone(blank, reason: " ") },
            await failure { try await courier.attestLate(blank, happenedMs: 0, reason: "丢了") },
        ]
        for error in errors {
            let text = String(reflecting: error)
            #expect(!text.contains("王小明") && !text.contains("139"))
        }
    }

    @Test func aHubOutOfReachIsNoAnswerAndLosesNothing() async throws {
        let courier = try courier()
        try await courier.record(complaint(courier.newCase()))
        // Nothing listens on port 9.
        let link = URLSessionLink(hub: try #require(URL(string: "http://127.0.0.1:9")))

        let report = try await courier.sync(over: link)

        #expect(try #require(report.retryInMs) > 0)
        #expect(try await courier.status().pending == 1)
    }

    @Test func theVersionIsTold() {
        #expect(version().split(separator: ".").count == 3)
    }
}

private final class Thrower: ChangeListener {
    struct Words: Error { let text = "王小明 13900000001" }
    func onChange(lanes: [Lane]) throws { throw Words() }
}

func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("lastmile-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
}

/// Returns what a call throws; a call that throws nothing, or something untyped, fails the test.
func failure<Value>(
    at: SourceLocation = #_sourceLocation, _ call: () async throws -> Value
) async -> LastmileError? {
    do {
        _ = try await call()
        Issue.record("nothing was thrown", sourceLocation: at)
    } catch let error as LastmileError {
        return error
    } catch {
        Issue.record("untyped: \(type(of: error))", sourceLocation: at)
    }
    return nil
}

/// Returns the stable code of an error that has one.
func errorCode(_ error: LastmileError?) -> String? {
    switch error {
    case .Refused(let code, _), .BadInput(let code, _), .Store(let code, _), .Hub(let code, _): code
    default: nil
    }
}
