package io.lastmile.demo

import android.app.Activity
import android.content.Context
import android.graphics.Bitmap
import android.graphics.Color
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.os.SystemClock
import android.provider.Settings
import android.view.View
import android.widget.ArrayAdapter
import android.widget.Button
import android.widget.EditText
import android.widget.ListView
import android.widget.TextView
import io.lastmile.BootClock
import io.lastmile.BootReading
import io.lastmile.Courier
import io.lastmile.Enrolment
import io.lastmile.HttpLink
import io.lastmile.LastmileException
import io.lastmile.enrol
import io.lastmile.enrolmentToJson
import io.lastmile.parseEnrolment
import java.io.File
import java.util.concurrent.Executor
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/**
 * The demo's one screen. What it shows is decided in [HandOverScreen].
 *
 * Checked here: it compiles against Android's classes, its resources are linked, its logic is
 * tested on the JVM. Not checked here: a device, the NDK build, JNA's loading, what the Keystore does, a camera.
 */
class HandOverActivity : Activity() {
    private val main = Executor { Handler(Looper.getMainLooper()).post(it) }.asCoroutineDispatcher()
    private val scope = CoroutineScope(SupervisorJob() + main)
    private val folder get() = File(noBackupFilesDir, "courier")
    private var courier: Courier? = null
    private var screen: HandOverScreen? = null

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.hand_over)
        findViewById<Button>(R.id.enrol).setOnClickListener { scope.launch { enrol() } }
        findViewById<Button>(R.id.hand_over).setOnClickListener {
            scope.launch { screen?.photoTaken(picture()) }
        }
        findViewById<Button>(R.id.sync).setOnClickListener { scope.launch { screen?.sync() } }
        findViewById<ListView>(R.id.tasks).setOnItemClickListener { _, _, at, _ ->
            scope.launch { screen?.run { choose(state.value.tasks[at].waybill) } }
        }
        val (hub, kept) = secrets.read(HUB) to secrets.read(ENROLMENT)
        if (hub != null && kept != null) {
            scope.launch { open(hub.decodeToString(), parseEnrolment(kept.decodeToString())) }
        }
    }

    override fun onStart() {
        super.onStart()
        scope.launch { courier?.resume() }
    }

    override fun onStop() {
        scope.launch { courier?.suspend() }
        super.onStop()
    }

    override fun onDestroy() {
        scope.cancel()
        courier?.close()
        super.onDestroy()
    }

    private suspend fun enrol() {
        val hub = findViewById<EditText>(R.id.hub).text.toString()
        val code = findViewById<EditText>(R.id.code).text.toString()
        try {
            val enrolment = HttpLink(hub).enrol(code)
            secrets.keep(HUB, hub.encodeToByteArray())
            secrets.keep(ENROLMENT, enrolmentToJson(enrolment).encodeToByteArray())
            open(hub, enrolment)
            enrolment.badge?.let { courier?.keepBadge(it) }
        } catch (problem: LastmileException.Hub) {
            findViewById<TextView>(R.id.advice).text = problem.advice
        }
    }

    private suspend fun open(hub: String, enrolment: Enrolment) {
        val clock = SleepCountingClock(Settings.Global.getInt(contentResolver, Settings.Global.BOOT_COUNT, 0))
        val opened = Courier.open(folder, secrets.storeKey(), enrolment, clock = clock)
        val shown = HandOverScreen(CourierClient(opened, HttpLink(hub)), scope)
        courier = opened
        screen = shown
        findViewById<View>(R.id.enrolment).visibility = View.GONE
        scope.launch { shown.state.collect(::show) }
        shown.sync()
    }

    private fun show(state: ScreenState) {
        findViewById<ListView>(R.id.tasks).adapter = ArrayAdapter(
            this, android.R.layout.simple_list_item_1, state.tasks.map { "${it.waybill}  ${it.stage}" },
        )
        findViewById<Button>(R.id.hand_over).isEnabled = state.chosen != null
        findViewById<TextView>(R.id.status).text =
            getString(R.string.status, state.chosen.orEmpty(), getString(words(state.handOver)), state.waiting)
        findViewById<TextView>(R.id.advice).text = state.advice.orEmpty()
    }

    private fun words(shown: Shown): Int = when (shown) {
        Shown.NONE -> R.string.none
        Shown.RECORDED -> R.string.recorded
        Shown.ON_ITS_WAY -> R.string.on_its_way
        Shown.CONFIRMED -> R.string.confirmed
        Shown.PARKED -> R.string.parked
    }

    /** Stands in for the camera: a grey picture, written where the camera would write. */
    private fun picture(): File {
        val file = File(Courier.captureFolder(folder), "${SystemClock.elapsedRealtimeNanos()}.jpg")
        val bitmap = Bitmap.createBitmap(320, 240, Bitmap.Config.RGB_565).apply { eraseColor(Color.GRAY) }
        file.outputStream().use { bitmap.compress(Bitmap.CompressFormat.JPEG, 80, it) }
        return file
    }

    private val secrets get() = Sealed(getSharedPreferences("enrolment", Context.MODE_PRIVATE))

    private companion object {
        const val HUB = "hub"
        const val ENROLMENT = "enrolment"
    }
}

/** Android's clock that goes on while the phone sleeps. */
private class SleepCountingClock(private val boot: Int) : BootClock {
    override fun read() = BootReading(boot.toString(), SystemClock.elapsedRealtime())
}
