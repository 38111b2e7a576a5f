import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// What shows the hub who asks. Keep both in the Keychain; the session ends with the shift.
public struct Tokens: Sendable {
    /// Authorises sending; lives as long as the enrolment.
    public var device: String
    /// Authorises receiving; `nil` when signed out.
    public var session: String?

    public init(device: String, session: String?) {
        self.device = device
        self.session = session
    }

    public init(_ enrolment: Enrolment) {
        self.init(device: enrolment.deviceToken, session: enrolment.sessionToken)
    }

    /// Returns the header lines that a request asks for beside its own.
    public func authorisation(_ request: HubRequest) -> [Header] {
        let bearer = Header(name: "authorization", value: "Bearer \(device)")
        switch request.auth {
        case .none: return []
        case .device: return [bearer]
        case .deviceAndSession:
            return [bearer] + (session.map { [Header(name: "lastmile-session", value: $0)] } ?? [])
        }
    }
}

/// Carries requests to the hub: the one place of this library that meets a network.
///
/// `URLSessionLink` does it with Foundation; an app with a stack of its own implements `send`.
/// A body is at most 256 KiB of an opened photo, or a push. A background session wants a file: write
/// it to the app's temporary folder, never into the store's, with complete file protection until
/// first unlock; delete it with the answer and at the next launch. One request is on its way per
/// channel, so there are never more than two such files.
public protocol HubLink: Sendable {
    /// Sends a request with these tokens. Every failure to get an answer is `.noAnswer`.
    func send(_ request: HubRequest, tokens: Tokens?) async -> HubReply
}

extension HubLink {
    /// Enrols this phone with the one-time code the station gave.
    ///
    /// Keep the enrolment (`enrolmentToJson`) in the Keychain: it opens the store from now on.
    /// Throws `LastmileError.Hub`: `CodeSpent`, or `NoAnswer` without a signal.
    public func enrol(code: String, publicKey: String? = nil) async throws -> Enrolment {
        let request = enrolRequest(code: code, publicKey: publicKey)
        return try readEnrolment(reply: await send(request, tokens: nil))
    }

    /// Enrols this phone again as the device that it is, with a new one-time code and a badge of its
    /// own, over or not: that of `Courier.badge` or of its enrolment.
    ///
    /// For a phone whose requests are all answered with `Unauthorised`: the hub was restored from a
    /// backup that is older than the enrolment, or the phone has lost its tokens. Open the store with
    /// the new enrolment: nothing in it is lost.
    /// Throws `LastmileError.Hub`: `CodeSpent`, `OtherHub` for a badge of another, or `NoAnswer`
    /// without a signal.
    public func enrolAgain(code: String, badge: String) async throws -> Enrolment {
        let request = enrolAgainRequest(code: code, badge: badge)
        return try readEnrolment(reply: await send(request, tokens: nil))
    }
}

/// A link over `URLSession`.
public struct URLSessionLink: HubLink {
    private let hub: URL
    private let session: URLSession

    /// Makes a link to the hub at an address such as `https://hub.example`.
    public init(hub: URL, session: URLSession? = nil) {
        self.hub = hub
        self.session = session ?? URLSession(configuration: Self.configuration)
    }

    private static var configuration: URLSessionConfiguration {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = 60
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        return configuration
    }

    public func send(_ request: HubRequest, tokens: Tokens?) async -> HubReply {
        guard let url = URL(string: request.path, relativeTo: hub) else { return .noAnswer }
        var sent = URLRequest(url: url)
        sent.httpMethod = request.method
        for line in request.headers + (tokens?.authorisation(request) ?? []) {
            sent.setValue(line.value, forHTTPHeaderField: line.name)
        }
        if case .bytes(let bytes) = request.body { sent.httpBody = bytes }
        return await exchange(sent)
    }

    private func exchange(_ request: URLRequest) async -> HubReply {
        await withCheckedContinuation { continuation in
            let task = session.dataTask(with: request) { body, response, _ in
                guard let response = response as? HTTPURLResponse else {
                    return continuation.resume(returning: .noAnswer)
                }
                let headers = response.allHeaderFields.compactMap { name, value in
                    (name as? String).map { Header(name: $0, value: "\(value)") }
                }
                let status = UInt16(clamping: response.statusCode)
                continuation.resume(
                    returning: .answer(status: status, headers: headers, body: body ?? Data()))
            }
            task.resume()
        }
    }
}
