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
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.map
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

    /** What a screen shows of a parcel's delivery: the recipient's wish, a redirection that waits, forms owed. */
    fun delivery(waybill: Waybill): Flow<DeliveryView?> = watch(parcelLane(waybill)) { delivery(waybill) }

    /** The stay of a parcel that lies at a storage site; `null` if it does not. */
    fun storage(waybill: Waybill): Flow<StorageView?> = watch(parcelLane(waybill)) { storage(waybill) }

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

    /**
     * Records an act of before, which a phone that is lost had recorded and never sent, with the
     * reason. [happenedMs] is when it happened by the courier's word, UTC milliseconds.
     */
    suspend fun attestLate(command: Command, happenedMs: Long, reason: String): Recorded =
        call { attestLate(command, happenedMs, reason) }

    /** Tells what a rule says against an act, without recording anything. */
    suspend fun check(command: Command): Objection? = call { check(command) }

    /** Tells which parcels of a batch a rule speaks against, without recording anything. */
    suspend fun checkEach(command: Command): List<LeftOut> = call { checkEach(command) }

    /** Makes the id of a new exception case or complaint. */
    suspend fun newCase(): CaseId = call { newCase() }

    /**
     * Takes a photo or video from a file in [captureFolder], for an act of [lane]. The file is deleted
     * once its sealed copy is safe.
     */
    suspend fun capture(lane: Lane, file: File, source: MediaSource = MediaSource.CAMERA): EvidenceRef =
        call { captureFile(lane, file.path, source) }

    /** Takes a photo or a signature from memory, for an act of [lane]. */
    suspend fun capture(lane: Lane, bytes: ByteArray, source: MediaSource): EvidenceRef =
        call { captureBytes(lane, bytes, source) }

    /**
     * Keeps a small [picture] of a photo or video, to be shown at the station until the file itself is
     * there: a JPEG, PNG or HEIC of at most 32 KiB, about 320 pixels wide. Call it right after
     * [capture]; one that was not sent yet is replaced. One of more than a quarter of its file's bytes
     * is not kept. If it fails, the evidence is as safe as before: go on without it.
     */
    suspend fun addPreview(evidence: EvidenceId, picture: ByteArray): Unit =
        call { addPreview(evidence, picture) }

    /**
     * Reads a photo, video or signature that was captured here, to show it: at most [length] bytes, and
     * never more than a MiB at a time. None behind the end, which [EvidenceRef.bytes] tells.
     */
    suspend fun readMedia(evidence: EvidenceId, offset: Long, length: Long): ByteArray =
        call { readMedia(evidence, offset.toULong(), length.toULong()) }

    /** Says where the phone is, or that it does not know. */
    suspend fun setHere(here: Here?): Unit = call { setHere(here) }

    /**
     * Shows a person of the waybill in the clear, and records that this courier was shown him and why.
     * [RevealReason.OTHER] needs a [note]. Throws [LastmileException.Refused] for a parcel that is not this courier's.
     */
    suspend fun reveal(waybill: Waybill, party: Party, reason: RevealReason, note: String? = null): Person =
        call { reveal(waybill, party, reason, note) }

    /** Explains a parcel: why it is marked, where it is, when it comes, whom to call. */
    suspend fun explain(waybill: Waybill): ParcelExplanation? = call { explainParcel(waybill) }

    /** Tells why a value of the policy, such as `first_contact_min`, is what it is. */
    suspend fun explainPolicy(value: String): Explanation = call { explainPolicy(value) }

    /** Every clock of a lane that was started, open or stopped. */
    suspend fun deadlines(lane: Lane): List<DeadlineView> = call { deadlines(lane) }

    /** The open clocks that end before [beforeMs], UTC milliseconds, the first first; what is over is among them. */
    suspend fun deadlinesDue(beforeMs: Long): List<DeadlineView> = call { deadlinesDue(beforeMs) }

    /** The open clock that ends next, for the app's next reminder. */
    suspend fun nextDeadline(): DeadlineView? = call { nextDeadline() }

    /** Compares a pickup code that the recipient shows with those given out for his parcel. */
    suspend fun checkCode(waybill: Waybill, code: String): CodeCheck = call { checkCode(waybill, code) }

    /** Renders a notice about a parcel from what is known here and what is [given]. */
    suspend fun renderNotice(
        waybill: Waybill,
        template: String,
        language: Language = Language.ZH,
        audience: Audience = Audience.RECIPIENT,
        given: List<SlotValue> = emptyList(),
    ): Notice = call { renderNotice(waybill, template, language, audience, given) }

    /** Hands a rendered notice to the hub, which sends it once and says what became of it. */
    suspend fun sendNotice(
        waybill: Waybill,
        notice: Notice,
        to: Party = Party.RECIPIENT,
        channel: Channel = Channel.SMS,
    ): Recorded = record(Command.SendNotice(waybill, to, channel, notice.template, notice.text))

    /** Warns about words of a message that evade, stay vague or are impolite. */
    suspend fun lintMessage(text: String): List<Finding> = call { lintMessage(text) }

    /** Keeps the badge of an [Enrolment]; [signIn] keeps that of its session by itself. */
    suspend fun keepBadge(code: String): Unit = call { keepBadge(code) }

    /** The badge to be shown, with its QR code; `null` before the first was kept. */
    suspend fun badge(): BadgeCard? = call { badge() }

    /** Offers parcels to another courier; his phone scans the code. */
    suspend fun offer(waybills: List<Waybill>, to: CourierNo): TransferCode = call { offerCustody(waybills, to) }

    /** Reads and checks a scanned code of a transfer. Nothing is recorded. */
    suspend fun readTransfer(code: String): TransferView = call { readTransfer(code) }

    /** Takes what another courier offers, but for what is [missing]; the giver's phone scans the answer. */
    suspend fun accept(code: String, missing: List<Waybill> = emptyList()): TransferCode {
        record(Command.AcceptCustody(code, missing))
        return call { answerOffer(code) }
    }

    /** Takes note of the receiver's answer: the parcels are his. */
    suspend fun confirm(code: String): Recorded = record(Command.ConfirmCustody(code))

    /** Says what became of every parcel of this shift; [counted] are those still in the van. */
    suspend fun shiftReconciliation(counted: List<Waybill>): ShiftReconciliation = call { shiftReconciliation(counted) }

    /** Closes the shift. Throws [LastmileException.Refused] while a parcel is unaccounted for. */
    suspend fun closeShift(counted: List<Waybill>): Recorded {
        val close = call { closeShift(counted) }
        return record(close)
    }

    /**
     * Waits until the hub has answered for everything of [recorded], its photos too. Returns false if a part of it
     * is parked: a clerk looks at it. Waits as long as there is no signal; put it into `withTimeoutOrNull`.
     */
    suspend fun waitUntilConfirmed(recorded: Recorded): Boolean = recorded.lanes.distinct().all { lane ->
        history(lane).map { entries -> entries.filter { it.event in recorded.events }.map { it.progress } }
            .first { all -> all.none { it is EventProgress.Recorded || it is EventProgress.MediaPending } }
            .all { it is EventProgress.Confirmed }
    }

    /** What keeps events and photos from the hub, by stable codes; empty when nothing does. */
    suspend fun stalls(): List<Stall> = call { stalls() }

    /** What a support desk needs to see of this store, as JSON. Nothing in it is personal. */
    suspend fun diagnostics(): String = call { diagnostics() }

    /** Asks for news at the next [sync]: a push message came, the list was pulled down. */
    suspend fun pullSoon(): Unit = call { pullSoon() }

    /** Lets closed parcels and cases leave the phone after the policy's days. Call it when the phone is idle. */
    suspend fun tidy() {
        do {
            val left = call { tidy() }
        } while (left > 0u)
    }

    /**
     * Lets [key] open the store from now on, and no other. Nothing that is stored is written again.
     *
     * Keep both keys until this returns: if the phone dies meanwhile, one of the two opens it.
     */
    suspend fun rotateKey(key: ByteArray): Unit = call { rotateKey(key) }

    /**
     * Deletes photos and videos that the hub has, the oldest first, until those left take at most [atMost] bytes.
     * Returns how many they take then: more, if nothing else may go.
     */
    suspend fun shrinkMedia(atMost: Long): Long = call { shrinkMedia(atMost) }

    /** What was saved if the store was found damaged when it was opened; it is sent again. */
    suspend fun salvaged(): Salvaged? = call { salvaged() }

    /** Closes every file. Calls throw [LastmileException.Suspended] until [resume]. */
    suspend fun suspend(): Unit = call { this.suspend() }

    /** Opens the files again. */
    suspend fun resume(): Unit = call { resume() }

    /** Signs in again with a new one-time code; keep the grant's token with the enrolment. */
    suspend fun signIn(link: HubLink, code: String): SessionGrant {
        val grant = readSession(link.send(sessionRequest(code), tokens))
        tokens = Tokens(tokens.device, grant.sessionToken)
        call {
            setSignedIn(true)
            grant.badge?.let { keepBadge(it) }
        }
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
     * Without [media], for a network on which bytes are dear, photos and videos wait.
     */
    suspend fun sync(link: HubLink, media: Boolean = true): SyncReport = syncing.withLock {
        val wanted = if (media) SyncChannel.entries else listOf(SyncChannel.EVENTS)
        var report: SyncReport
        do {
            val channels = coroutineScope {
                wanted.map { async { drain(it, link) } }.map { it.await() }
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
         * [key] seals all that is stored: 32 bytes from a `SecureRandom`, made once and kept under a key
         * of the Keystore. With another key it throws the code `WrongKey` and touches nothing.
         * [clock] is a clock that counts sleep: on Android `SystemClock.elapsedRealtime()` with
         * `Settings.Global.BOOT_COUNT`. [signer] is a key in the Keystore, if the phone was enrolled
         * with one.
         */
        suspend fun open(
            folder: File,
            key: ByteArray,
            enrolment: Enrolment,
            durability: Durability = Durability.FULL,
            clock: BootClock? = null,
            signer: DeviceSigner? = null,
            calls: CoroutineDispatcher = Dispatchers.IO,
        ): Courier = withContext(calls) {
            val offsetMin = TimeZone.getDefault().getOffset(System.currentTimeMillis()) / 60_000
            val identity = identityOf(enrolment)
            val lastmile = Lastmile.open(folder.path, key, identity, offsetMin.toShort(), durability, clock, signer)
            Courier(lastmile, Tokens(enrolment), calls)
        }
    }
}
