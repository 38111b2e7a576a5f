package io.lastmile

import java.io.File
import java.nio.file.Files
import kotlin.test.AfterTest
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNotNull
import kotlin.test.assertTrue
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.async
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.yield

/** What tests seal their stores under. */
internal val STORE_KEY = ByteArray(32) { 7 }

/** What Kotlin makes of the library: errors, life cycle, listeners. Needs no hub. */
class CourierTest {
    private val folder = Files.createTempDirectory("lastmile").toFile()

    @AfterTest
    fun tidy() {
        folder.deleteRecursively()
    }

    private fun enrolment(device: String = "018f0000-0000-7000-8000-000000000001") = Enrolment(
        device = device,
        courier = "4849",
        station = "JL31",
        deviceToken = "device",
        sessionToken = "session",
        rootKey = "04",
        epoch = "018f0000-0000-7000-8000-000000000002",
    )

    private fun handle(): Lastmile =
        Lastmile.open(folder.path, STORE_KEY, identityOf(enrolment()), 480, Durability.FULL)

    private fun withCourier(use: suspend (Courier) -> Unit) = runBlocking {
        Courier.open(folder, STORE_KEY, enrolment()).use { use(it) }
    }

    private suspend fun complaint(courier: Courier, name: String = "欧阳娜") = Command.ReceiveComplaint(
        case = courier.newCase(),
        waybill = "SF1000000000002",
        complainant = Person(name, "13900000003", "", null, null),
        demand = "请今天送到",
        source = ComplaintSource.CUSTOMER,
        `class` = ComplaintClass.DELAY,
        about = null,
    )

    @Test
    fun aRefusalHasACodeAndAdvice() = withCourier { courier ->
        val command = Command.Arrive("SF1999999999999")
        val refused = assertFailsWith<LastmileException.Refused> { courier.record(command) }
        assertEquals("UnknownParcel", refused.code)
        assertTrue("sync" in refused.advice)

        val objection = assertNotNull(courier.check(command))
        assertEquals(Objection(refused.code, refused.advice, canBeRecordedDone = false), objection)
        assertEquals(0, courier.status.first().pending)
    }

    @Test
    fun aBadWaybillIsBadInputAndNoCrash() = withCourier { courier ->
        for (waybill in listOf("", "A", "运单 1", "SF1".repeat(50))) {
            val bad = assertFailsWith<LastmileException.BadInput> { courier.record(Command.Arrive(waybill)) }
            assertTrue(bad.code.isNotEmpty() && bad.advice.isNotEmpty())
        }
        assertFailsWith<LastmileException.BadInput> { courier.complaint("no uuid").first() }
        assertFailsWith<LastmileException.BadInput> { commandFromJson("""{"do": "fly"}""") }
    }

    @Test
    fun aSuspendedStoreSaysSoAndWorksAfterResume() = withCourier { courier ->
        courier.suspend()
        assertFailsWith<LastmileException.Suspended> { courier.record(complaint(courier)) }

        courier.resume()
        courier.record(complaint(courier))

        assertEquals(1, courier.status.first().pending)
    }

    @Test
    fun whatIsNotSyncedHasItsCodeAndASupportDeskIsSentNobodysName() = withCourier { courier ->
        courier.record(complaint(courier))
        assertEquals(listOf(Stall("NotSynced", SyncChannel.EVENTS, 1, 0)), courier.stalls())
        val told = courier.diagnostics()
        assertTrue("NotSynced" in told)
        assertFalse("欧阳娜" in told || "13900000003" in told || "请今天送到" in told)
    }

    @Test
    fun aSecondOpenGivesTheSameStore() = withCourier { courier ->
        Courier.open(File(folder, "."), STORE_KEY, enrolment()).use { it.record(complaint(it)) }
        assertEquals(1, courier.status.first().pending)
    }

    @Test
    fun aClosedStoreOpensAgainWithAllThatWasRecorded() {
        withCourier { it.record(complaint(it)) }
        withCourier { assertEquals(1, it.status.first().pending) }
    }

    @Test
    fun anotherEnrolmentIsATypedError() {
        val other = enrolment("018f0000-0000-7000-8000-000000000009")
        withCourier {
            val open = assertFailsWith<LastmileException.Store> { Courier.open(folder, STORE_KEY, other) }
            assertEquals("OtherEnrolment", open.code)
        }
        val closed = assertFailsWith<LastmileException.Store> { runBlocking { Courier.open(folder, STORE_KEY, other) } }
        assertEquals("OtherEnrolment", closed.code)
    }

    @Test
    fun theKeyInForceOpensTheStoreAndNoOther() {
        val new = ByteArray(32) { 8 }
        withCourier { courier ->
            courier.record(complaint(courier))
            courier.rotateKey(new)
        }
        val refused = assertFailsWith<LastmileException.Store> { withCourier {} }
        assertEquals("WrongKey", refused.code)
        runBlocking { Courier.open(folder, new, enrolment()).use { assertEquals(1, it.status.first().pending) } }
        val short = assertFailsWith<LastmileException.BadInput> {
            runBlocking { Courier.open(folder, ByteArray(31), enrolment()) }
        }
        assertEquals("BadArgument", short.code)
    }

    @Test
    fun aFlowGivesThePresentValueAndThenTheNext() = withCourier { courier ->
        runBlocking {
            val two = async { courier.status.take(2).toList() }
            while (two.isActive) {
                courier.record(complaint(courier))
                yield()
            }
            val (before, after) = two.await()
            assertTrue(after.pending > before.pending)
        }
    }

    @Test
    fun aListenerIsToldTheLanesAndMayCallBack() = runBlocking {
        handle().use { lastmile ->
            val told = mutableListOf<List<Lane>>()
            val listener = object : ChangeListener {
                override fun onChange(lanes: List<Lane>) {
                    told += lanes
                    lastmile.syncStatus()
                }
            }
            val courier = Courier.open(folder, STORE_KEY, enrolment())
            val command = complaint(courier)
            lastmile.subscribe(listener).use { courier.record(command) }
            courier.record(complaint(courier))
            courier.close()
            assertEquals(listOf(emptyList(), listOf(complaintLane(command.case))), told)
        }
    }

    @Test
    fun whatAListenerThrowsIsATypedErrorWithoutItsWords() {
        handle().use { lastmile ->
            val listener = object : ChangeListener {
                override fun onChange(lanes: List<Lane>): Unit = error("王小明 13900000001")
            }
            val failed = assertFailsWith<LastmileException.Internal> { lastmile.subscribe(listener) }
            assertFalse("139" in failed.report)
        }
    }

    @Test
    fun aPhotoIsTakenFromAFileOfTheCaptureFolderOnly() = withCourier { courier ->
        val lane = parcelLane("SF1000000000001")
        val photo = File(Courier.captureFolder(folder), "door.jpg")
        val jpeg = byteArrayOf(-1, -40, -1, -32) + ByteArray(60)
        photo.writeBytes(jpeg)
        val taken = courier.capture(lane, photo)
        assertEquals(64uL, taken.bytes)
        assertFalse(photo.exists(), "it is there once, and sealed")
        assertContentEquals(jpeg, courier.readMedia(taken.id, 0, 1000))

        val elsewhere = File(folder, "door.jpg").apply { writeBytes(jpeg) }
        val path = assertFailsWith<LastmileException.BadInput> { courier.capture(lane, elsewhere) }
        assertEquals("MediaBadPath", path.code)
        val text = assertFailsWith<LastmileException.BadInput> {
            courier.capture(lane, "not a photo, nor a signature".toByteArray(), MediaSource.SCREEN)
        }
        assertEquals("NotMedia", text.code)
    }

    @Test
    fun aPreviewIsKeptForAPhotoAndRefusedIfItIsNone() = withCourier { courier ->
        val start = byteArrayOf(-1, -40, -1, -32)
        val photo = courier.capture(parcelLane("SF1000000000001"), start + ByteArray(200_000), MediaSource.CAMERA)
        courier.addPreview(photo.id, start + ByteArray(10_000))

        val none = assertFailsWith<LastmileException.BadInput> { courier.addPreview(photo.id, ByteArray(100)) }
        assertEquals("PreviewNotPicture", none.code)
        val large = assertFailsWith<LastmileException.BadInput> {
            courier.addPreview(photo.id, start + ByteArray(40_000))
        }
        assertEquals("PreviewTooLarge", large.code)
    }

    @Test
    fun whatALostPhoneTookWithItIsAttested() = withCourier { courier ->
        val command = complaint(courier)
        val happened = System.currentTimeMillis() - 3_600_000
        courier.attestLate(command, happened, "手机丢了")

        val entry = courier.history("complaint:${command.case}").first().single()
        assertEquals(happened, entry.at.ms)
        assertTrue(assertNotNull(entry.attestedAt).ms > happened)
    }

    @Test
    fun noErrorTextHoldsWhatWasTypedIn() = withCourier { courier ->
        val words = listOf("王小明", "13900000001")
        val errors = listOf(
            assertFailsWith<LastmileException> { commandFromJson("""{"do": "王小明 13900000001"}""") },
            assertFailsWith<LastmileException> { courier.record(Command.Arrive("王小明13900000001")) },
            assertFailsWith<LastmileException> { courier.exceptionCase("王小明 13900000001").first() },
            assertFailsWith<LastmileException> { courier.recordDone(complaint(courier, "王小明"), " ") },
            assertFailsWith<LastmileException> { courier.attestLate(complaint(courier, "王小明"), 0, "丢了") },
        )
        for (error in errors) for (word in words) assertFalse(word in error.toString(), "$error")
    }

    @Test
    fun aHubOutOfReachIsNoAnswerAndLosesNothing() = withCourier { courier ->
        courier.record(complaint(courier))
        // Nothing listens on port 9.
        val link = HttpLink("http://127.0.0.1:9")

        val report = courier.sync(link)

        assertTrue(assertNotNull(report.retryInMs) > 0)
        assertEquals(1, courier.status.first().pending)
        assertIs<LastmileException.Hub>(runCatching { link.enrol("1234") }.exceptionOrNull())
    }

    @Test
    fun theVersionIsTold() = assertTrue(Regex("""\d+\.\d+\.\d+""").matches(version()))
}
