package io.lastmile.demo

import io.lastmile.EventProgress
import io.lastmile.LastmileException
import io.lastmile.SyncReport
import io.lastmile.Waybill
import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.runBlocking

/** The screen over a scripted client: no library, no hub, no Android. */
class HandOverScreenTest {
    private val client = ScriptedClient()

    private fun withScreen(use: suspend (HandOverScreen) -> Unit) = runBlocking {
        val scope = CoroutineScope(Dispatchers.Unconfined)
        use(HandOverScreen(client, scope))
        scope.cancel()
    }

    @Test
    fun theListShowsTheTasksAndFollowsThem() = withScreen { screen ->
        assertEquals(listOf("SF1", "SF2"), screen.state.value.tasks.map { it.waybill })
        client.tasks.value = client.tasks.value.drop(1)
        assertEquals(listOf("SF2"), screen.state.value.tasks.map { it.waybill })
    }

    @Test
    fun withoutASignalAHandOverIsRecordedAndNotConfirmed() = withScreen { screen ->
        client.reachable = false
        screen.choose("SF1")

        screen.photoTaken(File("door.jpg"))

        assertEquals(Shown.RECORDED, screen.state.value.handOver)
        assertEquals(1, screen.state.value.waiting)
        assertEquals(null, screen.state.value.advice)
    }

    @Test
    fun withASignalItIsConfirmedAtOnce() = withScreen { screen ->
        screen.choose("SF1")
        screen.photoTaken(File("door.jpg"))
        assertEquals(Shown.CONFIRMED, screen.state.value.handOver)
        assertEquals(0, screen.state.value.waiting)
    }

    @Test
    fun aRefusalShowsItsAdviceAndRecordsNothing() = withScreen { screen ->
        client.refusal = LastmileException.Refused("Recalled", "bring it back to the station")
        screen.choose("SF1")

        screen.photoTaken(File("door.jpg"))

        assertEquals("bring it back to the station", screen.state.value.advice)
        assertEquals(Shown.NONE, screen.state.value.handOver)
    }

    @Test
    fun theNextChoiceForgetsTheAdvice() = withScreen { screen ->
        client.refusal = LastmileException.Refused("Recalled", "bring it back to the station")
        screen.choose("SF1")
        screen.photoTaken(File("door.jpg"))
        screen.choose("SF2")
        assertEquals(null, screen.state.value.advice)
    }
}

private class ScriptedClient : StationClient {
    var reachable = true
    var refusal: LastmileException? = null
    private val handOvers = mutableMapOf<Waybill, EventProgress>()

    override val tasks = MutableStateFlow(listOf("SF1", "SF2").map { Task(it, "out_for_delivery") })
    override val waiting = MutableStateFlow(0L)

    override suspend fun handOver(waybill: Waybill): EventProgress? = handOvers[waybill]

    override suspend fun recordHandOver(waybill: Waybill, photo: File) {
        refusal?.let { throw it }
        handOvers[waybill] = EventProgress.Recorded
        waiting.value += 1
    }

    override suspend fun sync(): SyncReport {
        if (!reachable) return SyncReport(retryInMs = 5_000, problem = null)
        handOvers.replaceAll { _, _ -> EventProgress.Confirmed }
        waiting.value = 0
        return SyncReport(retryInMs = null, problem = null)
    }
}
