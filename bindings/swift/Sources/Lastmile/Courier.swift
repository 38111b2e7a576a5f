import Foundation

/// Returns the lane of a parcel.
public func parcelLane(_ waybill: Waybill) -> Lane { "parcel:\(waybill)" }

/// Returns the lane of an exception case.
public func exceptionLane(_ id: CaseId) -> Lane { "exception:\(id)" }

/// Returns the lane of a complaint.
public func complaintLane(_ id: CaseId) -> Lane { "complaint:\(id)" }

/// How a `sync` ended.
public struct SyncReport: Sendable {
    /// `nil` when everything is sent and received; else come again after so long.
    public let retryInMs: UInt64?
    /// The last answer that could not be used, if there was one: show its code and go on.
    public let problem: LastmileError?
    /// Everything is sent and received.
    public var done: Bool { retryInMs == nil }

    public init(retryInMs: UInt64?, problem: LastmileError?) {
        self.retryInMs = retryInMs
        self.problem = problem
    }
}

/// A courier's store, as an actor.
///
/// When `record` returns, the act is safe on the phone; `sync` carries it to the hub whenever
/// there is a signal. A call blocks its thread for milliseconds, never the main thread. A stream
/// gives the present value first and then each new one. Opening the same folder twice gives the
/// same store, so a screen and a background task may each open it.
public actor Courier {
    /// The folder that the camera must write into.
    public nonisolated let captureFolder: URL

    private let lastmile: Lastmile
    private var tokens: Tokens?
    private var syncing: (task: Task<SyncReport, any Error>, media: Bool)?

    /// Opens a courier's store in `folder`, or makes it on first use.
    ///
    /// `key` seals all that is stored: 32 random bytes, made once and kept in the Keychain. With another
    /// key it throws the code `WrongKey` and touches nothing.
    /// `clock` is a clock that counts sleep: `BootTimeClock` on Apple's systems. `signer` is a key
    /// in the Secure Enclave, if the phone was enrolled with one.
    public init(
        folder: URL, key: Data, enrolment: Enrolment, durability: Durability = .full,
        clock: (any BootClock)? = defaultBootClock, signer: (any DeviceSigner)? = nil
    ) throws {
        captureFolder = folder.appendingPathComponent("capture")
        tokens = Tokens(enrolment)
        lastmile = try Lastmile.open(
            folder: folder.path, key: key, identity: identityOf(enrolment: enrolment),
            offsetMin: Int16(TimeZone.current.secondsFromGMT() / 60), durability: durability,
            clock: clock, signer: signer)
    }

    /// Records an act. Throws `LastmileError.Refused` if a rule speaks against it, and then has
    /// written nothing.
    @discardableResult
    public func record(_ command: Command) throws -> Recorded { try lastmile.record(command: command) }

    /// Records an act that was done although a rule speaks against it, with the reason.
    @discardableResult
    public func recordDone(_ command: Command, reason: String) throws -> Recorded {
        try lastmile.recordDone(command: command, reason: reason)
    }

    /// Records an act of before, which a phone that is lost had recorded and never sent, with the
    /// reason. `happenedMs` is when it happened by the courier's word, UTC milliseconds.
    @discardableResult
    public func attestLate(_ command: Command, happenedMs: Int64, reason: String) throws -> Recorded {
        try lastmile.attestLate(command: command, happenedMs: happenedMs, reason: reason)
    }

    /// Tells what a rule says against an act, without recording anything.
    public func check(_ command: Command) throws -> Objection? { try lastmile.check(command: command) }

    /// Tells which parcels of a batch a rule speaks against, without recording anything.
    public func checkEach(_ command: Command) throws -> [LeftOut] { try lastmile.checkEach(command: command) }

    /// Makes the id of a new exception case or complaint.
    public func newCase() throws -> CaseId { try lastmile.newCase() }

    /// Takes a photo or video from a file in `captureFolder`, for an act of `lane`. The file is deleted
    /// once its sealed copy is safe.
    public func capture(_ file: URL, for lane: Lane, source: MediaSource = .camera) throws -> EvidenceRef {
        try lastmile.captureFile(lane: lane, path: file.path, source: source)
    }

    /// Takes a photo or a signature from memory, for an act of `lane`.
    public func capture(_ bytes: Data, for lane: Lane, source: MediaSource) throws -> EvidenceRef {
        try lastmile.captureBytes(lane: lane, bytes: bytes, source: source)
    }

    /// Keeps a small picture of a photo or video, to be shown at the station until the file itself is
    /// there: a JPEG, PNG or HEIC of at most 32 KiB, about 320 pixels wide. Call it right after
    /// `capture`; one that was not sent yet is replaced. One of more than a quarter of its file's bytes
    /// is not kept. If it fails, the evidence is as safe as before: go on without it.
    public func addPreview(_ picture: Data, of evidence: EvidenceId) throws {
        try lastmile.addPreview(evidence: evidence, picture: picture)
    }

    /// Reads a photo, video or signature that was captured here, to show it: at most `length` bytes, and
    /// never more than a MiB at a time. None behind the end, which `EvidenceRef.bytes` tells.
    public func readMedia(_ evidence: EvidenceId, offset: UInt64, length: UInt64) throws -> Data {
        try lastmile.readMedia(evidence: evidence, offset: offset, len: length)
    }

    /// Says where the phone is, or that it does not know.
    public func setHere(_ here: Here?) throws { try lastmile.setHere(here: here) }

    /// Returns the open parcels, the nearest promise first.
    public func stops() throws -> [Stop] { try lastmile.stops() }

    /// Returns what a screen shows of a parcel, its recipient masked.
    public func parcel(_ waybill: Waybill) throws -> ParcelView? { try lastmile.parcel(waybill: waybill) }

    /// Shows a person of the waybill in the clear, and records that this courier was shown him and why.
    ///
    /// `.other` needs a `note`. Throws `Refused` for a parcel that is not this courier's.
    public func reveal(_ party: Party, of waybill: Waybill, reason: RevealReason, note: String? = nil) throws -> Person {
        try lastmile.reveal(waybill: waybill, party: party, reason: reason, note: note)
    }

    /// Returns what a screen shows of a parcel's delivery: the recipient's wish, a redirection that waits, forms owed.
    public func delivery(_ waybill: Waybill) throws -> DeliveryView? { try lastmile.delivery(waybill: waybill) }

    /// Returns the stay of a parcel that lies at a storage site; `nil` if it does not.
    public func storage(_ waybill: Waybill) throws -> StorageView? { try lastmile.storage(waybill: waybill) }

    /// Compares a pickup code that the recipient shows with those given out for his parcel.
    public func checkCode(_ code: String, for waybill: Waybill) throws -> CodeCheck {
        try lastmile.checkCode(waybill: waybill, code: code)
    }

    /// Explains a parcel: why it is marked, where it is, when it comes, whom to call.
    public func explain(_ waybill: Waybill) throws -> ParcelExplanation? { try lastmile.explainParcel(waybill: waybill) }

    /// Tells why a value of the policy, such as `first_contact_min`, is what it is.
    public func explainPolicy(_ value: String) throws -> Explanation { try lastmile.explainPolicy(value: value) }

    /// Returns every clock of a lane that was started, open or stopped.
    public func deadlines(in lane: Lane) throws -> [DeadlineView] { try lastmile.deadlines(lane: lane) }

    /// Returns the open clocks that end before `ms`, UTC milliseconds, the first first; what is over is among them.
    public func deadlinesDue(before ms: Int64) throws -> [DeadlineView] { try lastmile.deadlinesDue(beforeMs: ms) }

    /// Returns the open clock that ends next, for the app's next reminder.
    public func nextDeadline() throws -> DeadlineView? { try lastmile.nextDeadline() }

    /// Renders a notice about a parcel from what is known here and what is `given`.
    public func renderNotice(
        _ template: String, about waybill: Waybill, language: Language = .zh, audience: Audience = .recipient,
        given: [SlotValue] = []
    ) throws -> Notice {
        try lastmile.renderNotice(
            waybill: waybill, template: template, language: language, audience: audience, given: given)
    }

    /// Hands a rendered notice to the hub, which sends it once and says what became of it.
    @discardableResult
    public func send(
        _ notice: Notice, about waybill: Waybill, to party: Party = .recipient, channel: Channel = .sms
    ) throws -> Recorded {
        try record(
            .sendNotice(
                waybill: waybill, to: party, channel: channel, template: notice.template, text: notice.text))
    }

    /// Warns about words of a message that evade, stay vague or are impolite.
    public func lintMessage(_ text: String) throws -> [Finding] { try lastmile.lintMessage(text: text) }

    /// Keeps the badge of an `Enrolment`; `signIn` keeps that of its session by itself.
    public func keepBadge(_ code: String) throws { try lastmile.keepBadge(code: code) }

    /// Returns the badge to be shown, with its QR code; `nil` before the first was kept.
    public func badge() throws -> BadgeCard? { try lastmile.badge() }

    /// Offers parcels to another courier; his phone scans the code.
    public func offer(_ waybills: [Waybill], to courier: CourierNo) throws -> TransferCode {
        try lastmile.offerCustody(waybills: waybills, to: courier)
    }

    /// Reads and checks a scanned code of a transfer. Nothing is recorded.
    public func readTransfer(_ code: String) throws -> TransferView { try lastmile.readTransfer(code: code) }

    /// Takes what another courier offers, but for what is `missing`; the giver's phone scans the answer.
    public func accept(_ code: String, missing: [Waybill] = []) throws -> TransferCode {
        try record(.acceptCustody(code: code, missing: missing))
        return try lastmile.answerOffer(code: code)
    }

    /// Takes note of the receiver's answer: the parcels are his.
    @discardableResult
    public func confirm(_ code: String) throws -> Recorded { try record(.confirmCustody(code: code)) }

    /// Says what became of every parcel of this shift; `counted` are those still in the van.
    public func shiftReconciliation(counted: [Waybill]) throws -> ShiftReconciliation {
        try lastmile.shiftReconciliation(counted: counted)
    }

    /// Closes the shift. Throws `Refused` while a parcel is unaccounted for.
    @discardableResult
    public func closeShift(counted: [Waybill]) throws -> Recorded {
        try record(lastmile.closeShift(counted: counted))
    }

    /// Returns the open exception cases.
    public func openExceptions() throws -> [CaseId] { try lastmile.openExceptions() }

    /// Returns what a screen shows of an exception case.
    public func exceptionCase(_ id: CaseId) throws -> ExceptionView? { try lastmile.exceptionCase(id: id) }

    /// Returns the open complaints, the oldest first.
    public func openComplaints() throws -> [CaseId] { try lastmile.openComplaints() }

    /// Returns what a screen shows of a complaint.
    public func complaint(_ id: CaseId) throws -> ComplaintView? { try lastmile.complaint(id: id) }

    /// Returns a lane's events, oldest first, and how far each has come.
    public func history(_ lane: Lane) throws -> [Entry] { try lastmile.history(lane: lane) }

    /// Returns all that is known of a lane as JSON, for what no view shows.
    public func laneAsJson(_ lane: Lane) throws -> String? { try lastmile.laneAsJson(lane: lane) }

    /// Returns how far everything has come.
    public func status() throws -> SyncStatus { try lastmile.syncStatus() }

    /// Waits until the hub has answered for everything of `recorded`, its photos too.
    ///
    /// Returns false if a part of it is parked: a clerk looks at it. Waits as long as there is no signal, or until the
    /// task is cancelled.
    public nonisolated func waitUntilConfirmed(_ recorded: Recorded) async throws -> Bool {
        for lane in Set(recorded.lanes) {
            for try await entries in values(in: lane, of: { try $0.history(lane) }) {
                let progress = entries.filter { recorded.events.contains($0.event) }.map(\.progress)
                if progress.contains(where: { $0 == .recorded || $0 == .mediaPending }) { continue }
                if progress.contains(where: { $0 != .confirmed }) { return false }
                break
            }
        }
        try Task.checkCancellation()
        return true
    }

    /// Returns what keeps events and photos from the hub, by stable codes; empty when nothing does.
    public func stalls() throws -> [Stall] { try lastmile.stalls() }

    /// Returns what a support desk needs to see of this store, as JSON. Nothing in it is personal.
    public func diagnostics() throws -> String { try lastmile.diagnostics() }

    /// Gives what `read` returns now, and again after every change, of `lane` or of any.
    ///
    ///     for try await stops in courier.values(of: { try $0.stops() }) { … }
    ///
    /// While the store is suspended the stream keeps still; it ends with its reader.
    public nonisolated func values<Value: Equatable & Sendable>(
        in lane: Lane? = nil, of read: @escaping @Sendable (isolated Courier) throws -> Value
    ) -> AsyncThrowingStream<Value, any Error> {
        let (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        return AsyncThrowingStream { values in
            let reading = Task {
                do {
                    let subscription = try await subscribe(Listener(lane: lane) { change.yield() })
                    defer { withExtendedLifetime(subscription) {} }
                    var last: Value?
                    for await _ in changes {
                        guard let value = try await present(read), value != last else { continue }
                        last = value
                        values.yield(value)
                    }
                    values.finish()
                } catch {
                    values.finish(throwing: error)
                }
            }
            values.onTermination = { _ in
                change.finish()
                reading.cancel()
            }
        }
    }

    /// Asks for news at the next `sync`: a push message came, the list was pulled down.
    public func pullSoon() throws { try lastmile.pullSoon() }

    /// Lets closed parcels and cases leave the phone after the policy's days. Call it when the phone is idle.
    public func tidy() throws { while try lastmile.tidy() > 0 {} }

    /// Lets `key` open the store from now on, and no other. Nothing that is stored is written again.
    ///
    /// Keep both keys until this returns: if the phone dies meanwhile, one of the two opens it.
    public func rotateKey(_ key: Data) throws { try lastmile.rotateKey(key: key) }

    /// Closes every file: iOS ends an app that sleeps with a locked database. Call it when the
    /// app goes to the background; calls throw `LastmileError.Suspended` until `resume`.
    public func suspend() throws { try lastmile.suspend() }

    /// Opens the files again.
    public func resume() throws { try lastmile.resume() }

    /// Signs in again with a new one-time code; keep the grant's token with the enrolment.
    @discardableResult
    public func signIn(over link: any HubLink, code: String) async throws -> SessionGrant {
        let grant = try readSession(reply: await link.send(sessionRequest(code: code), tokens: tokens))
        tokens?.session = grant.sessionToken
        try lastmile.setSignedIn(signedIn: true)
        if let badge = grant.badge { try lastmile.keepBadge(code: badge) }
        return grant
    }

    /// Signs out. What is recorded is still sent; nothing is received until `signIn`.
    public func signOut(over link: any HubLink) async throws {
        try lastmile.setSignedIn(signedIn: false)
        _ = await link.send(endSessionRequest(), tokens: tokens)
        tokens?.session = nil
    }

    /// Sends and receives until nothing is left to do, events and photos side by side.
    ///
    /// Call it from a background task, and after a record when there is a signal. A second call
    /// waits for the same end. Without `media`, for a network on which bytes are dear, photos and
    /// videos wait.
    public func sync(over link: any HubLink, media: Bool = true) async throws -> SyncReport {
        while let syncing {
            if syncing.media || !media { return try await syncing.task.value }
            // It lets media wait, and this one does not.
            _ = try? await syncing.task.value
            await Task.yield()
        }
        let task = Task { try await drainAll(over: link, media: media) }
        syncing = (task, media)
        defer { syncing = nil }
        return try await task.value
    }

    private func drainAll(over link: any HubLink, media: Bool) async throws -> SyncReport {
        while true {
            async let events = drain(.events, over: link)
            async let files = media ? drain(.media, over: link) : Drained()
            let ends = try await [events, files]
            let report = SyncReport(
                retryInMs: ends.compactMap(\.waitMs).max(), problem: ends.compactMap(\.problem).first)
            // An event may have made a photo ready to go, and the other way round.
            if !report.done || !ends.contains(where: \.sent) { return report }
        }
    }

    private struct Drained: Sendable {
        var sent = false
        var waitMs: UInt64?
        var problem: LastmileError?
    }

    private func drain(_ channel: SyncChannel, over link: any HubLink) async throws -> Drained {
        var drained = Drained()
        while true {
            switch try lastmile.nextRequest(channel: channel) {
            case .idle: return drained
            case .wait(let ms):
                // Zero: another handle's request is on its way.
                drained.waitMs = max(ms, 1_000)
                return drained
            case .send(let request):
                drained.sent = true
                // The store is free while the request is on its way.
                let reply = await link.send(request, tokens: tokens)
                do {
                    try lastmile.applyReply(id: request.id, reply: reply)
                } catch let problem as LastmileError {
                    guard case .Hub = problem else { throw problem }
                    drained.problem = problem
                }
            }
        }
    }

    private func subscribe(_ listener: Listener) throws -> Subscription {
        try lastmile.subscribe(listener: listener)
    }

    private func present<Value>(_ read: @Sendable (isolated Courier) throws -> Value) throws -> Value? {
        do {
            return try read(self)
        } catch LastmileError.Suspended {
            return nil
        }
    }
}

private final class Listener: ChangeListener {
    private let lane: Lane?
    private let tell: @Sendable () -> Void

    init(lane: Lane?, tell: @escaping @Sendable () -> Void) {
        self.lane = lane
        self.tell = tell
    }

    func onChange(lanes: [Lane]) throws {
        if lane == nil || lanes.isEmpty || lanes.contains(where: { $0 == lane }) { tell() }
    }
}
