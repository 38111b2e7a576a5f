import Foundation
import Lastmile
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Plays the files of `tests/scenarios` through the facade, against a hub on a port.
@Test func theFirstHandOverComesOutAsWritten() async throws {
    let hub = try #require(URL(string: setting("LASTMILE_HUB")))
    let link = URLSessionLink(hub: hub)
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let enrolment = try await link.enrol(code: setting("LASTMILE_CODE"))
    let courier = try Courier(folder: folder, enrolment: enrolment)

    let runner = Runner(courier: courier, link: link, hub: hub)
    try await runner.play("setup.json")
    try await runner.play("first_handover.json")

    let again = await failure { try await link.enrol(code: setting("LASTMILE_CODE")) }
    #expect(errorCode(again) == "CodeSpent")
}

private final class Runner {
    private let courier: Courier
    private let link: URLSessionLink
    private let hub: URL
    private var kept: [String: Any] = [:]

    init(courier: Courier, link: URLSessionLink, hub: URL) {
        self.courier = courier
        self.link = link
        self.hub = hub
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
            #expect(try await clerk(json(command)) < 300, at)
        } else if let name = step["case"] as? String {
            kept[name] = try await courier.newCase()
        } else if let capture = step["capture"] as? [String: String] {
            try await take(lane: capture["lane"] ?? "", name: capture["as"] ?? "")
        } else if let record = step["record"] {
            _ = try await courier.record(commandFromJson(json: json(record)))
        } else if let code = step["refused"] as? String, let command = step["command"] {
            let command = try commandFromJson(json: json(command))
            let refused = await failure { try await courier.record(command) }
            #expect(errorCode(refused) == code, at)
        } else if step["sync"] != nil {
            let report = try await courier.sync(over: link)
            #expect(report.done && report.problem == nil, at)
        } else if let pending = step["pending"] as? Int {
            #expect(try await courier.status().pending == pending, at)
        } else if let lane = step["history"] as? String {
            let last = try await courier.history(lane).last { $0.kind == step["kind"] as? String }
            #expect(try name(#require(last).progress) == step["progress"] as? String, at)
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

    /// Puts what was kept where a string says `$name`.
    private func filled(_ value: Any) -> Any {
        switch value {
        case let text as String: return text.hasPrefix("$") ? kept[String(text.dropFirst())] ?? text : text
        case let items as [Any]: return items.map(filled)
        case let fields as [String: Any]: return fields.mapValues(filled)
        default: return value
        }
    }

    private func json(_ value: Any) throws -> String {
        String(decoding: try JSONSerialization.data(withJSONObject: value), as: UTF8.self)
    }

    private func name(_ progress: EventProgress) -> String {
        switch progress {
        case .recorded: "recorded"
        case .mediaPending: "media_pending"
        case .confirmed: "confirmed"
        case .parked: "parked"
        }
    }

    private func clerk(_ command: String) async throws -> Int {
        var request = URLRequest(url: hub.appendingPathComponent("v1/clerk/commands"))
        request.httpMethod = "POST"
        request.setValue("Bearer \(setting("LASTMILE_CLERK"))", forHTTPHeaderField: "authorization")
        request.setValue("application/json", forHTTPHeaderField: "content-type")
        request.httpBody = Data(command.utf8)
        let (_, response) = try await URLSession.shared.data(for: request)
        return (response as? HTTPURLResponse)?.statusCode ?? 0
    }
}

/// Reads what `cargo xtask swift-test` says about the hub it started.
private func setting(_ name: String) -> String {
    guard let value = ProcessInfo.processInfo.environment[name] else {
        fatalError("\(name) is not set; run the tests with: cargo xtask swift-test")
    }
    return value
}
