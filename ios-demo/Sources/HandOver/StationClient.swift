import Foundation
import Lastmile

/// One line of the list.
public struct DeliveryTask: Sendable, Equatable, Identifiable {
    public let waybill: Waybill
    public let stage: String
    public var id: Waybill { waybill }

    public init(waybill: Waybill, stage: String) {
        self.waybill = waybill
        self.stage = stage
    }
}

/// What the screen needs of the library: small enough that a test can script it.
public protocol StationClient: Sendable {
    /// The courier's open parcels, now and after each change.
    func tasks() -> AsyncThrowingStream<[DeliveryTask], any Error>
    /// How many events wait for the hub.
    func waiting() async throws -> Int64
    /// How far the parcel's hand-over has come; `nil` before there is one.
    func handOver(_ waybill: Waybill) async throws -> EventProgress?
    /// Takes the parcel out if that was not done, and records the hand-over with its photo.
    func recordHandOver(_ waybill: Waybill, photo: URL) async throws
    /// Sends and receives.
    func sync() async throws -> SyncReport
}

/// The real one.
public struct CourierClient: StationClient {
    private let courier: Courier
    private let link: any HubLink

    public init(_ courier: Courier, over link: any HubLink) {
        self.courier = courier
        self.link = link
    }

    public func tasks() -> AsyncThrowingStream<[DeliveryTask], any Error> {
        courier.values { courier in
            try courier.stops().map { DeliveryTask(waybill: $0.waybill, stage: $0.stage) }
        }
    }

    public func waiting() async throws -> Int64 { try await courier.status().pending }

    public func handOver(_ waybill: Waybill) async throws -> EventProgress? {
        try await courier.history(parcelLane(waybill)).last { $0.kind == "ParcelDelivered" }?.progress
    }

    public func recordHandOver(_ waybill: Waybill, photo: URL) async throws {
        let takeOut = Command.takeOut(waybills: [waybill])
        if try await courier.check(takeOut) == nil { try await courier.record(takeOut) }
        let evidence = try await courier.capture(photo, for: parcelLane(waybill))
        try await courier.record(
            .deliver(
                waybill: waybill, method: .faceToFace, taker: nil,
                identity: IdentityCheck(method: .name, matched: true), addressChecked: true,
                inspection: .declined, proof: [ProofItem(kind: .photo, evidence: evidence)]))
    }

    public func sync() async throws -> SyncReport { try await courier.sync(over: link) }
}
