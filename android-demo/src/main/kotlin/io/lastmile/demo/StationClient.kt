package io.lastmile.demo

import io.lastmile.Command
import io.lastmile.Courier
import io.lastmile.EventProgress
import io.lastmile.HandoverMethod
import io.lastmile.HubLink
import io.lastmile.IdentityCheck
import io.lastmile.IdentityMethod
import io.lastmile.Inspection
import io.lastmile.ProofItem
import io.lastmile.ProofKind
import io.lastmile.SyncReport
import io.lastmile.Waybill
import io.lastmile.parcelLane
import java.io.File
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.map

/** One line of the list. */
data class Task(val waybill: Waybill, val stage: String)

/** What the screen needs of the library: small enough that a test can script it. */
interface StationClient {
    /** The courier's open parcels. */
    val tasks: Flow<List<Task>>

    /** How many events wait for the hub. */
    val waiting: Flow<Long>

    /** How far the parcel's hand-over has come; `null` before there is one. */
    suspend fun handOver(waybill: Waybill): EventProgress?

    /** Takes the parcel out if that was not done, and records the hand-over with its photo. */
    suspend fun recordHandOver(waybill: Waybill, photo: File)

    /** Sends and receives. */
    suspend fun sync(): SyncReport
}

/** The real one. */
class CourierClient(private val courier: Courier, private val link: HubLink) : StationClient {
    override val tasks: Flow<List<Task>> =
        courier.stops.map { stops -> stops.map { Task(it.waybill, it.stage) } }

    override val waiting: Flow<Long> = courier.status.map { it.pending }

    override suspend fun handOver(waybill: Waybill): EventProgress? =
        courier.history(parcelLane(waybill)).first().lastOrNull { it.kind == "ParcelDelivered" }?.progress

    override suspend fun recordHandOver(waybill: Waybill, photo: File) {
        val takeOut = Command.TakeOut(listOf(waybill))
        if (courier.check(takeOut) == null) courier.record(takeOut)
        val evidence = courier.capture(parcelLane(waybill), photo)
        courier.record(
            Command.Deliver(
                waybill = waybill,
                method = HandoverMethod.FACE_TO_FACE,
                taker = null,
                identity = IdentityCheck(IdentityMethod.NAME, matched = true),
                addressChecked = true,
                inspection = Inspection.DECLINED,
                proof = listOf(ProofItem(ProofKind.PHOTO, evidence)),
            ),
        )
    }

    override suspend fun sync(): SyncReport = courier.sync(link)
}
