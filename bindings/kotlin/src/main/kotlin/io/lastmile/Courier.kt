package io.lastmile

import java.io.File
import java.util.TimeZone
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.async
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.transform
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/** Returns the lane of a parcel. */
fun parcelLane(waybill: Waybill): Lane = "parcel:$waybill"

/** Returns the lane of an exception case. */
fun exceptionLane(case: CaseId): Lane = "exception:$case"

/** Returns the lane of a complaint. */
fun complaintLane(case: CaseId): Lane = "complaint:$case"

/**
 * How a [Courier.sync] ended.
 *
 * [retryInMs] is `null` when everything is sent and received; else come again after so long.
 * [problem] is the last answer that could not be used, if there was one: show its code and go on.
 */
data class SyncReport(val retryInMs: Long?, val problem: LastmileException?) {
    /** Everything is sent and received. */
    val done: Boolean get() = retryInMs == null
}

/**
 * A courier's store, for coroutines.
 *
 * When [record] returns, the act is safe on the phone; [sync] carries it to the hub whenever there
 * is a signal. Every call runs on a background thread and throws [LastmileException]; a flow gives
 * the present value first and then each new one. Opening the same folder twice gives the same
 * store, so a screen and a background job may each open it.
 */
class Courier private constructor(
    private val lastmile: Lastmile,
    @Volatile private var tokens: Tokens,
    private val calls: CoroutineDispatcher,
) : AutoCloseable {
    private val syncing = Mutex()

    /** The open parcels, the nearest promise first. */
    val stops: Flow<List<Stop>> = watch { stops() }

    /** How far everything has come. */
    val status: Flow<SyncStatus> = watch { syncStatus() }

    /** The open complaints, the oldest first. */
    val openComplaints: Flow<List<CaseId>> = watch { openComplaints() }

    /** The open exception cases. */
    val openExceptions: Flow<List<CaseId>> = watch { openExceptions() }

    /** What a screen shows of a parcel, its recipient masked; `null` if it is not known here. */
    fun parcel(waybill: Waybill): Flow<ParcelView?> = watch(parcelLane(waybill)) { parcel(waybill) }

    /** What a screen shows of an exception case. */
    fun exceptionCase(case: CaseId): Flow<ExceptionView?> =
        watch(exceptionLane(case)) { exceptionCase(case) }

    /** What a screen shows of a complaint. */
    fun complaint(case: CaseId): Flow<ComplaintView?> = watch(complaintLane(case)) { complaint(case) }

    /** A lane's events, oldest first, and how far each has come. */
    fun history(lane: Lane): Flow<List<Entry>> = watch(lane) { history(lane) }

    /** All that is known of a lane as JSON, for what no view shows; `null` if it is not known here. */
    suspend fun laneAsJson(lane: Lane): String? = call { laneAsJson(lane) }

    /**
     * Records an act. Throws [LastmileException.Refused] if a rule speaks against it, and then has
     * written nothing.
     */
    suspend fun record(command: Command): Recorded = call { record(command) }

    /** Records an act that was done although a rule speaks against it, with the reason. */
    suspend fun recordDone(command: Command, reason: String): Recorded =
        call { recordDone(command, reason) }

    /** Tells what a rule says against an act, without recording anything. */
    suspend fun check(command: Command): Objection? = call { check(command) }

    /** Makes the id of a new exception case or complaint. */
    suspend fun newCase(): CaseId = call { newCase() }

    /** Takes a photo or video from a file in [captureFolder], for an act of [lane]. */
    suspend fun capture(lane: Lane, file: File, source: MediaSource = MediaSource.CAMERA): EvidenceRef =
        call { captureFile(lane, file.path, source) }

    /** Takes a photo or a signature from memory, for an act of [lane]. */
    suspend fun capture(lane: Lane, bytes: ByteArray, source: MediaSource): EvidenceRef =
        call { captureBytes(lane, bytes, source) }

    /** Says where the phone is, or that it does not know. */
    suspend fun setHere(here: Here?): Unit = call { setHere(here) }

    /**
     * Shows a person of the waybill in the clear, and records that this courier was shown him and why.
     * [RevealReason.OTHER] needs a [note]. Throws [LastmileException.Refused] for a parcel that is not this courier's.
     */
    suspend fun reveal(waybill: Waybill, party: Party, reason: RevealReason, note: String? = null): Person =
        call { reveal(waybill, party, reason, note) }

    /** Asks for news at the next [sync]: a push message came, the list was pulled down. */
    suspend fun pullSoon(): Unit = call { pullSoon() }

    /** Lets closed parcels and cases leave the phone after the policy's days. Call it when the phone is idle. */
    suspend fun tidy() {
        do {
            val left = call { tidy() }
        } while (left > 0u)
    }

    /** Closes every file. Calls throw [LastmileException.Suspended] until [resume]. */
    suspend fun suspend(): Unit = call { this.suspend() }

    /** Opens the files again. */
    suspend fun resume(): Unit = call { resume() }

    /** Signs in again with a new one-time code; keep the grant's token with the enrolment. */
    suspend fun signIn(link: HubLink, code: String): SessionGrant {
        val grant = readSession(link.send(sessionRequest(code), tokens))
        tokens = Tokens(tokens.device, grant.sessionToken)
        call { setSignedIn(true) }
        return grant
    }

    /** Signs out. What is recorded is still sent; nothing is received until [signIn]. */
    suspend fun signOut(link: HubLink) {
        call { setSignedIn(false) }
        link.send(endSessionRequest(), tokens)
        tokens = Tokens(tokens.device, null)
    }

    /**
     * Sends and receives until nothing is left to do, events and photos side by side.
     *
     * Call it from a `WorkManager` job with a network constraint, and after a record when there is a
     * signal. May be cancelled at any point: what was under way is asked again the next time.
     */
    suspend fun sync(link: HubLink): SyncReport = syncing.withLock {
        var report: SyncReport
        do {
            val channels = coroutineScope {
                SyncChannel.entries.map { async { drain(it, link) } }.map { it.await() }
            }
            report = SyncReport(channels.mapNotNull { it.waitMs }.maxOrNull(), channels.firstNotNullOfOrNull { it.problem })
            // An event may have made a photo ready to go, and the other way round.
        } while (report.done && channels.any { it.sent })
        report
    }

    /** Closes this handle, after whoever reads its flows has ended; the last one closes the store. */
    override fun close() = lastmile.close()

    private class Drained(val sent: Boolean, val waitMs: Long?, val problem: LastmileException?)

    private suspend fun drain(channel: SyncChannel, link: HubLink): Drained {
        var sent = false
        var problem: LastmileException? = null
        while (true) {
            when (val next = call { nextRequest(channel) }) {
                is Next.Idle -> return Drained(sent, null, problem)
                // Zero: another handle's request is on its way.
                is Next.Wait -> return Drained(sent, next.ms.toLong().coerceAtLeast(BUSY_MS), problem)
                is Next.Send -> {
                    sent = true
                    try {
                        carry(next.request, link)
                    } catch (unusable: LastmileException.Hub) {
                        problem = unusable
                    }
                }
            }
        }
    }

    private suspend fun carry(request: HubRequest, link: HubLink) {
        var reply: HubReply = HubReply.NoAnswer
        try {
            // The store is free while the request is on its way.
            reply = link.send(request, tokens)
        } finally {
            // Also when the job is cancelled: the request is no longer under way.
            withContext(NonCancellable) { call { applyReply(request.id, reply) } }
        }
    }

    private suspend fun <T> call(make: Lastmile.() -> T): T = withContext(calls) { lastmile.make() }

    /** Reads again whenever [lane], or any, may have changed. While suspended it keeps still. */
    private fun <T> watch(lane: Lane? = null, read: Lastmile.() -> T): Flow<T> = callbackFlow {
        val listener = object : ChangeListener {
            override fun onChange(lanes: List<Lane>) {
                if (lane == null || lanes.isEmpty() || lane in lanes) trySend(Unit)
            }
        }
        val subscription = lastmile.subscribe(listener)
        awaitClose { subscription.close() }
    }.conflate().transform {
        val value = try {
            Present(lastmile.read())
        } catch (_: LastmileException.Suspended) {
            null
        }
        if (value != null) emit(value.value)
    }.distinctUntilChanged().flowOn(calls)

    private class Present<T>(val value: T)

    companion object {
        private const val BUSY_MS = 1_000L

        /** Returns the folder that the camera must write into, made by [open]. */
        fun captureFolder(folder: File): File = File(folder, "capture")

        /**
         * Opens a courier's store in [folder], or makes it on first use.
         *
         * [clock] is a clock that counts sleep: on Android `SystemClock.elapsedRealtime()` with
         * `Settings.Global.BOOT_COUNT`. [signer] is a key in the Keystore, if the phone was enrolled
         * with one.
         */
        suspend fun open(
            folder: File,
            enrolment: Enrolment,
            durability: Durability = Durability.FULL,
            clock: BootClock? = null,
            signer: DeviceSigner? = null,
            calls: CoroutineDispatcher = Dispatchers.IO,
        ): Courier = withContext(calls) {
            val offsetMin = TimeZone.getDefault().getOffset(System.currentTimeMillis()) / 60_000
            val identity = identityOf(enrolment)
            val lastmile = Lastmile.open(folder.path, identity, offsetMin.toShort(), durability, clock, signer)
            Courier(lastmile, Tokens(enrolment), calls)
        }
    }
}
