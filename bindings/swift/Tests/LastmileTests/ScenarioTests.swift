import Foundation
import Lastmile
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Plays the files of `tests/scenarios` through the facade, against hubs on ports.
@Test func theFirstHandOverReachesAHubProcess() async throws {
    let place = Place(
        file: "first_handover.json", hub: setting("LASTMILE_HUB"), clerk: setting("LASTMILE_CLERK"),
        code: setting("LASTMILE_CODE"))
    try await place.play()

    let link = try URLSessionLink(hub: #require(URL(string: place.hub)))
    let again = await failure { try await link.enrol(code: place.code) }
    #expect(errorCode(again) == "CodeSpent")
}

@Test func everyScenarioOfOnePhoneComesOutAsWritten() async throws {
    let stage = try JSONDecoder().decode([Place].self, from: Data(setting("LASTMILE_STAGE").utf8))
    #expect(!stage.isEmpty)
    for place in stage {
        try await place.play()
    }
}

/// A scenario and the hub it is played against.
private struct Place: Decodable {
    let file: String
    let hub: String
    let clerk: String
    let code: String

    func play() async throws {
        let url = try #require(URL(string: hub))
        let link = URLSessionLink(hub: url)
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let enrolment = try await link.enrol(code: code)
        let courier = try Courier(folder: folder, key: storeKey, enrolment: enrolment)
        let runner = Runner(courier: courier, link: link, hub: url, clerk: clerk)
        try await runner.play("setup.json")
        try await runner.play(file)

        let newCode = try await runner.newCode(enrolment.courier)
        let again = try await link.enrolAgain(code: newCode, badge: #require(enrolment.badge))
        #expect(again.device == enrolment.device)
        let reopened = try Courier(folder: folder, key: storeKey, enrolment: again)
        #expect(try await reopened.sync(over: link).problem == nil, "\(file)")
    }
}

private final class Runner {
    private let courier: Courier
    private let link: URLSessionLink
    private let hub: URL
    private let clerk: String
    private var kept: [String: Any] = [:]
    private var recorded: Recorded?
    /// One moment for a whole scenario: two texts that name the same time mean the same.
    private let startedMs = Int(Date().timeIntervalSince1970 * 1000)

    init(courier: Courier, link: URLSessionLink, hub: URL, clerk: String) {
        self.courier = courier
        self.link = link
        self.hub = hub
        self.clerk = clerk
    }

    func play(_ name: String) async throws {
        let file = URL(fileURLWithPath: setting("LASTMILE_TESTS")).appendingPathComponent("scenarios/\(name)")
        let scenario = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
        let steps = try #require(scenario?["steps"] as? [[String: Any]])
        for (at, step) in steps.enumerated() {
            let filled = try #require(filled(step) as? [String: Any])
            try await play(filled, "\(name), step \(at + 1)")
        }
    }

    private func play(_ step: [String: Any], _ at: Comment) async throws {
        if let command = step["clerk"] {
            try await desk("POST", "v1/clerk/commands", command, step, at)
        } else if let method = step["desk"] as? String, let path = step["path"] as? String {
            try await desk(method, String(path.dropFirst()), step["body"], step, at)
        } else if let name = step["case"] as? String {
            kept[name] = try await courier.newCase()
        } else if let name = step["keep"] as? String {
            kept[name] = pointed(try await state(step, at), step["at"] as? String ?? "")
        } else if let capture = step["capture"] as? [String: String] {
            try await take(lane: capture["lane"] ?? "", name: capture["as"] ?? "")
        } else if let record = step["record"], let reason = step["against"] as? String {
            recorded = try await courier.recordDone(commandFromJson(json: json(record)), reason: reason)
        } else if let record = step["record"] {
            recorded = try await courier.record(commandFromJson(json: json(record)))
        } else if let code = step["refused"] as? String, let command = step["command"] {
            let command = try commandFromJson(json: json(command))
            let refused = await failure { try await courier.record(command) }
            #expect(errorCode(refused) == code, at)
        } else if step["sync"] != nil {
            try await courier.pullSoon()
            let report = try await courier.sync(over: link)
            #expect(report.done && report.problem == nil, at)
        } else if let pending = step["pending"] as? Int {
            #expect(try await courier.status().pending == pending, at)
        } else if let lane = step["history"] as? String {
            let last = try await courier.history(lane).last { $0.kind == step["kind"] as? String }
            let entry = try #require(last)
            #expect(name(entry.progress) == step["progress"] as? String, at)
            if entry.progress == .confirmed, let recorded, recorded.events.contains(entry.event) {
                #expect(try await courier.waitUntilConfirmed(recorded), at)
            }
        } else if step["state"] != nil {
            let found = pointed(try await state(step, at), step["at"] as? String ?? "")
            let wanted = step["is"] ?? NSNull()
            #expect(try json([found]) == json([wanted]), at)
        } else {
            Issue.record(at)
        }
    }

    private func take(lane: String, name: String) async throws {
        // The camera wrote a file into the capture folder.
        let tests = URL(fileURLWithPath: setting("LASTMILE_TESTS"))
        let photo = courier.captureFolder.appendingPathComponent("door.jpg")
        try Data(contentsOf: tests.appendingPathComponent("fixtures/media/door.jpg")).write(to: photo)
        let evidence = try await courier.capture(photo, for: lane)
        kept[name] = try JSONSerialization.jsonObject(with: Data(evidenceToJson(evidence: evidence).utf8))
    }

    /// Puts what was kept where a text says `$name`, and a time where one says `now+minutes`.
    private func filled(_ value: Any) -> Any {
        switch value {
        case let text as String:
            if text.hasPrefix("now"), let minutes = Int(text.dropFirst(3)) {
                return startedMs + minutes * 60_000
            }
            guard let mark = text.firstIndex(of: "$"), let found = kept[String(text[mark...].dropFirst())] else {
                return text
            }
            return mark == text.startIndex ? found : "\(text[..<mark])\(found)"
        case let items as [Any]: return items.map(filled)
        case let fields as [String: Any]: return fields.mapValues(filled)
        default: return value
        }
    }

    /// The lane as the phone folds it, or the hub, without the name of its kind around it.
    private func state(_ step: [String: Any], _ at: Comment) async throws -> Any {
        let lane = step["state"] as? String ?? ""
        var state: Any?
        if step["hub"] != nil {
            let answer = try await desk("GET", "v1/clerk/lanes/\(lane)", nil, [:], at)
            state = (try JSONSerialization.jsonObject(with: answer) as? [String: Any])?["state"]
        } else if let text = try await courier.laneAsJson(lane) {
            state = try JSONSerialization.jsonObject(with: Data(text.utf8))
        }
        return (state as? [String: Any])?.values.first ?? NSNull()
    }

    /// Follows a JSON pointer. What is not there is null.
    private func pointed(_ value: Any, _ pointer: String) -> Any {
        pointer.split(separator: "/").reduce(value) { part, name in
            switch part {
            case let fields as [String: Any]: return fields[String(name)] ?? NSNull()
            case let items as [Any]:
                let at = Int(name) ?? items.count
                return at < items.count ? items[at] : NSNull()
            default: return NSNull()
            }
        }
    }

    private func json(_ value: Any) throws -> String {
        String(decoding: try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys]), as: UTF8.self)
    }

    private func name(_ progress: EventProgress) -> String {
        switch progress {
        case .recorded: "recorded"
        case .mediaPending: "media_pending"
        case .confirmed: "confirmed"
        case .parked: "parked"
        }
    }

    /// The code with which this courier comes in another time.
    func newCode(_ courier: CourierNo) async throws -> String {
        let answer = try await desk("POST", "v1/clerk/codes", ["courier": courier], [:], "a new code")
        let made = try JSONSerialization.jsonObject(with: answer) as? [String: Any]
        return try #require(made?["code"] as? String)
    }

    /// Sends a clerk's request and holds the answer to `refused`, or to success.
    @discardableResult
    private func desk(
        _ method: String, _ path: String, _ body: Any?, _ step: [String: Any], _ at: Comment
    ) async throws -> Data {
        var request = URLRequest(url: hub.appendingPathComponent(path))
        request.httpMethod = method
        request.setValue("Bearer \(clerk)", forHTTPHeaderField: "authorization")
        if let body {
            request.setValue("application/json", forHTTPHeaderField: "content-type")
            request.httpBody = Data(try json(body).utf8)
        }
        let (answer, response) = try await URLSession.shared.data(for: request)
        if let code = step["refused"] as? String {
            let problem = try JSONSerialization.jsonObject(with: answer) as? [String: Any]
            #expect(problem?["code"] as? String == code, at)
        } else {
            let status = (response as? HTTPURLResponse)?.statusCode ?? 0
            #expect(status < 300, at)
        }
        return answer
    }
}

/// Reads what `cargo xtask swift-test` says about the hubs it started.
private func setting(_ name: String) -> String {
    guard let value = ProcessInfo.processInfo.environment[name] else {
        fatalError("\(name) is not set; run the tests with: cargo xtask swift-test")
    }
    return value
}
