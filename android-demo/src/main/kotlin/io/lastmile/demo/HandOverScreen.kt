package io.lastmile.demo

import io.lastmile.EventProgress
import io.lastmile.LastmileException
import io.lastmile.Waybill
import java.io.File
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch

/** A hand-over's state in the words of the screen. */
enum class Shown { NONE, RECORDED, ON_ITS_WAY, CONFIRMED, PARKED }

/** Everything the screen shows. */
data class ScreenState(
    val tasks: List<Task> = emptyList(),
    val chosen: Waybill? = null,
    val handOver: Shown = Shown.NONE,
    val waiting: Long = 0,
    /** The advice of the last refusal or problem: it says what to do. */
    val advice: String? = null,
)

/**
 * What the screen does, free of Android so that a plain test can hold it.
 *
 * "Recorded" is shown as soon as the act is safe on the phone, "confirmed" only when the hub has
 * the act and its photo: two states, never one.
 */
class HandOverScreen(private val client: StationClient, scope: CoroutineScope) {
    private val present = MutableStateFlow(ScreenState())

    /** What is shown now. */
    val state: StateFlow<ScreenState> = present.asStateFlow()

    init {
        scope.launch { client.tasks.collect { tasks -> present.update { it.copy(tasks = tasks) } } }
        scope.launch { client.waiting.collect { waiting -> present.update { it.copy(waiting = waiting) } } }
    }

    /** The courier picked a line of the list. */
    suspend fun choose(waybill: Waybill) {
        present.update { it.copy(chosen = waybill, advice = null) }
        look(waybill)
    }

    /** The camera has written its photo: record the hand-over, then try to send it. */
    suspend fun photoTaken(photo: File) {
        val waybill = present.value.chosen ?: return
        advised {
            client.recordHandOver(waybill, photo)
            look(waybill)
        }
        sync()
    }

    /** Sends and receives; without a signal nothing is lost and nothing is said. */
    suspend fun sync() {
        advised { client.sync() }
        present.value.chosen?.let { look(it) }
    }

    private suspend fun look(waybill: Waybill) = advised {
        val shown = when (client.handOver(waybill)) {
            null -> Shown.NONE
            is EventProgress.Recorded -> Shown.RECORDED
            is EventProgress.MediaPending -> Shown.ON_ITS_WAY
            is EventProgress.Confirmed -> Shown.CONFIRMED
            is EventProgress.Parked -> Shown.PARKED
        }
        present.update { it.copy(handOver = shown) }
    }

    private suspend fun advised(act: suspend () -> Unit) {
        try {
            act()
        } catch (refused: LastmileException.Refused) {
            advise(refused.advice)
        } catch (input: LastmileException.BadInput) {
            advise(input.advice)
        } catch (store: LastmileException.Store) {
            advise(store.advice)
        } catch (_: LastmileException.Suspended) {
            // The app went to the background; the flows speak again when it is back.
        }
    }

    private fun advise(advice: String) = present.update { it.copy(advice = advice) }
}
