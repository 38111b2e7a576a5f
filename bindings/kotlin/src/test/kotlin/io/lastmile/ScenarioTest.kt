package io.lastmile

import java.io.File
import java.net.HttpURLConnection
import java.net.URI
import java.nio.file.Files
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking

/** Plays the files of `tests/scenarios` through the facade, against a hub on a port. */
class ScenarioTest {
    @Test
    fun theFirstHandOverComesOutAsWritten() = runBlocking {
        val link = HttpLink(setting("LASTMILE_HUB"))
        val folder = Files.createTempDirectory("lastmile").toFile()
        val enrolment = link.enrol(setting("LASTMILE_CODE"))
        Courier.open(folder, identityOf(enrolment)).use { courier ->
            val runner = Runner(courier, link, folder)
            runner.play("setup.json")
            runner.play("first_handover.json")
        }
        val again = assertFailsWith<LastmileException.Hub> { link.enrol(setting("LASTMILE_CODE")) }
        assertEquals("CodeSpent", again.code)
        folder.deleteRecursively()
        Unit
    }
}

private class Runner(val courier: Courier, val link: HttpLink, val folder: File) {
    private val kept = mutableMapOf<String, Any>()

    suspend fun play(name: String) {
        val file = File(setting("LASTMILE_TESTS"), "scenarios/$name")
        val steps = (Json.parse(file.readText()) as Map<*, *>)["steps"] as List<*>
        steps.forEachIndexed { at, step -> play(filled(step) as Map<*, *>, "$name, step ${at + 1}") }
    }

    private suspend fun play(step: Map<*, *>, at: String) {
        when {
            "clerk" in step -> assertTrue(clerk(Json.write(step["clerk"])) < 300, at)
            "case" in step -> kept[step["case"] as String] = courier.newCase()
            "capture" in step -> capture(step["capture"] as Map<*, *>)
            "record" in step -> courier.record(command(step["record"]))
            "refused" in step -> {
                val refused = assertFailsWith<LastmileException.Refused>(at) {
                    courier.record(command(step["command"]))
                }
                assertEquals(step["refused"], refused.code, at)
            }
            "sync" in step -> assertEquals(SyncReport(null, null), courier.sync(link), at)
            "pending" in step ->
                assertEquals((step["pending"] as Json.Raw).text, "${courier.status.first().pending}", at)
            "history" in step -> {
                val history = courier.history(step["history"] as String).first()
                val last = history.last { it.kind == step["kind"] }
                assertEquals(step["progress"], name(last.progress), at)
            }
            else -> error("$at: unknown step")
        }
    }

    private suspend fun capture(capture: Map<*, *>) {
        // The camera wrote a file into the capture folder.
        val photo = File(Courier.captureFolder(folder), "door.jpg")
        File(setting("LASTMILE_TESTS"), "fixtures/media/door.jpg").copyTo(photo, overwrite = true)
        val evidence = courier.capture(capture["lane"] as String, photo)
        kept[capture["as"] as String] = Json.parse(evidenceToJson(evidence) + "\n")
    }

    /** Puts what was kept where a string says `$name`. */
    private fun filled(value: Any?): Any? = when (value) {
        is String -> if (value.startsWith("$")) kept.getValue(value.drop(1)) else value
        is List<*> -> value.map { filled(it) }
        is Map<*, *> -> value.mapValues { filled(it.value) }
        else -> value
    }

    private fun command(json: Any?): Command = commandFromJson(Json.write(json))

    private fun name(progress: EventProgress): String = when (progress) {
        is EventProgress.Recorded -> "recorded"
        is EventProgress.MediaPending -> "media_pending"
        is EventProgress.Confirmed -> "confirmed"
        is EventProgress.Parked -> "parked"
    }

    private fun clerk(command: String): Int {
        val url = URI("${setting("LASTMILE_HUB")}/v1/clerk/commands").toURL()
        val connection = url.openConnection() as HttpURLConnection
        connection.requestMethod = "POST"
        connection.setRequestProperty("authorization", "Bearer ${setting("LASTMILE_CLERK")}")
        connection.setRequestProperty("content-type", "application/json")
        connection.doOutput = true
        connection.outputStream.use { it.write(command.toByteArray()) }
        return connection.responseCode
    }
}

/** Reads what `cargo xtask kotlin-test` says about the hub it started. */
private fun setting(name: String): String =
    System.getenv(name) ?: error("$name is not set; run the tests with: cargo xtask kotlin-test")
